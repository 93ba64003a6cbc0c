"""Change a control plan: line by line or as a workbook, see what differs and what it costs, approve, open orders."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lots.models import Characteristic, MaterialDefinition, Membership
from mes.documents.plan_xlsx import LARGEST_BYTES, plan_xlsx, read_plan
from mes.web.site import SiteRequest, site_page
from mes.web.templatetags.quality_ui import refusal as said
from quality.actions.draft_plan import approve_plan, change_line, draft_revision, open_order
from quality.actions.sign import SignatureRefused
from quality.models import ControlPlanLine, ControlPlanRevision, GateCode
from quality.permissions import Action
from quality.plan_table import EDITABLE, PlanRefused, lines_of, rows_of
from spc.engine import Rule
from spc.engine.kinds import ChartKind
from spc.engine.live import declared_parameters
from spc.models import ChartPlan, Signal

PROBLEMS_SHOWN = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def revision_at(request: SiteRequest, key: int) -> ControlPlanRevision:
    """The site's control-plan revision, or 404."""
    return get_object_or_404(
        ControlPlanRevision.objects.select_related(
            "plan__product_revision__product", "plan__site", "published_by", "drafted_by", "approval"
        ),
        pk=key,
        plan__site=request.site,
    )


@require_safe
@site_page()
def workbook(request: SiteRequest, key: int) -> HttpResponse:
    revision = revision_at(request, key)
    content = plan_xlsx(rows_of(lines_of(revision)), title=f"Control plan {revision}")
    answer = HttpResponse(content, content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="{revision.plan.code}-r{revision.number}.xlsx"'
    return answer


@require_POST
@site_page(Action.EDIT_PLAN)
def upload(request: SiteRequest, key: int) -> HttpResponse:
    """A draft from an edited workbook."""
    revision, file = revision_at(request, key), request.FILES.get("file")
    try:
        if file is None:
            raise PlanRefused("file: choose a workbook")
        rows = read_plan(file.read(LARGEST_BYTES + 1))
        reason = request.POST.get("change_reason", "")
        draft = draft_revision(revision.plan, rows, change_reason=reason, user=request.user, now=request.now)
    except PlanRefused as refusal:
        _complain(request, refusal)
        return redirect("web:plan", revision.pk)
    messages.success(request, f"Drafted: revision {draft.number}. Another person approves it.")
    return redirect("web:plan", draft.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.EDIT_PLAN)
def line(request: SiteRequest, key: int, line: int = 0) -> HttpResponse:
    """One line in a form; saving makes a draft. Without a line, a new one is added."""
    revision = revision_at(request, key)
    lines = lines_of(revision)
    found = next((row for row in lines if row.pk == line), None)
    stored = rows_of([found])[0] if found else {}
    if request.method == "POST":
        place = (
            stored.get("characteristic") or request.POST.get("characteristic", ""),
            stored["material"] if found else request.POST.get("material", ""),
        )
        changes = {name: request.POST.get(name, "") for name in EDITABLE[2:]}
        try:
            draft = change_line(
                revision,
                place,
                None if request.POST.get("action") == "remove" else changes,
                change_reason=request.POST.get("change_reason", ""),
                user=request.user,
                now=request.now,
            )
        except PlanRefused as refusal:
            _complain(request, refusal)
            stored = {**stored, **request.POST.dict()}
        else:
            messages.success(request, f"Drafted: revision {draft.number}. Another person approves it.")
            return redirect("web:plan", draft.pk)
    context = {
        "nav_active": "plans",
        "revision": revision,
        "line": found,
        "row": stored,
        "characteristics": Characteristic.objects.select_related("step").order_by("step__sequence", "code"),
        "materials": MaterialDefinition.objects.order_by("code"),
        "families": ChartPlan.Family.choices,
        "subgroups": ChartPlan.SubgroupBy.choices,
        "reactions": Signal.Reaction.choices,
        "gates": GateCode.choices,
        "limits_from": ControlPlanLine.LimitsFrom.choices,
        "roles": Membership.Role.choices,
        "samplings": ControlPlanLine.Sampling.choices,
        "rules": ", ".join(Rule),
        "parameters": [
            (name, declared_parameters(ChartKind(code)))
            for code, name in ChartPlan.Family.choices
            if declared_parameters(ChartKind(code))
        ],
    }
    return render(request, "web/plans/line.html", context, status=200 if request.method != "POST" else 422)


@require_POST
@site_page(Action.APPROVE_PLAN)
def approve(request: SiteRequest, key: int) -> HttpResponse:
    draft = revision_at(request, key)
    try:
        approve_plan(draft, user=request.user, password=request.POST.get("password", ""), now=request.now)
    except (PlanRefused, SignatureRefused) as refusal:
        messages.error(request, f"Not published. {said(str(refusal))}.")
    else:
        messages.success(request, f"{draft} is published: orders opened from now on run on it.")
    return redirect("web:plan", draft.pk)


@require_POST
@site_page(Action.EDIT_MASTERS)
def order(request: SiteRequest, key: int) -> HttpResponse:
    """Open an order that runs on the newest published revision."""
    revision = revision_at(request, key)
    try:
        quantity = Decimal(request.POST.get("quantity", "").strip())
    except InvalidOperation:
        messages.error(request, "Not opened. Give the quantity as a number.")
        return redirect("web:plan", revision.pk)
    code = request.POST.get("code", "")
    try:
        made = open_order(
            request.site,
            revision.plan.product_revision,
            code,
            quantity,
            user=request.user,
            now=request.now,
        )
    except PlanRefused as refusal:
        messages.error(request, f"Not opened. {said(str(refusal))}.")
    else:
        messages.success(
            request,
            f"Order {made.code} is open and runs on {made.control_plan.revision}."
            " Next: begin a lot of it at the station.",
        )
    return redirect("web:plan", revision.pk)


def _complain(request: SiteRequest, refusal: PlanRefused) -> None:
    messages.error(request, f"Nothing was drafted. {str(refusal).capitalize()}.")
    for problem in refusal.problems[:PROBLEMS_SHOWN]:
        messages.error(request, f"{str(problem).capitalize()}.")
