"""The safety chain of a product: what may happen, how it would show, how it was tested, and where the chain breaks."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import Lot, Product
from lots.units import written_unit
from mes.safety_raw import keep_raw
from mes.web.site import SiteRequest, site_page
from quality.actions.safety import KINDS, SafetyRefused, record_result, set_aside, write_record
from quality.actions.sign import SignatureRefused
from quality.models import Requirement, SafetyCriterion, SafetyResult, SourceType
from quality.permissions import Action, may
from quality.safety_chain import safety_chain

LABELS = {
    "hazard": "Hazard",
    "mode": "Failure mode",
    "method": "Method",
    "observable": "Observable",
    "criterion": "Criterion",
}


@require_safe
@site_page()
def products(request: SiteRequest) -> HttpResponse:
    """The products made at the site; with one, its chain at once."""
    found = list(Product.objects.filter(revisions__workorder__site=request.site).distinct().order_by("code"))
    if len(found) == 1:
        return _page(request, found[0])
    rows = [(product, safety_chain(product)) for product in found]
    return render(request, "web/safety/products.html", {"nav_active": "safety_chains", "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def safety(request: SiteRequest, code: str) -> HttpResponse:
    product = get_object_or_404(Product, code=code)
    if request.method != "POST":
        return _page(request, product)
    try:
        words = WRITERS.get(request.POST.get("kind", ""), _record)(request, product)
    except (SafetyRefused, SignatureRefused) as refusal:
        return _page(request, product, error=str(refusal), status=422)
    messages.success(request, words)
    return redirect("web:safety", product.code)


def _record(request: SiteRequest, product: Product) -> str:
    record = write_record(
        product,
        request.POST.get("kind", ""),
        request.POST.dict() | {"modes": " ".join(request.POST.getlist("modes"))},
        site=request.site,
        user=request.user,
        now=request.now,
    )
    return f"{record.code} stands at version {record.version}."


def _result(request: SiteRequest, product: Product) -> str:
    key, file = request.POST.get("criterion", ""), request.FILES.get("raw")
    criterion = SafetyCriterion.objects.filter(product=product, pk=key).first() if key.isdecimal() else None
    if criterion is None:
        raise SafetyRefused("criterion: choose one")
    code = request.POST.get("lot", "").strip()
    lot = Lot.objects.select_related("site", "product_revision").filter(site=request.site, code=code).first()
    if lot is None:
        raise SafetyRefused(f"lot: there is no lot {code or 'without a code'} at {request.site.code}")
    sha256 = name = ""
    if file is not None:
        sha256, name = keep_raw(file.read()), file.name or ""
    result = record_result(
        criterion,
        lot,
        value=request.POST.get("value", ""),
        stop_reason=request.POST.get("stop_reason", ""),
        raw_sha256=sha256,
        raw_name=name,
        user=request.user,
        now=request.now,
    )
    return f"{lot.code} {'passed' if result.passed else 'failed'} {criterion.code}."


def _set_aside(request: SiteRequest, product: Product) -> str:
    key = request.POST.get("result", "")
    found = SafetyResult.objects.filter(site=request.site, criterion__product=product)
    result = (
        found.select_related("site", "lot", "criterion").filter(pk=key).first() if key.isdecimal() else None
    )
    if result is None:
        raise SafetyRefused("result: choose one")
    set_aside(
        result,
        reason=request.POST.get("reason", ""),
        user=request.user,
        password=request.POST.get("password", ""),
        now=request.now,
    )
    return f"The failure of {result.lot.code} no longer counts."


WRITERS = {"result": _result, "set_aside": _set_aside}


def _page(request: SiteRequest, product: Product, *, error: str = "", status: int = 200) -> HttpResponse:
    chain = safety_chain(product)
    modes = [path.mode for hazard in chain.hazards for path in hazard.modes]
    observables = {
        one.observable.code: one
        for hazard in chain.hazards
        for mode in hazard.modes
        for one in mode.observables
    } | {one.observable.code: one for one in chain.unmapped}
    context = {
        "nav_active": "safety_chains",
        "product": product,
        "chain": chain,
        "kinds": [(kind, LABELS[kind], KINDS[kind]) for kind in KINDS],
        "parents": {
            "requirement": list(Requirement.objects.order_by("kind", "code")),
            "hazard": [path.hazard for path in chain.hazards],
            "method": list({one.method.code: one.method for one in observables.values()}.values()),
            "observable": [one.observable for one in observables.values()],
        },
        "modes": modes,
        "criteria": [path.criterion for one in observables.values() for path in one.criteria],
        "operators": SafetyCriterion.Operator.choices,
        "source_types": SourceType.choices,
        "unit_hint": ", ".join(f"{code} for {written_unit(code)}" for code in ("Cel", "mOhm")),
        "may_write": may(request.user, request.site, Action.SAFETY),
        "error": error,
        "entered": request.POST,
    }
    return render(request, "web/safety/chain.html", context, status=status)
