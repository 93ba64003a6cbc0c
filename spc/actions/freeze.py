"""Freeze a chart's limits: phase 1 ends with a signed, immutable revision that names its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from spc.actions.evaluate import new_limits
from spc.actions.plotter import state_at_start
from spc.definition import estimate_limits
from spc.engine import TooFewReadingsError
from spc.engine.live import Fit, require_spread, traits
from spc.models import BasisPoint, Chart, ChartState, LimitRevision, Point
from spc.queries import phase1_data

MOST_NAMED = 10


class FreezeRefused(Exception):
    """The limits cannot be frozen; the message says what is missing."""


@dataclass(frozen=True)
class Seen:
    """What whoever signs has looked at: points up to a sequence, in a generation of the chart."""

    generation: int
    sequence: int


@dataclass(frozen=True)
class Basis:
    """What limits are frozen from: the points, those left out with their reasons, and the estimate."""

    chart: Chart
    state: ChartState
    points: Sequence[Point]
    excluded: Mapping[int, str]
    fit: Fit


def basis_of(chart_id: int, *, excluded: Mapping[int, str], seen: Seen | None = None) -> Basis:
    """Estimate from the chart's newest points (`phase1_data`) but the `excluded` (point key → reason).

    Points behind what was `seen` are no part of it; None: all there are. Must run in the caller's transaction, which
    freezes. Raises FreezeRefused while there are too few points, if an exclusion has no reason or no point, or if
    points that were seen have been plotted anew.
    """
    chart = (
        Chart.objects.select_for_update(no_key=True, of=("self",))
        .select_related("stream__plan")
        .get(pk=chart_id)
    )
    plan = chart.stream.plan
    if seen is not None and seen.generation != chart.generation:
        raise FreezeRefused(
            "points were corrected or came late meanwhile; these are the points now: look again"
        )
    points, data = phase1_data(chart, until=seen.sequence if seen else None)
    unknown = set(excluded) - {point.pk for point in points}
    if unknown:
        raise FreezeRefused(
            f"points {sorted(unknown)} are not on this chart, or were plotted anew; look again"
        )
    if silent := [point.sequence + 1 for point in points if not excluded.get(point.pk, "given").strip()]:
        raise FreezeRefused(f"every excluded point needs a reason: give one for {_named(silent)}")
    if len(points) - len(excluded) < plan.phase1_subgroups:
        raise FreezeRefused(
            f"phase 1 needs {plan.phase1_subgroups} points; there are {len(points) - len(excluded)}"
        )
    positions = frozenset(index for index, point in enumerate(points) if point.pk in excluded)
    state = ChartState.objects.select_for_update().get(chart=chart)
    try:
        fit = estimate_limits(plan, points, data, end=state.next_sequence, excluded=positions)
        require_spread(fit)
        if traits(plan.family).rare and fit.n_subgroups < plan.phase1_subgroups:
            raise FreezeRefused(
                f"phase 1 needs {plan.phase1_subgroups} intervals between events; there are {fit.n_subgroups}"
            )
    except TooFewReadingsError as error:
        raise FreezeRefused(str(error)) from error
    return Basis(chart, state, points, excluded, fit)


def freeze_limits(
    basis: Basis, *, reason: str, made_by_id: int, signature_id: int, now: datetime
) -> LimitRevision:
    """Freeze what was estimated: points plotted from now on are judged by it. Needs a reason (FreezeRefused)."""
    if not reason.strip():
        raise FreezeRefused("reason: say why these points are the process as it should be")
    chart, state = basis.chart, basis.state
    revision = new_limits(
        chart,
        basis.fit,
        kind=LimitRevision.Kind.FROZEN,
        from_sequence=state.next_sequence,
        reason=reason,
        made_at=now,
        made_by_id=made_by_id,
        signature_id=signature_id,
    )
    BasisPoint.objects.bulk_create(
        BasisPoint(
            limit_revision=revision,
            point=point,
            excluded=point.pk in basis.excluded,
            reason=basis.excluded.get(point.pk, ""),
        )
        for point in basis.points
    )
    state.limit_revision = revision
    state.state = state_at_start(revision, chart.stream.plan.rules).to_dict()
    state.save(update_fields=["limit_revision", "state"])
    return revision


def _named(numbers: list[int]) -> str:
    """Points by the numbers that the page shows; of many, the first few."""
    words = f"point{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:MOST_NAMED]))}"
    return words if len(numbers) <= MOST_NAMED else f"{words} and {len(numbers) - MOST_NAMED} more"
