"""Station: scan a lot, start its step, record what the control plan asks for, finish."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from lots.actions.ensure_source import ensure_personal_source
from lots.actions.exposure import ExposureRefused
from lots.actions.record_submission import IdempotencyConflict
from lots.envelope import Envelope, InvalidSubmission
from lots.models import Equipment, IdempotencyKey, Lot, Measurement, StepExecution, Zone
from lots.queries import latest_executions
from mes import pipeline
from mes.web.board import WAITING_READ
from mes.web.card import EQUIPMENT_COOKIE, Card, card_of, explain
from mes.web.forms.readings import Entered, enter
from mes.web.forms.step_form import StepForm, remembered, step_form
from mes.web.site import SiteRequest, site_page
from mes.web.waiting import by_next_step, lots_in_line, process_steps, running
from quality.actions.gate import GateRefused
from quality.actions.run_step import StepRefused, start_step
from quality.permissions import Action, may

TERMINAL_S = 365 * 86_400  # what a terminal remembers of itself
SHOWN = 12


def lot_at(request: SiteRequest, code: str) -> Lot:
    """The site's lot with this code, or 404."""
    return get_object_or_404(
        Lot.objects.select_related("site", "material", "work_order", "product_revision__product"),
        site=request.site,
        code=code,
    )


@require_safe
@site_page()
def scan(request: SiteRequest) -> HttpResponse:
    """The scan field; a code that exists opens its card."""
    code, error = request.GET.get("code", "").strip(), ""
    if code:
        found = Lot.objects.filter(site=request.site, code__iexact=code).first()
        if found is None:
            found = Lot.objects.filter(site=request.site, aliases__alias=code).first()
        if found is not None:
            return redirect("web:station_lot", found.code)
        error = (
            f"No lot {code[:48]} at {request.site.code}. Scan the label again, or look for it among the lots."
        )
    machines = Equipment.objects.filter(site=request.site, retired_at__isnull=True).select_related("step")
    chosen = next((m for m in machines if m.code == request.COOKIES.get(EQUIPMENT_COOKIE)), None)
    runs = running(request.site)
    waiting = by_next_step(
        list(lots_in_line(request.site).select_related("material").order_by("id")[:WAITING_READ])
    )
    return render(
        request,
        "web/station/scan.html",
        {
            "nav_active": "station",
            "error": error,
            "may_begin": may(request.user, request.site, Action.RUN_STEP),
            "machines": sorted(machines, key=lambda m: (m.step.sequence, m.code)),
            "chosen": chosen,
            "running": list((runs.filter(equipment=chosen) if chosen else runs)[:SHOWN]),
            "waiting": [
                (step, waiting[step.pk][:SHOWN])
                for step in process_steps()
                if waiting.get(step.pk) and (chosen is None or chosen.step_id == step.pk)
            ],
        },
        status=404 if error else 200,
    )


@require_POST
@site_page()
def terminal(request: SiteRequest) -> HttpResponse:
    """Remember on this terminal at which equipment it stands."""
    code = request.POST.get("equipment", "")
    answer = redirect("web:station")
    if code and not Equipment.objects.filter(site=request.site, code=code).exists():
        messages.error(request, f"There is no equipment {code[:32]} at {request.site.code}.")
    elif code:
        _remember(answer, EQUIPMENT_COOKIE, code)
    else:
        answer.delete_cookie(EQUIPMENT_COOKIE)
    return answer


@require_safe
@site_page()
def card(request: SiteRequest, code: str) -> HttpResponse:
    return _show(request, lot_at(request, code))


@require_POST
@site_page(Action.RUN_STEP)
def start(request: SiteRequest, code: str) -> HttpResponse:
    """Start the lot's next step; the form opens at once."""
    lot = lot_at(request, code)
    machine = request.POST.get("equipment", "")
    equipment = get_object_or_404(Equipment, site=request.site, code=machine) if machine else None
    back = redirect("web:station_lot", lot.code)
    try:
        start_step(
            [lot], request.POST.get("step", ""), user=request.user, equipment=equipment, now=request.now
        )
    except (GateRefused, StepRefused) as refusal:
        messages.error(request, f"Not started. {_sentence(refusal)}")
    return back


@require_POST
@site_page(Action.RECORD)
def record(request: SiteRequest, code: str) -> HttpResponse:
    """Record the filled fields of the form, all or none, and answer what came of it."""
    lot = lot_at(request, code)
    key, source = _key(request), ensure_personal_source(request.user, request.site)
    earlier = IdempotencyKey.objects.filter(source=source, key=key).select_related("submission").first()
    form = _form_before(request, lot, earlier)
    if form is None:
        if earlier is not None:
            return _show(request, lot, answer=explain(earlier.answer, replayed=True))
        words = "No step runs on this lot: nothing was recorded. Start it first."
        return _show(request, lot, problems=[words], status=409)
    # In UTC: the payload hash must not depend on the zone in which the instant is written.
    at = (_instant_of(earlier) or request.site_now).astimezone(UTC)
    entered = enter(form, request.POST.dict(), lot=lot, at=at)
    if not entered.readings and not entered.errors:
        return _show(request, lot, problems=["Nothing is filled in. Type at least one reading."], status=422)
    if not entered.errors:
        envelope = Envelope(request.site, source, key, request.user, tuple(entered.readings))
        try:
            answer = pipeline.record(envelope, now=request.now)
        except InvalidSubmission as refusal:
            general = entered.add_problems(refusal.problems)
            return _show(request, lot, problems=general, entered=entered, status=422)
        except IdempotencyConflict:
            words = "These readings were recorded already, with other values. Reload the page to see them."
            return _show(request, lot, problems=[words], entered=entered, status=409)
        page = _show(request, lot, answer=explain(answer.body, replayed=answer.replayed))
        for name, value in request.POST.dict().items():
            if name.startswith("gauge-") and value:
                _remember(page, f"halite_{name}", value)
        return page
    return _show(request, lot, entered=entered, status=422)


