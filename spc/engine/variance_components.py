"""Nested variance components: how much of the spread lies between batches, between units in them, and within.

Method of moments with the coefficients of unequal numbers (Searle, Casella and McCulloch, Variance Components, 3.3 and
appendix F); with equal numbers it is the classical analysis of variance. Negative estimates are 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spc.engine.readings import all_possible
from spc.engine.sigma import TooFewReadingsError


@dataclass(frozen=True)
class NestedVariance:
    """Variances between groups, between subgroups within groups, and within subgroups; squared units."""

    group: float
    subgroup: float
    within: float


def nested_variance(group: Sequence[Hashable], subgroup: Sequence[Hashable], y: ArrayLike) -> NestedVariance:
    """Readings (n,) with their group and their subgroup within it. Raises TooFewReadingsError, ReadingError."""
    values = all_possible(y)
    if not len(group) == len(subgroup) == len(values) or not np.all(np.isfinite(values)):
        raise TooFewReadingsError(
            "group, subgroup and y must be rows of the same length, every reading finite"
        )
    cells: dict[Hashable, dict[Hashable, list[float]]] = {}
    for g, s, value in zip(group, subgroup, values.tolist(), strict=True):
        cells.setdefault(g, {}).setdefault(s, []).append(value)
    n, a = len(values), len(cells)
    b = sum(len(inner) for inner in cells.values())
    if a < 2 or b <= a or n <= b:
        raise TooFewReadingsError(
            "two groups, two subgroups in one of them and two readings in one are needed"
        )
    grand = float(values.mean())
    ss_group = ss_subgroup = ss_within = 0.0
    within_group = of_groups = of_cells = 0.0
    for inner in cells.values():
        rows = [np.array(row) for row in inner.values()]
        size = sum(len(row) for row in rows)
        mean = sum(float(row.sum()) for row in rows) / size
        ss_group += size * (mean - grand) ** 2
        ss_subgroup += sum(len(row) * (float(row.mean()) - mean) ** 2 for row in rows)
        ss_within += sum(float(np.sum((row - row.mean()) ** 2)) for row in rows)
        squares = float(sum(len(row) ** 2 for row in rows))
        within_group += squares / size
        of_groups += size**2
        of_cells += squares
    within = ss_within / (n - b)
    k_inner = (n - within_group) / (b - a)
    subgroup_variance = max(0.0, (ss_subgroup / (b - a) - within) / k_inner)
    k_outer = (within_group - of_cells / n) / (a - 1)
    k_group = (n - of_groups / n) / (a - 1)
    inner_part = within + k_outer * (ss_subgroup / (b - a) - within) / k_inner
    return NestedVariance(max(0.0, (ss_group / (a - 1) - inner_part) / k_group), subgroup_variance, within)
