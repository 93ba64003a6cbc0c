"""Evidence packages: the list, one with its progress, checks and signature, and its download."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import Lot, ProductRevision
from mes import packages as building
from mes.storage import FileLost
from mes.web.site import SiteRequest, site_page
from quality.actions.package import MEANING, PackageRefused
from quality.actions.sign import SignatureRefused, verify
from quality.models import EvidencePackage
from quality.package.artifacts import ARTIFACTS
from quality.package.checks import TITLES
from quality.permissions import Action, may

LISTED = 100


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def packages(request: SiteRequest) -> HttpResponse:
    if request.method != "POST":
        return _list(request)
    code, product = request.POST.get("lot", "").strip(), request.POST.get("product", "")
    try:
        lot = Lot.objects.select_related("material", "site").filter(site=request.site, code=code).first()
        if code and lot is None:
            raise PackageRefused(f"lot: {code} is not known at {request.site.code}")
        revision = _revision(product)
        made = building.ask(
            request.site, lot=lot, product_revision=revision, user=request.user, now=request.now
        )
    except PackageRefused as refusal:
        return _list(request, error=str(refusal), status=422)
    return redirect("web:package", made.pk)


def _revision(product: str) -> ProductRevision | None:
    if not product:
        return None
    found = ProductRevision.objects.filter(pk=int(product)).first() if product.isdecimal() else None
    if found is None:
        raise PackageRefused("product: choose one of the list")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def package(request: SiteRequest, key: int) -> HttpResponse:
    found = _package(request, key)
    if request.method != "POST":
        return _page(request, found)
    try:
        building.sign(found, user=request.user, password=request.POST.get("password", ""), now=request.now)
    except (PackageRefused, SignatureRefused) as refusal:
        return _page(request, found, error=str(refusal), status=422)
    messages.success(request, f"Signed: {found.code} can be handed out.")
    return redirect("web:package", found.pk)


@require_safe
@site_page()
def download(request: SiteRequest, key: int) -> HttpResponse:
    """The signed archive, else the draft."""
    found = _package(request, key)
    latest = getattr(found, "issue", None) or getattr(found, "build", None)
    if latest is None:
        raise Http404("it is not built yet")
    try:
        archive = building.read_archive(latest.archive_sha256)
    except FileLost as error:
        raise Http404(f"the archive {error}") from error
    answer = HttpResponse(archive, content_type="application/zip")
    draft = "" if hasattr(found, "issue") else "-draft"
    answer["Content-Disposition"] = f'attachment; filename="{found.code}{draft}.zip"'
    return answer


def _package(request: SiteRequest, key: int) -> EvidencePackage:
    rows = EvidencePackage.objects.select_related(
        "site",
        "lot__site",
        "product_revision__product",
        "baseline",
        "requested_by",
        "build",
        "issue__signature",
    )
    return get_object_or_404(rows, pk=key, site=request.site)


def _list(request: SiteRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    rows = EvidencePackage.objects.filter(site=request.site).select_related(
        "site", "lot", "product_revision__product", "requested_by", "build", "issue__signature"
    )
    context = {
        "nav_active": "requirements",
        "packages": rows.order_by("-pk")[:LISTED],
        "products": ProductRevision.objects.filter(lot__site=request.site)
        .select_related("product")
        .distinct()
        .order_by("pk"),
        "lot_code": request.POST.get("lot") or request.GET.get("lot", ""),
        "may_build": may(request.user, request.site, Action.BUILD_PACKAGE),
        "error": error,
    }
    return render(request, "web/packages/list.html", context, status=status)


def _page(
    request: SiteRequest, found: EvidencePackage, *, error: str = "", status: int = 200
) -> HttpResponse:
    build, issue = getattr(found, "build", None), getattr(found, "issue", None)
    progress = list(found.progress.order_by("attempt", "pk"))
    attempt = max((row.attempt for row in progress), default=0)
    failures = [row for row in progress if row.error]
    done = {row.artifact for row in progress if row.attempt == attempt}
    files = build.manifest["files"] if build else {}
    context = {
        "nav_active": "requirements",
        "package": found,
        "build": build,
        "issue": issue,
        "genuine": verify(issue.signature, build.manifest) if build and issue else False,
        "findings": [(TITLES.get(check, check), words) for check, words in build.findings] if build else [],
        "artifacts": [
            (artifact, artifact.name in done or build is not None, files.get(artifact.name, ""))
            for artifact in ARTIFACTS
        ],
        "others": [(name, sha) for name, sha in files.items() if name not in {a.name for a in ARTIFACTS}],
        "attempt": attempt,
        "failures": failures,
        "given_up": building.is_given_up(found, now=request.now),
        "meaning": MEANING,
        "may_sign": may(request.user, request.site, Action.SIGN_PACKAGE),
        "error": error,
    }
    if "HX-Request" not in request.headers:
        return render(request, "web/packages/package.html", context, status=status)
    answer = render(request, "web/packages/_state.html", context)
    if build or context["given_up"]:
        answer["HX-Redirect"] = reverse("web:package", args=[found.pk])  # the whole page, which asks no more
    return answer
