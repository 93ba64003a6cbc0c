"""Evidence packages: asked for, followed, signed and fetched by other systems and by auditors."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints, model_validator

from lots.models import ProductRevision
from mes import packages as building
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.lookup import lot_of
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import PRINTABLE, OptionalCode, Password, Strict
from mes.storage import FileLost
from quality.models import EvidencePackage

router = Router(tags=["Evidence packages"])


class PackageFilter(Strict):
    lot: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


class ProductIn(Strict):
    product: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=PRINTABLE)]
    revision: Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=PRINTABLE)]


class PackageIn(Strict):
    """Of a cell lot, or of a product revision against the newest baseline."""

    lot: OptionalCode = ""
    qualification: ProductIn | None = Field(default=None)

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if bool(self.lot) == (self.qualification is not None):
            raise ValueError("name a lot or a qualification")
        return self


class SignatureIn(Strict):
    password: Password


@router.get("/packages", response={200: dict[str, Any], **refusals()})
def list_packages(request: HttpRequest, wanted: Query[PackageFilter]) -> JsonResponse:
    """Evidence packages of the site, newest first."""
    rows = _rows(request)
    if wanted.lot:
        rows = rows.filter(lot__code=wanted.lot)
    found, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [package_out(row) for row in found], "next": following})


@router.post("/packages", response={202: dict[str, Any], **writing(404)})
def ask(request: HttpRequest, payload: PackageIn) -> JsonResponse:
    """Ask for a package; a worker builds it. Follow it by its `id`."""
    caller = caller_of(request)
    lot = lot_of(caller.site, payload.lot) if payload.lot else None
    revision = None
    if payload.qualification is not None:
        wanted = payload.qualification
        revision = ProductRevision.objects.filter(
            product__code=wanted.product, revision=wanted.revision
        ).first()
        if revision is None:
            raise Http404
    made = building.ask(caller.site, lot=lot, product_revision=revision, user=caller.user, now=timezone.now())
    return JsonResponse(package_out(_package(request, made.uuid)), status=202)


@router.get("/packages/{uuid:package_id}", response={200: dict[str, Any], **refusals(404)})
def show(request: HttpRequest, package_id: UUID) -> JsonResponse:
    """How far it is; once built its manifest, and what keeps it from being signed."""
    return JsonResponse(package_out(_package(request, package_id), whole=True))


@router.post("/packages/{uuid:package_id}/signature", response={200: dict[str, Any], **writing(404)})
def sign(request: HttpRequest, package_id: UUID, payload: SignatureIn) -> JsonResponse:
    """Sign the built package as the caller, with the caller's password."""
    found = _package(request, package_id)
    building.sign(found, user=caller_of(request).user, password=payload.password, now=timezone.now())
    return JsonResponse(package_out(_package(request, package_id)))


@router.get("/packages/{uuid:package_id}/archive", response={200: Any, **refusals(404)})
def fetch(request: HttpRequest, package_id: UUID) -> HttpResponse:
    """The zip: the signed one, else the draft. Its SHA-256 is in the package's record."""
    found = _package(request, package_id)
    latest = getattr(found, "issue", None) or getattr(found, "build", None)
    if latest is None:
        raise Http404
    try:
        archive = building.read_archive(latest.archive_sha256)
    except FileLost as error:
        raise Http404 from error
    return HttpResponse(archive, content_type="application/zip")


def package_out(package: EvidencePackage, *, whole: bool = False) -> dict[str, Any]:
    build, issue = getattr(package, "build", None), getattr(package, "issue", None)
    latest = issue or build
    said = {
        "id": str(package.uuid),
        "code": package.code,
        "lot": package.lot.code if package.lot else None,
        "qualification": str(package.product_revision) if package.product_revision else None,
        "requested_at": package.requested_at,
        "requested_by": package.requested_by.username,
        "state": _state(package),
        "findings": [{"check": check, "message": words} for check, words in build.findings] if build else [],
        "signed_by": issue.signature.printed_name if issue else None,
        "archive_sha256": latest.archive_sha256 if latest else None,
        "archive_bytes": latest.archive_bytes if latest else None,
    }
    if whole:
        said["manifest"] = build.manifest if build else None
        said["failures"] = list(
            package.progress.exclude(error="").order_by("pk").values_list("error", flat=True)
        )
    return said


def _state(package: EvidencePackage) -> str:
    if getattr(package, "issue", None):
        return "signed"
    if getattr(package, "build", None):
        return "built"
    return "failed" if building.is_given_up(package, now=timezone.now()) else "building"


def _rows(request: HttpRequest) -> Any:
    return EvidencePackage.objects.filter(site=caller_of(request).site).select_related(
        "site", "lot", "product_revision__product", "requested_by", "build", "issue__signature"
    )


def _package(request: HttpRequest, key: UUID) -> EvidencePackage:
    found: EvidencePackage | None = _rows(request).filter(uuid=key).first()
    if found is None:
        raise Http404
    return found
