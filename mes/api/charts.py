"""Control charts: found, read column by column, frozen."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from lots.models import Lot, Site
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import Line, OptionalCode, Password, Strict
from quality.actions.approve_limits import approve_limits
from spc.engine.special_rules import rule_named
from spc.models import Chart, LimitRevision, Point, Signal, SubgroupMember
from spc.queries import current_points, excluded_subgroups

router = Router(tags=["Charts"])

MOST_POINTS = 10_000
COLUMNS = (
    "id",
    "sequence",
    "measured_at",
    "size",
    "statistic",
    "center",
    "lcl",
    "ucl",
    "dispersion",
    "dispersion_center",
    "dispersion_lcl",
    "dispersion_ucl",
    "details",
)
STREAM = (
    "state__limit_revision",
    "stream__plan__characteristic",
    "stream__equipment",
    "stream__zone",
    "stream__gauge",
    "stream__product_revision__product",
    "stream__recipe_revision__recipe",
)


class ChartFilter(Strict):
    characteristic: OptionalCode = ""
    equipment: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


class PointFilter(Strict):
    """The last `limit` points, or the first `limit` after sequence `after`."""

    after: Annotated[int, Field(ge=-1, le=2**63 - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_POINTS)] = 2_000


class FreezeIn(Strict):
    """`excluded` names points (their ids) that are no part of the basis, each with its reason."""

    excluded: dict[Annotated[int, Field(ge=1, le=2**63 - 1)], Line] = {}
    reason: Line
    password: Password


@router.get("/charts", response={200: dict[str, Any], **refusals()})
def list_charts(request: HttpRequest, wanted: Query[ChartFilter]) -> JsonResponse:
    """Charts of the site, newest first."""
    rows = Chart.objects.filter(stream__plan__site=caller_of(request).site).select_related(*STREAM)
    if wanted.characteristic:
        rows = rows.filter(stream__plan__characteristic__code=wanted.characteristic)
    if wanted.equipment:
        rows = rows.filter(stream__equipment__code=wanted.equipment)
    charts, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [chart_out(chart) for chart in charts], "next": following})


@router.get("/charts/{int:chart_id}", response={200: dict[str, Any], **refusals(404)})
def read_chart(request: HttpRequest, chart_id: int, wanted: Query[PointFilter]) -> JsonResponse:
    """One chart with a window of its points, one list per column, and the signals in the window."""
    chart = chart_of(caller_of(request).site, chart_id)
    points = _window(chart, wanted)
    return JsonResponse({**chart_out(chart), "points": _columns(chart, points), "signals": _signals(points)})


@router.post("/charts/{int:chart_id}/freeze", response={201: dict[str, Any], **writing(404)})
def freeze(request: HttpRequest, chart_id: int, payload: FreezeIn) -> JsonResponse:
    """End phase 1: freeze the limits on the basis of the points not excluded; signed with the password."""
    caller = caller_of(request)
    revision = approve_limits(
        chart_of(caller.site, chart_id),
        excluded=payload.excluded,
        reason=payload.reason,
        user=caller.user,
        password=payload.password,
        now=timezone.now(),
    )
    return JsonResponse(limits_out(revision), status=201)


def chart_out(chart: Chart) -> dict[str, Any]:
    stream, plan = chart.stream, chart.stream.plan
    state = getattr(chart, "state", None)
    revision = state.limit_revision if state is not None else None
    return {
        "id": chart.pk,
        "characteristic": plan.characteristic.code,
        "name": plan.characteristic.name,
        "unit": plan.characteristic.unit,
        "decimals": plan.characteristic.decimals,
        "family": plan.family,
        "rules": plan.rules.split(),
        "parameters": plan.parameters,
        "subgroup_by": plan.subgroup_by,
        "subgroup_size": plan.subgroup_size,
        "equipment": stream.equipment.code if stream.equipment else None,
        "zone": stream.zone.code if stream.zone else None,
        "gauge": stream.gauge.code if stream.gauge else None,
        "position": None if stream.position is None else f"{stream.position.normalize():f}",
        "product": str(stream.product_revision) if stream.product_revision else None,
        "recipe": str(stream.recipe_revision) if stream.recipe_revision else None,
        "generation": chart.generation,
        "points_total": state.next_sequence if state is not None else 0,
        "learning": revision is None or revision.kind != LimitRevision.Kind.FROZEN,
        "limits": limits_out(revision) if revision is not None else None,
    }


def limits_out(revision: LimitRevision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "kind": revision.kind,
        "center": revision.center,
        "sigma": revision.sigma,
        "subgroup_size": revision.subgroup_size,
        "n_subgroups": revision.baseline["n_subgroups"],
        "sigma_df": revision.baseline["sigma_df"],
        "parameters": revision.baseline.get("parameters", ""),
        "from_sequence": revision.from_sequence,
        "reason": revision.reason,
        "made_at": revision.made_at,
        "basis_changed_at": revision.basis_changed_at,
    }


def chart_of(site: Site, chart_id: int) -> Chart:
    rows = Chart.objects.filter(pk=chart_id, stream__plan__site=site)
    chart = rows.select_related("stream__plan__site", *STREAM).first()
    if chart is None:
        raise Http404
    return chart


def _window(chart: Chart, wanted: PointFilter) -> list[Point]:
    rows = current_points(chart.pk)
    if wanted.after is not None:
        return list(rows.filter(sequence__gt=wanted.after).order_by("sequence")[: wanted.limit])
    return list(rows.order_by("-sequence")[: wanted.limit])[::-1]


def _columns(chart: Chart, points: list[Point]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(p, name) for p in points] for name in COLUMNS}
    members = SubgroupMember.objects.filter(subgroup__in=[p.subgroup_id for p in points])
    lots_of: dict[int, set[int]] = {}
    for subgroup_id, lot_id in members.values_list("subgroup_id", "lot_id").distinct():
        if lot_id is not None:
            lots_of.setdefault(subgroup_id, set()).add(lot_id)
    keys = set().union(*lots_of.values()) if lots_of else set()
    codes = dict(Lot.objects.filter(pk__in=keys).values_list("pk", "code"))
    decisions = excluded_subgroups(chart.pk, among=[p.subgroup_id for p in points])
    columns["excluded"] = [
        decisions[p.subgroup_id].reason if p.subgroup_id in decisions else None for p in points
    ]
    columns["lots"] = [sorted(codes[key] for key in lots_of.get(p.subgroup_id, ())) for p in points]
    return columns


def _signals(points: list[Point]) -> list[dict[str, Any]]:
    rows = (
        Signal.objects.filter(point__in=[point.pk for point in points])
        .select_related("point")
        .prefetch_related("members__point")
        .order_by("pk")
    )
    return [
        {
            "id": signal.pk,
            "rule": signal.rule,
            "meaning": rule_named(signal.rule).label,
            "panel": signal.panel,
            "sequence": signal.point.sequence,
            "members": sorted(member.point.sequence for member in signal.members.all()),
            "provisional": signal.provisional,
            "reaction": signal.reaction or None,
            "acknowledged": signal.acknowledged_at is not None,
            "cause": signal.cause,
        }
        for signal in rows
    ]
