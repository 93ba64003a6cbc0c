"""Let the control plan react to signals: alert, hold or contain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import Hold, Site
from lots.queries import lots_open_in_zone
from quality.models import ReactionFiring
from quality.plans import line_of_chart
from spc.engine import Rule
from spc.models import Chart, ChartPlan, Point, Signal, SubgroupMember
from spc.queries import current_points, strata_words

Reaction = Signal.Reaction


def react(
    chart: Chart, signals: Iterable[Signal], site: Site, *, now: datetime, site_now: datetime
) -> list[ReactionFiring]:
    """Judge each signal once, in the transaction that found it. Provisional signals only alert."""
    line = line_of_chart(chart.stream.plan)
    firings = []
    for signal in signals:
        planned = line.reaction if line is not None else Reaction.HOLD  # no plan line: fail closed
        reaction = Reaction.ALERT if signal.provisional or _is_echo(chart, signal) else Reaction(planned)
        firings.append(
            _fire(chart, signal, reaction, line.pk if line else None, site, now=now, site_now=site_now)
        )
    return firings


def _is_echo(chart: Chart, signal: Signal) -> bool:
    """A moving range out of limits also follows every lone outlier, at the next, innocent lot: it only alerts."""
    return chart.stream.plan.family == ChartPlan.Family.IMR and signal.panel == Signal.Panel.DISPERSION


def _fire(
    chart: Chart,
    signal: Signal,
    reaction: Signal.Reaction,
    line_id: int | None,
    site: Site,
    *,
    now: datetime,
    site_now: datetime,
) -> ReactionFiring:
    hold, extents, first = None, [], None
    if reaction != Reaction.ALERT:
        first = signal.point.sequence if reaction == Reaction.HOLD else window_start(signal)
        extents = _extents(chart, first, signal.point)
        if extents:
            hold = place_hold(
                site=site,
                source=Hold.Source.SIGNAL,
                source_id=signal.pk,
                reason=_reason(chart, signal),
                extents=extents,
                placed_at=site_now,
            )
    firing = ReactionFiring.objects.create(
        signal=signal,
        reaction=reaction,
        line_id=line_id,
        hold=hold,
        lots_in_window=len(extents),
        window_from_sequence=first,
        fired_at=now,
    )
    signal.reaction, signal.judged_at = reaction, now
    signal.save(update_fields=["reaction", "judged_at"])
    return firing


def window_start(signal: Signal) -> int:
    """First point after the last accepted one before the pattern's first member.

    A point is accepted when it completed no signal of its own; the pattern itself is never accepted.
    """
    first_member = min(
        signal.members.values_list("point__sequence", flat=True), default=signal.point.sequence
    )
    last_accepted = (
        current_points(signal.chart_id)
        .filter(sequence__lt=first_member)
        .exclude(signals__isnull=False)
        .order_by("-sequence")
        .values_list("sequence", flat=True)
        .first()
    )
    return 0 if last_accepted is None else last_accepted + 1


def _extents(chart: Chart, first: int, last: Point) -> list[HeldExtent]:
    """Lots behind the points of the window; for a zone's stream, lots that lay open to it meanwhile."""
    points = current_points(chart.pk).filter(sequence__gte=first, sequence__lte=last.sequence)
    members = SubgroupMember.objects.filter(subgroup__points__in=points)
    if chart.stream.zone_id is not None:
        times = sorted(members.values_list("measured_at", flat=True))
        lots = set(lots_open_in_zone(chart.stream.zone_id, times[0], times[-1])) if times else set()
    else:
        lots = {lot_id for lot_id in members.values_list("lot_id", flat=True) if lot_id is not None}
    return [HeldExtent(lot_id) for lot_id in sorted(lots)]


def _reason(chart: Chart, signal: Signal) -> str:
    plan = chart.stream.plan
    panel = "" if signal.panel == Signal.Panel.LOCATION else f" ({signal.get_panel_display().lower()})"
    place = " · ".join(strata_words(chart))
    return f"{plan.characteristic.name}{panel}: {Rule(signal.rule).label} ({place})"