@require_POST
@site_page(Action.RUN_STEP)
def finish(request: SiteRequest, code: str) -> HttpResponse:
    """Finish the running step; its summaries are computed and its subgroups close.

    Where readings that the plan asks for are missing, it asks first: they cannot be typed here afterwards.
    """
    lot = lot_at(request, code)
    execution = _latest_run(lot, request.POST.get("step", ""))
    if execution.finished_at is None and "without" not in request.POST:
        form = step_form(lot, execution, site_now=request.site_now)
        if form.incomplete:
            return _show(request, lot, unfinished=True, status=409)
    source = ensure_personal_source(request.user, request.site)
    envelope = Envelope(request.site, source, f"finish:{execution.uuid}", request.user, ())
    try:
        answer = pipeline.finish_step(execution, envelope, now=request.now)
    except (StepRefused, InvalidSubmission) as refusal:
        return _show(request, lot, problems=[f"Not finished. {_sentence(refusal)}"], status=409)
    return _show(
        request,
        lot,
        answer=explain(answer.body, replayed=answer.replayed),
        finished=execution.route_step.step.name,
    )


@require_POST
@site_page(Action.RECORD)
def container(request: SiteRequest, code: str) -> HttpResponse:
    """Log that the lot's container was opened in a zone, or closed."""
    lot = lot_at(request, code)
    try:
        if request.POST.get("do") == "open":
            zone = get_object_or_404(Zone, site=request.site, code=request.POST.get("zone", ""))
            pipeline.open_container(lot, zone, user=request.user, now=request.now, at=request.site_now)
            messages.success(
                request, f"{lot.code} is open in {zone.code}. Its time in this air counts from now."
            )
        else:
            interval = pipeline.close_container(lot, user=request.user, at=request.site_now)
            minutes = (request.site_now - interval.opened_at).total_seconds() / 60
            messages.success(
                request, f"{lot.code} is closed after {minutes:.1f} min in {interval.zone.code}."
            )
    except ExposureRefused as refusal:
        messages.error(request, f"{_sentence(refusal)}")
    return redirect("web:station_lot", lot.code)


def _card(request: SiteRequest, lot: Lot) -> Card:
    return card_of(lot, now=request.now, site_now=request.site_now, cookies=request.COOKIES)


def _show(
    request: SiteRequest,
    lot: Lot,
    *,
    problems: list[str] | None = None,
    entered: Entered | None = None,
    answer: Mapping[str, Any] | None = None,
    finished: str = "",
    unfinished: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The card as it is now, with what came of the last action; htmx gets the card without the page around it."""
    shown = _card(request, lot)
    is_part = "HX-Request" in request.headers
    gauges = remembered(shown.form, request.COOKIES) if shown.form else {}
    for name, value in request.POST.dict().items():
        if name.startswith("gauge-"):
            gauges[name.removeprefix("gauge-")] = value
    return render(
        request,
        "web/station/_card.html" if is_part else "web/station/card.html",
        {
            "nav_active": "station",
            "is_part": is_part,
            "card": shown,
            "lot": lot,
            "gauges": gauges,
            "gauges_known": all(gauges.get(s.kind) for s in shown.form.gauges) if shown.form else True,
            "problems": problems or [],
            "errors": entered.errors if entered else {},
            "values": request.POST if entered else {},
            "answer": answer,
            "finished": finished,
            "unfinished": unfinished,
            "draft": f"{request.user.pk}:{shown.execution.uuid}:record" if shown.execution else "",
            "hold_url": reverse("web:lot_hold", args=[lot.code]),
            "may_reshape": bool(lot.length_mm)
            and lot.state == Lot.State.ACTIVE
            and shown.execution is None
            and may(request.user, request.site, Action.RUN_STEP),
        },
        status=status,
    )


def _key(request: SiteRequest) -> str:
    return request.headers.get("Idempotency-Key") or request.POST.get("idempotency_key", "")


def _form_before(request: SiteRequest, lot: Lot, earlier: IdempotencyKey | None) -> StepForm | None:
    """The form that the fields came from: a repetition came from the form before its first arrival."""
    execution = next((r for r in latest_executions([lot.pk]).values() if r.finished_at is None), None)
    if execution is None:
        return None
    return step_form(
        lot, execution, site_now=request.site_now, before=earlier.submission_id if earlier else None
    )


def _instant_of(earlier: IdempotencyKey | None) -> datetime | None:
    """When the readings of the earlier submission were taken: a repetition repeats that instant too."""
    if earlier is None or earlier.submission is None:
        return None
    first = Measurement.objects.filter(submission=earlier.submission, formula_version__isnull=True)
    return first.order_by("sequence").values_list("measured_at", flat=True).first()


def _remember(answer: HttpResponse, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=TERMINAL_S, httponly=True, samesite="Lax")


def _sentence(refusal: Exception) -> str:
    text = str(refusal)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _latest_run(lot: Lot, step_code: str) -> StepExecution:
    """The latest run of this step; finished or not, so that a repeated finish is recognised. Raises Http404."""
    for execution in latest_executions([lot.pk]).values():
        if execution.route_step.step.code == step_code:
            execution.lot = lot
            return execution
    raise Http404(f"{step_code} has not run on {lot.code}")
