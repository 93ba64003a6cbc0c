"""What a chart says beyond its points: capability, and what its rules cost in false alarms."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spc.definition import definition_of
from spc.engine import Capability, Panel, Rule, TooFewReadingsError, estimate_capability
from spc.engine.capability_study import together_of
from spc.engine.live import ChartDefinition, Fit, false_alarm_rate, points_to_find, rules_of
from spc.models import BasisPoint, Chart, ChartPlan
from spc.queries import current_members, excluded_subgroups

READINGS_FROM_POINTS = 500


@dataclass(frozen=True)
class RuleCost:
    """A rule and the mean number of in-control points between its false alarms, alone and location panel only."""

    rule: Rule
    points_per_false_alarm: float


@dataclass(frozen=True)
class FalseAlarms:
    """The chart's rules with their single costs, and the cost of all of them together (None: no rules)."""

    rules: tuple[RuleCost, ...]
    together: float | None


def false_alarms(plan: ChartPlan) -> FalseAlarms:
    """Average run lengths in control of the rules that the location panel uses."""
    definition = definition_of(plan)
    used = rules_of(definition.kind, Panel.LOCATION, definition.rules)
    return FalseAlarms(
        rules=tuple(RuleCost(rule, _run_length(replace(definition, rules=(rule,)))) for rule in used),
        together=_run_length(definition) if used else None,
    )


# Shifts whose finding is told, in sigmas of one plotted point.
SHIFTS = (1.0, 2.0, 3.0)


def found_after(plan: ChartPlan) -> tuple[tuple[float, float], ...]:
    """(shift, mean number of points until the rules find it); empty where the chart has no such shift."""
    definition = definition_of(plan)
    lengths = ((shift, points_to_find(definition, shift)) for shift in SHIFTS)
    return tuple((shift, length) for shift, length in lengths if length is not None)


def _run_length(definition: ChartDefinition) -> float:
    return 1.0 / false_alarm_rate(definition)


@dataclass(frozen=True)
class ChartCapability:
    """`together` has sigma between and within in the place of sigma within; None where nothing tells them apart."""

    own: Capability
    together: Capability | None


def chart_capability(
    chart: Chart, *, lsl: float | None, usl: float | None, target: float | None
) -> ChartCapability | None:
    """Capability of the individual readings behind the newest points; None without a sigma within or with too few.

    Sigma within is the estimate behind the limits in force, with its own degrees of freedom. Points excluded
    from that estimate are left out. Readings come from the last READINGS_FROM_POINTS points.
    """
    revision = chart.state.limit_revision
    if revision is None or revision.sigma is None:
        return None
    fit = Fit.from_dict(revision.baseline)
    excluded = BasisPoint.objects.filter(limit_revision=revision, excluded=True).values("point_id")
    readings = list(
        current_members()
        .filter(
            subgroup__points__chart=chart,
            subgroup__points__replaced_at__isnull=True,
            subgroup__points__sequence__gte=chart.state.next_sequence - READINGS_FROM_POINTS,
        )
        .exclude(subgroup__points__in=excluded)
        .exclude(subgroup__in=excluded_subgroups(chart.pk).keys())
        .values_list("value", flat=True)
    )
    try:
        own = estimate_capability(
            readings, sigma_within=fit.sigma, within_df=fit.sigma_df, lsl=lsl, usl=usl, target=target
        )
    except TooFewReadingsError:
        return None
    parts = fit.parts
    together = None if parts is None else together_of(readings, parts, lsl=lsl, usl=usl, target=target)
    return ChartCapability(own, together)
