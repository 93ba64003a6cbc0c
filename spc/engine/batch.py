"""A whole chart at once: statistics, limits and rule hits of both panels, and phase 1 screening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from spc.engine.baseline import Baseline, baseline_of
from spc.engine.families import Dispersion, Family, Panel
from spc.engine.limits import FloatArray, PanelLimits, dispersion_limits, location_limits
from spc.engine.rules import Rule, evaluate, members, rules_for
from spc.engine.sigma import SigmaMethod, method_for
from spc.engine.special_rules import AnyRule
from spc.engine.summaries import Subgroups, Summaries, summarise_all


class FamilyMismatchError(ValueError):
    """A baseline of one family applied to a chart of another."""


@dataclass(frozen=True)
class RuleHit:
    """A rule's pattern, complete at a point.

    `members`: offsets back from it (0 the point, 1 the one before).
    """

    rule: AnyRule
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
class Completed:
    """Positions of the chart, ascending, at which a rule's pattern is complete in the stretch from `start` on."""

    rule: Rule
    panel: Panel
    start: int
    positions: NDArray[np.intp]


@dataclass(frozen=True)
class ChartResult:
    """A chart of n points.

    Arrays are (n,), NaN where there is nothing; lines that all points share may be read-only. Hits are ordered by
    point, panel, rule.
    """

    baseline: Baseline
    statistic: FloatArray
    size: FloatArray
    location: PanelLimits
    dispersion: FloatArray
    dispersion_panel: PanelLimits
    completed: tuple[Completed, ...]

    @cached_property
    def hits(self) -> tuple[ChartHit, ...]:
        """Every completed pattern with its members; formed when first asked for."""
        found = [hit for completed in self.completed for hit in self._hits(completed)]
        found.sort(key=lambda hit: hit.index)  # stable: panel and rule order is kept within a point
        return tuple(found)

    def _hits(self, completed: Completed) -> Iterable[ChartHit]:
        rule, panel = completed.rule, completed.panel
        z = self.location.z if panel is Panel.LOCATION else self.dispersion_panel.z
        for index in completed.positions.tolist():
            window = z[max(completed.start, index - rule.pattern.span + 1) : index + 1].tolist()
            forming = tuple(index - back for back in reversed(members(rule, window)))
            yield ChartHit(index, rule, panel, forming)

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
        found = (c.positions.tolist() for c in self.completed if c.rule is rule and c.panel is panel)
        return list(chain.from_iterable(found))


def chart(
    family: Family,
    baseline: Baseline,
    subgroups: Subgroups,
    rules: Iterable[Rule],
    *,
    restarts: frozenset[int] = frozenset(),
) -> ChartResult:
    """Plot subgroups, or an array of individuals (n,) or of readings (n, k), against a baseline.

    Those of `rules` that each panel allows are applied. At each position in `restarts` (a phase boundary, a
    changeover, a splice) rules start anew and no moving range reaches back. A subgroup of NaN keeps its place and
    never signals. Raises SubgroupError, FamilyMismatchError.
    """
    if baseline.family is not family:
        raise FamilyMismatchError(f"a {baseline.family} baseline cannot judge a {family} chart")
    return _plotted(baseline, summarise_all(family, subgroups, span=baseline.span), rules, restarts)


def phase1_chart(
    family: Family,
    subgroups: Subgroups,
    rules: Iterable[Rule],
    *,
    excluded: frozenset[int] = frozenset(),
    sigma_method: SigmaMethod | None = None,
    span: int = 2,
) -> ChartResult:
    """Plot subgroups against the baseline that they themselves give; every subgroup is reduced once.

    Positions in `excluded` are plotted and judged, but take no part in the estimate. Raises what
    `estimate_baseline` raises.
    """
    method = method_for(family, sigma_method, span=span)
    summaries = summarise_all(family, subgroups, span=span)
    baseline = baseline_of(family, summaries.without(excluded), subgroups, method, span=span)
    return _plotted(baseline, summaries, rules, frozenset())


def _plotted(
    baseline: Baseline, summaries: Summaries, rules: Iterable[Rule], restarts: frozenset[int]
) -> ChartResult:
    family = baseline.family
    statistic, dispersion = summaries.statistic, summaries.dispersion
    starts = sorted({0, len(statistic)} | {start for start in restarts if 0 < start < len(statistic)})
    if family.dispersion is Dispersion.MOVING_RANGE and len(starts) > 2:
        dispersion = dispersion.copy()
        for start in starts[:-1]:
            dispersion[start : start + baseline.span - 1] = np.nan
    location = location_limits(baseline, statistic, summaries.size)
    lower = dispersion_limits(baseline, dispersion, summaries.size)
    wanted = tuple(rules)
    completed = tuple(
        Completed(rule, panel, start, positions + start)
        for panel, z in ((Panel.LOCATION, location.z), (Panel.DISPERSION, lower.z))
        for start, stop in pairwise(starts)
        for rule, positions in evaluate(rules_for(family, panel, wanted), z[start:stop]).items()
    )
    size = np.broadcast_to(summaries.size, statistic.shape)
    return ChartResult(baseline, statistic, size, location, dispersion, lower, completed)
