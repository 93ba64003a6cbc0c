"""Reads of one chart as a person sees it: a window of points in columns, their signals, lots and phases.

Every function costs a fixed number of queries, whatever the history: the window is cut by sequence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from django.db.models import Count, Min, Q

from lots.models import Lot
from spc.engine.kinds import ChartKind
from spc.engine.live import traits
from spc.models import BasisPoint, Chart, LimitRevision, Point, Signal, SignalMember, SubgroupMember
from spc.queries import current_points, excluded_subgroups

WINDOW = 2_000
COLUMNS = (
    "id",
    "sequence",
    "subgroup_id",
    "limit_revision_id",
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
)


# Value, centre and limits of the third panel at a point.
ThirdPanel = dict[str, float | None]


@dataclass(frozen=True)
class WindowSignal:
    """A signal whose point lies in the window; `members` are positions within it, patterns begun earlier are cut."""

    id: int
    index: int
    rule: str
    panel: str
    reaction: str
    provisional: bool
    acknowledged: bool
    members: tuple[int, ...]


@dataclass(frozen=True)
class ChartWindow:
    """Consecutive points, oldest first, as columns of equal length n.

    A limit clipped at its natural bound (a count below 0, a proportion above 1) is None: it cannot be violated.
    `within` is the third panel where there is one. `excluded` are positions left out of the limits in force; `breaks`
    are (position, limit revision number).
    """

    first_sequence: int
    total: int
    id: list[int]
    measured_at: list[datetime]
    size: list[int]
    statistic: list[float | None]
    center: list[float | None]
    lcl: list[float | None]
    ucl: list[float | None]
    dispersion: list[float | None]
    dispersion_center: list[float | None]
    dispersion_lcl: list[float | None]
    dispersion_ucl: list[float | None]
    within: list[ThirdPanel] | None
    lots: list[str]
    signals: list[WindowSignal]
    excluded: list[int]
    breaks: list[tuple[int, int]]


def chart_window(chart: Chart, *, before: int | None = None, limit: int = WINDOW) -> ChartWindow:
    """The newest `limit` points of the chart, or those before sequence `before`."""
    total = chart.state.next_sequence
    end = total if before is None else max(0, min(before, total))
    first = max(0, end - limit)
    points = current_points(chart.pk).filter(sequence__gte=first, sequence__lt=end)
    family = ChartKind(chart.stream.plan.family)
    names = (*COLUMNS, "details") if traits(family).within else COLUMNS
    rows = list(points.order_by("sequence").values_list(*names))
    values = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    column: dict[str, list[Any]] = dict(zip(names, values, strict=True))
    return ChartWindow(
        first_sequence=first,
        total=total,
        id=column["id"],
        measured_at=column["measured_at"],
        size=column["size"],
        statistic=column["statistic"],
        center=column["center"],
        lcl=_above_zero(column["lcl"]) if traits(family).counts else column["lcl"],
        ucl=_below_top(family, column["ucl"], column["size"]),
        dispersion=column["dispersion"],
        dispersion_center=column["dispersion_center"],
        dispersion_lcl=_above_zero(column["dispersion_lcl"])
        if traits(family).below_from_zero
        else column["dispersion_lcl"],
        dispersion_ucl=column["dispersion_ucl"],
        within=_within(column["details"]) if traits(family).within else None,
        lots=_lot_codes(column["subgroup_id"]),
        signals=_signals(column["id"]),
        excluded=_excluded(chart, column["subgroup_id"]),
        breaks=_breaks(chart, column["limit_revision_id"]),
    )


def _within(details: list[Any]) -> list[ThirdPanel]:
    nothing: ThirdPanel = dict.fromkeys(("value", "center", "lcl", "ucl"))
    return [(row or {}).get("within", nothing) for row in details]


def _above_zero(limits: list[float | None]) -> list[float | None]:
    return [None if limit is None or limit <= 0 else limit for limit in limits]


def _below_top(family: ChartKind, limits: list[float | None], sizes: list[int]) -> list[float | None]:
    if family in (ChartKind.P, ChartKind.LANEY_P):
        return [None if limit is None or limit >= 1 else limit for limit in limits]
    return limits


def _lot_codes(subgroups: list[int]) -> list[str]:
    """One code per point; a point of several lots names the first made and says how many more."""
    rows = (
        SubgroupMember.objects.filter(subgroup__in=subgroups, lot_id__isnull=False)
        .values_list("subgroup_id")
        .annotate(first=Min("lot_id"), lots=Count("lot_id", distinct=True))
    )
    by_subgroup = {subgroup: (first, count) for subgroup, first, count in rows}
    keys = {first for first, _ in by_subgroup.values()}
    codes = dict(Lot.objects.filter(pk__in=keys).values_list("pk", "code"))
    words = {
        subgroup: codes[first] if count == 1 else f"{codes[first]} + {count - 1}"
        for subgroup, (first, count) in by_subgroup.items()
    }
    return [words.get(subgroup, "") for subgroup in subgroups]


def _signals(ids: list[int]) -> list[WindowSignal]:
    place = {key: index for index, key in enumerate(ids)}
    rows = list(
        Signal.objects.filter(point__in=ids)
        .order_by("id")
        .values_list("id", "point_id", "rule", "panel", "reaction", "provisional", "acknowledged_at")
    )
    members: dict[int, list[int]] = {}
    pattern = SignalMember.objects.filter(signal__in=[row[0] for row in rows])
    for signal_id, point_id in pattern.values_list("signal_id", "point_id"):
        if point_id in place:
            members.setdefault(signal_id, []).append(place[point_id])
    signals = [
        WindowSignal(
            id=key,
            index=place[point_id],
            rule=rule,
            panel=panel,
            reaction=reaction,
            provisional=provisional,
            acknowledged=acknowledged_at is not None,
            members=tuple(sorted(members.get(key, ()))),
        )
        for key, point_id, rule, panel, reaction, provisional, acknowledged_at in rows
    ]
    return sorted(signals, key=lambda signal: (signal.index, signal.id))


def _excluded(chart: Chart, subgroups: list[int]) -> list[int]:
    """Places of points that are excluded by decision or left out of the limits in force."""
    decided = excluded_subgroups(chart.pk)
    revision = chart.state.limit_revision
    left_out: set[int] = set()
    if revision is not None and revision.kind == LimitRevision.Kind.FROZEN:
        basis = BasisPoint.objects.filter(limit_revision=revision, excluded=True)
        left_out = set(basis.values_list("point__subgroup_id", flat=True))
    return [index for index, subgroup in enumerate(subgroups) if subgroup in left_out or subgroup in decided]


def _breaks(chart: Chart, revisions: list[int | None]) -> list[tuple[int, int]]:
    numbers = dict(chart.limit_revisions.values_list("pk", "number"))
    return [
        (index, numbers[revision])
        for index, (before, revision) in enumerate(pairwise(revisions), start=1)
        if revision is not None and revision != before
    ]


def recent_statistics(charts: Iterable[Chart], *, count: int) -> dict[int, list[float]]:
    """Chart → its last `count` plotted statistics, oldest first; one query for all of them.

    One condition per chart, in constants: a join with the charts' states would read their whole history.
    """
    tails = [
        Q(chart=chart.pk, replaced_at__isnull=True, sequence__gte=chart.state.next_sequence - count)
        for chart in charts
    ]
    newest: dict[int, list[float]] = {}
    if not tails:
        return newest
    rows = Point.objects.filter(reduce(or_, tails)).order_by("chart_id", "sequence")
    for chart_id, statistic in rows.values_list("chart_id", "statistic"):
        if statistic is not None:
            newest.setdefault(chart_id, []).append(statistic)
    return newest
