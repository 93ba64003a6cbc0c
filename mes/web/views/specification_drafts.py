"""Change what values are judged by: draft limits, and approve what another person drafted."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from lots.models import Characteristic, MaterialDefinition, ProductRevision
from lots.units import units_like
from mes.web.site import SiteRequest, site_page
from mes.web.templatetags.quality_ui import refusal as said
from quality.actions.sign import SignatureRefused
from quality.actions.specify import (
    FIELDS,
    NUMBERS,
    SpecificationRefused,
    approve_specification,
    draft_specification,
)
from quality.models import Requirement, SourceType, Specification, SpecificationDraft, SpecificationLine
from quality.permissions import Action
from quality.specification_history import Limits, newest_line, waiting_draft


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.EDIT_MASTERS)
def revise(request: SiteRequest, key: int) -> HttpResponse:
    """The form of the next revision; it starts from the draft that waits, or else from the newest revision."""
    found = get_object_or_404(
        Specification.objects.select_related("characteristic__step", "product_revision__product", "material"),
        pk=key,
    )
    if request.method == "POST":
        return _draft(request, found.characteristic, found.product_revision, found.material, found)
    start = waiting_draft(found) or newest_line(found)
    return _form(request, found.characteristic, found, _values(start) if start else {})


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.EDIT_MASTERS)
def first_issue(request: SiteRequest) -> HttpResponse:
    """Choose what to specify, then the form of its first revision."""
    asked = request.POST if request.method == "POST" else request.GET
    characteristic = Characteristic.objects.filter(code=asked.get("characteristic", "")).first()
    product = asked.get("product", "")
    if characteristic is None or not product.isdecimal():
        context = {
            "nav_active": "specifications",
            "characteristics": Characteristic.objects.select_related("step").order_by(
                "step__sequence", "code"
            ),
            "products": ProductRevision.objects.select_related("product").order_by(
                "product__code", "revision"
            ),
            "materials": MaterialDefinition.objects.order_by("code"),
            "requirement": asked.get("requirement", ""),
        }
        return render(request, "web/specifications/choose.html", context)
    revision = get_object_or_404(ProductRevision.objects.select_related("product"), pk=int(product))
    material = MaterialDefinition.objects.filter(code=asked.get("material", "")).first()
    found = Specification.objects.filter(
        characteristic=characteristic, product_revision=revision, material=material
    ).first()
    if found is not None:
        return redirect("web:specification_revise", found.pk)
    if request.method == "POST":
        return _draft(request, characteristic, revision, material, None)
    return _form(request, characteristic, None, {"requirement": asked.get("requirement", "")})


@require_POST
@site_page(Action.APPROVE_SPECIFICATION)
def approve(request: SiteRequest, key: int) -> HttpResponse:
    draft = get_object_or_404(
        SpecificationDraft.objects.select_related(
            "specification__characteristic",
            "specification__product_revision__product",
            "specification__material",
            "requirement",
            "drafted_by",
        ),
        pk=key,
    )
    try:
        line = approve_specification(
            draft,
            site=request.site,
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except SpecificationRefused as refusal:
        messages.error(request, f"Not approved. {refusal.problems[0][1].capitalize()}.")
    except SignatureRefused as refusal:
        messages.error(request, f"Not approved. {said(str(refusal))}.")
    else:
        messages.success(
            request,
            f"Revision {line.revision} is approved: {line.get_effectivity_display().lower()}, "
            f"{timezone.localtime(line.effective_at):%Y-%m-%d %H:%M}. What was judged before keeps its limits.",
        )
    return redirect("web:specification", draft.specification_id)


def _draft(
    request: SiteRequest,
    characteristic: Characteristic,
    product: ProductRevision,
    material: MaterialDefinition | None,
    found: Specification | None,
) -> HttpResponse:
    try:
        draft = draft_specification(
            characteristic,
            product,
            material,
            request.POST.dict(),
            site=request.site,
            user=request.user,
            now=request.now,
        )
    except SpecificationRefused as refusal:
        return _form(
            request,
            characteristic,
            found,
            {name: request.POST.get(name, "") for name in FIELDS},
            dict(refusal.problems),
        )
    messages.success(request, "Drafted. Nothing is judged by it until another person approves it.")
    return redirect("web:specification", draft.specification_id)


def _form(
    request: SiteRequest,
    characteristic: Characteristic,
    found: Specification | None,
    values: dict[str, str],
    problems: dict[str, str] | None = None,
) -> HttpResponse:
    context = {
        "nav_active": "specifications",
        "characteristic": characteristic,
        "specification": found,
        "values": values,
        "problems": problems or {},
        "chosen": {
            name: request.GET.get(name, request.POST.get(name, "")) for name in ("product", "material")
        },
        "units": units_like(characteristic.unit),
        "severities": SpecificationLine.Severity.choices,
        "effectivities": SpecificationLine.Effectivity.choices,
        "sources": SourceType.choices,
        "requirements": Requirement.objects.order_by("code"),
    }
    return render(request, "web/specifications/draft.html", context, status=422 if problems else 200)


def _values(limits: Limits) -> dict[str, str]:
    """The limits as the form shows them, in the characteristic's unit."""
    numbers = {name: getattr(limits, name) for name in NUMBERS}
    return {
        **{name: "" if value is None else f"{value.normalize():f}" for name, value in numbers.items()},
        "severity": limits.severity,
        "requirement": limits.requirement.code,
        "source_type": limits.source_type,
        "source": limits.source,
    }
