"""Let the control plan react to signals: alert, tighten sampling, hold, contain, or stop the stream.

To stop is to contain what the stream made and to let no new lot start on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lots.actions.place_hold import place_hold
from lots.models import Hold, Site
from quality.actions.stop import stop_on, stop_stream
from quality.actions.tighten import open_on, tighten
from quality.models import ControlPlanLine, ReactionFiring
from quality.plans import line_of_chart
from quality.window import window_extents, window_start
from spc.definition import moving_range_below, traits_of
from spc.engine import Panel
from spc.engine.special_rules import rule_named
from spc.models import Chart, Signal
from spc.queries import strata_words

Reaction = Signal.Reaction
MATERIAL = {Reaction.HOLD, Reaction.CONTAIN, Reaction.STOP}


def react(
    chart: Chart, signals: Iterable[Signal], site: Site, *, now: datetime, site_now: datetime
) -> list[ReactionFiring]:
    """Judge each signal once, in the transaction that found it. Provisional signals only alert."""
    line = line_of_chart(chart.stream.plan)
    firings = []
    for signal in signals:
        planned = line.reaction if line is not None else Reaction.HOLD  # no plan line: fail closed
        reaction = Reaction.ALERT if signal.provisional or _is_echo(chart, signal) else Reaction(planned)
        firings.append(_fire(chart, signal, reaction, line, site, now=now, site_now=site_now))
    return firings


def _is_echo(chart: Chart, signal: Signal) -> bool:
    """A moving range out of limits also follows every lone outlier, at the next, innocent lot: it only alerts."""
    return signal.panel == Signal.Panel.DISPERSION and moving_range_below(chart.stream.plan)


def _fire(
    chart: Chart,
    signal: Signal,
    reaction: Signal.Reaction,
    line: ControlPlanLine | None,
    site: Site,
    *,
    now: datetime,
    site_now: datetime,
) -> ReactionFiring:
    hold, extents, first = None, [], None
    if reaction in MATERIAL:
        first = signal.point.sequence if reaction == Reaction.HOLD else window_start(signal)
        extents = window_extents(chart, first, signal.point, since_good=reaction != Reaction.HOLD)
        if extents:
            hold = place_hold(
                site=site,
                source=Hold.Source.SIGNAL,
                source_id=signal.pk,
                reason=reason_of(chart, signal),
                extents=extents,
                placed_at=site_now,
            )
    stops = reaction == Reaction.STOP and stop_on(chart) is None
    tightens = reaction == Reaction.TIGHTEN and open_on(chart) is None
    firing = ReactionFiring.objects.create(
        signal=signal,
        reaction=reaction,
        line_id=line.pk if line else None,
        hold=hold,
        lots_in_window=len(extents),
        window_from_sequence=first,
        did=_did(reaction, len(extents), new=stops or tightens, line=line),
        fired_at=now,
    )
    if stops:
        stop_stream(chart, firing, site, reason=reason_of(chart, signal), site_now=site_now)
    if tightens and line is not None:
        tighten(chart, firing, line, site, site_now=site_now)
    signal.reaction, signal.judged_at = reaction, now
    signal.save(update_fields=["reaction", "judged_at"])
    return firing


def _did(reaction: Signal.Reaction, lots: int, *, new: bool, line: ControlPlanLine | None) -> str:
    """What the reaction came to, for the log."""
    if reaction == Reaction.ALERT:
        return "alerted; nothing was held"
    held = f"held {lots} lot{'' if lots == 1 else 's'}" if lots else "found no lot to hold"
    if reaction == Reaction.TIGHTEN and line is not None:
        return (
            f"asks {line.tighten_factor} times the samples until {line.good_to_relax} good subgroups in a row"
            if new
            else "sampling was tightened already; the good subgroups count anew"
        )
    if reaction == Reaction.STOP:
        return f"{held} and {'stopped the stream' if new else 'the stream was stopped already'}"
    return held


def reason_of(chart: Chart, signal: Signal) -> str:
    """What a hold says of the signal."""
    plan = chart.stream.plan
    plots = traits_of(plan).panel(Panel(signal.panel)).lower()
    panel = "" if signal.panel == Signal.Panel.LOCATION else f" ({plots})"
    place = " · ".join(strata_words(chart))
    return f"{plan.characteristic.name}{panel}: {rule_named(signal.rule).label} ({place})"
