"""What a chart says beyond its points: capability, and what its rules cost in false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spc.engine import (
    Baseline,
    Capability,
    Family,
    Panel,
    Rule,
    TooFewReadingsError,
    average_run_length,
    estimate_capability,
    rules_for,
)
from spc.models import BasisPoint, Chart
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


def false_alarms(rules: Sequence[Rule], family: Family) -> FalseAlarms:
    """Exact average run lengths in control of the rules that the location panel uses."""
    used = rules_for(family, Panel.LOCATION, rules)
    return FalseAlarms(
        rules=tuple(RuleCost(rule, average_run_length((rule,))) for rule in used),
        together=average_run_length(used) if used else None,
    )


def chart_capability(
    chart: Chart, *, lsl: float | None, usl: float | None, target: float | None
) -> Capability | None:
    """Capability of the individual readings behind the newest points; None for counts and too few readings.

    Sigma within is the estimate behind the limits in force, with its own degrees of freedom. Points excluded
    from that estimate are left out. Readings come from the last READINGS_FROM_POINTS points.
    """
    revision = chart.state.limit_revision
    if revision is None or Family(chart.stream.plan.family).is_attribute:
        return None
    baseline = Baseline.from_dict(revision.baseline)
    excluded = BasisPoint.objects.filter(limit_revision=revision, excluded=True).values("point_id")
    readings = (
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
        return estimate_capability(
            list(readings),
            sigma_within=baseline.sigma,
            within_df=baseline.sigma_df,
            lsl=lsl,
            usl=usl,
            target=target,
        )
    except TooFewReadingsError:
        return None
