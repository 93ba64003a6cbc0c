"""Let containments in force cover what came into their window afterwards: readings that were late, corrected or joined.

A signal that a replay finds again keeps its judgement, so nothing fires anew; yet what its stream made inside the
window is suspect whenever its reading came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import datetime
from operator import itemgetter

from django.db.models import Min
from django.db.models.functions import Coalesce

from lots.actions.place_hold import extend_hold, place_hold, reach_locked
from lots.models import Hold, Site
from quality.actions.react import MATERIAL, reason_of
from quality.models import ReactionFiring
from quality.window import not_accepted, window_extents, window_start
from spc.models import Chart, Signal
from spc.queries import current_points

# No pattern is longer, and none reaches further back than its window.
SIGNALS_BEHIND = 30


def contain_late(chart: Chart, arrived: Collection[int], site: Site, *, site_now: datetime) -> int:
    """Hold the lots of the subgroups `arrived` where they lie in the window of a signal that holds; returns how many.

    A lot that the hold covered before, and that a disposition has closed since, is not held again.
    """
    points = current_points(chart.pk).filter(subgroup__in=list(arrived))
    places = sorted(points.values_list("sequence", flat=True))
    if not places:
        return 0
    signals = Signal.objects.filter(pk__in=_holding_near(chart, places)).select_related(
        "point", "firing__hold", "carried_from__firing__hold"
    )
    return sum(
        _cover(chart, signal, places, site, site_now) for signal in signals.order_by("point__sequence", "id")
    )


def _holding_near(chart: Chart, places: Sequence[int]) -> set[int]:
    """Signals that hold, and whose window reaches back to one of the places."""
    current = Signal.objects.filter(
        chart=chart, point__replaced_at__isnull=True, point__sequence__gte=places[0]
    )
    bad = not_accepted(chart.pk).filter(sequence__gte=places[0])
    unaccepted = set(bad.values_list("sequence", flat=True))
    rows = list(
        current.filter(reaction__in=MATERIAL)
        .annotate(first=Coalesce(Min("members__point__sequence"), "point__sequence"))
        .order_by("point__sequence", "pk")
        .values_list("point__sequence", "pk", "reaction", "first")
    )
    found = set()
    for place in places:
        at = bisect_left(rows, place, key=itemgetter(0))
        for last, key, reaction, first in rows[at : at + SIGNALS_BEHIND]:
            # The window runs back from the pattern over what was not accepted.
            reaches = unaccepted.issuperset(range(place, first)) and reaction != Signal.Reaction.HOLD
            if reaches or place == last:
                found.add(key)
    return found


def _cover(chart: Chart, signal: Signal, places: Sequence[int], site: Site, site_now: datetime) -> int:
    last = signal.point.sequence
    contains = signal.reaction != Signal.Reaction.HOLD
    first = window_start(signal) if contains else last
    if not any(first <= place <= last for place in places):
        return 0
    judged = signal.carried_from or signal
    hold = judged.firing.hold
    covered = set(hold.members.values_list("lot_id", flat=True)) if hold is not None else set()
    window = window_extents(chart, first, signal.point, since_good=contains)
    extents = [extent for extent in window if extent.lot_id not in covered]
    if not extents:
        return 0
    if hold is not None:
        try:
            return extend_hold(hold, reach_locked(extents))
        except ValueError:
            pass  # closed on something made from them: that stays as it was decided, under a hold of its own
    place_hold(
        site=site,
        source=Hold.Source.SIGNAL,
        source_id=judged.pk,
        reason=reason_of(chart, signal),
        extents=extents,
        placed_at=site_now,
    )
    return len(extents)


def window_start_now(judged: Signal) -> int | None:
    """Where the window of a judged signal begins as its chart is numbered now; None where a replay lost the signal."""
    current = (
        Signal.objects.filter(chart=judged.chart_id, rule=judged.rule, panel=judged.panel)
        .filter(point__subgroup=judged.point.subgroup_id, point__replaced_at__isnull=True)
        .select_related("point")
        .first()
    )
    return None if current is None else window_start(current)


def window_from_now(firing: ReactionFiring | None) -> int | None:
    """How many points lie before the window, as the chart is numbered now: late readings move the numbers.

    None for a reaction that covers nothing, and where a replay lost the signal.
    """
    if firing is None or firing.window_from_sequence is None:
        return None
    if firing.reaction == Signal.Reaction.HOLD:
        now = current_points(firing.signal.chart_id).filter(subgroup=firing.signal.point.subgroup_id).first()
        return None if now is None else now.sequence
    return window_start_now(firing.signal)
