"""A whole chart at once: statistics, limits and rule hits of both panels, and phase 1 screening."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spc.engine.baseline import Baseline
from spc.engine.families import Dispersion, Family, Panel, SubgroupData, summarise
from spc.engine.limits import FloatArray, PanelLimits, dispersion_limits, location_limits
from spc.engine.rules import Rule, completions, members, rules_for


class FamilyMismatchError(ValueError):
    """A baseline of one family applied to a chart of another."""


@dataclass(frozen=True)
class RuleHit:
    """A rule's pattern, complete at a point.

    `members`: offsets back from it (0 the point, 1 the one before).
    """

    rule: Rule
    panel: Panel
    members: tuple[int, ...]


@dataclass(frozen=True)
class ChartHit:
    """A hit at position `index` of the chart; `member_indices` are positions too, ascending."""

    index: int
    rule: Rule
    panel: Panel
    member_indices: tuple[int, ...]


@dataclass(frozen=True)
class ChartResult:
    """A chart of n points.

    Arrays are (n,), NaN where there is nothing; hits ordered by point, panel, rule.
    """

    baseline: Baseline
    statistic: FloatArray
    size: FloatArray
    location: PanelLimits
    dispersion: FloatArray
    dispersion_panel: PanelLimits
    hits: tuple[ChartHit, ...]

    @property
    def center(self) -> FloatArray:
        return self.location.center

    @property
    def lcl(self) -> FloatArray:
        return self.location.lcl

    @property
    def ucl(self) -> FloatArray:
        return self.location.ucl

    @property
    def z(self) -> FloatArray:
        return self.location.z

    @property
    def dispersion_center(self) -> FloatArray:
        return self.dispersion_panel.center

    @property
    def dispersion_lcl(self) -> FloatArray:
        return self.dispersion_panel.lcl

    @property
    def dispersion_ucl(self) -> FloatArray:
        return self.dispersion_panel.ucl

    def hits_at(self, index: int) -> tuple[ChartHit, ...]:
        return tuple(hit for hit in self.hits if hit.index == index)

    def indices(self, rule: Rule, panel: Panel = Panel.LOCATION) -> list[int]:
        """Positions at which the rule's pattern is complete."""
        return [hit.index for hit in self.hits if hit.rule is rule and hit.panel is panel]


def chart(
    family: Family,
    baseline: Baseline,
    subgroups: Sequence[SubgroupData],
    rules: Iterable[Rule],
    *,
    restarts: frozenset[int] = frozenset(),
) -> ChartResult:
    """Plot subgroups against a baseline and apply those of `rules` that each panel allows.

    At each position in `restarts` (a phase boundary, a changeover, a splice) rules start anew and no moving
    range reaches back. A subgroup of NaN keeps its place and never signals. Raises SubgroupError,
    FamilyMismatchError.
    """
    if baseline.family is not family:
        raise FamilyMismatchError(f"a {baseline.family} baseline cannot judge a {family} chart")
    summaries = [summarise(family, subgroup) for subgroup in subgroups]
    statistic = np.array([summary.statistic for summary in summaries], dtype=np.float64)
    size = np.array([summary.size for summary in summaries], dtype=np.float64)
    dispersion = np.array([summary.dispersion for summary in summaries], dtype=np.float64)
    starts = sorted({0, len(summaries)} | {start for start in restarts if 0 < start < len(summaries)})
    if family.dispersion is Dispersion.MOVING_RANGE and len(statistic):
        dispersion[1:] = np.abs(np.diff(statistic))
        dispersion[starts[:-1]] = np.nan
    location = location_limits(baseline, statistic, size)
    lower = dispersion_limits(baseline, dispersion, size)
    wanted = tuple(rules)
    hits = [
        hit
        for panel, z in ((Panel.LOCATION, location.z), (Panel.DISPERSION, lower.z))
        for rule in rules_for(family, panel, wanted)
        for start, stop in pairwise(starts)
        for hit in _hits(rule, panel, z[start:stop], start)
    ]
    hits.sort(key=lambda hit: hit.index)  # stable: panel and rule order is kept within a point
    return ChartResult(baseline, statistic, size, location, dispersion, lower, tuple(hits))


def _hits(rule: Rule, panel: Panel, z: FloatArray, start: int) -> Iterable[ChartHit]:
    span = rule.pattern.span
    for position in completions(rule, z).tolist():
        window = z[max(0, position - span + 1) : position + 1].tolist()
        forming = tuple(start + position - back for back in reversed(members(rule, window)))
        yield ChartHit(start + position, rule, panel, forming)
