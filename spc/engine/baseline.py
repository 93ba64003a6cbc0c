"""Phase 1 estimates: what limits are computed from. Stored as mean, sigma and n, never as typed limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from spc.engine.families import NOTHING_PLOTTED, Family, SubgroupData, Summary, standard_deviation, summarise
from spc.engine.sigma import (
    SigmaEstimate,
    SigmaMethod,
    Spread,
    TooFewReadingsError,
    method_for,
    sigma_from_moving_ranges,
    sigma_from_spreads,
)


class BaselineError(ValueError):
    """A baseline without what its family needs."""


@dataclass(frozen=True)
class Baseline:
    """The frozen estimate behind a chart's limits.

    `center`: mean of individuals; grand mean weighted by subgroup size; mean proportion (p and np, sum of
    counts over sum of sizes); mean count (c); mean rate per unit of area (u). `sigma`: standard deviation of
    an individual value within subgroups, in its unit; None for counts. `sigma_df`: the degrees of freedom of
    that estimate. `subgroup_size`: the size all subgroups share, or the mean of their sizes. `n_subgroups`:
    subgroups used, missing and excluded ones not counted. `n_values`: sum of sizes.
    """

    family: Family
    center: float
    sigma: float | None
    subgroup_size: float
    n_subgroups: int
    n_values: float
    sigma_method: SigmaMethod | None = None
    sigma_df: float | None = None

    def require_sigma(self) -> float:
        """Sigma within. Raises BaselineError on a baseline of counts."""
        if self.sigma is None:
            raise BaselineError(f"the baseline of a {self.family} chart has no sigma within")
        return self.sigma

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return {
            "family": self.family.value,
            "center": self.center,
            "sigma": self.sigma,
            "subgroup_size": self.subgroup_size,
            "n_subgroups": self.n_subgroups,
            "n_values": self.n_values,
            "sigma_method": None if self.sigma_method is None else self.sigma_method.value,
            "sigma_df": self.sigma_df,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Baseline:
        """Inverse of `to_dict`; numbers may come back as int from a JSON store."""
        method = data["sigma_method"]
        return cls(
            family=Family(data["family"]),
            center=float(data["center"]),
            sigma=_float_or_none(data["sigma"]),
            subgroup_size=float(data["subgroup_size"]),
            n_subgroups=int(data["n_subgroups"]),
            n_values=float(data["n_values"]),
            sigma_method=None if method is None else SigmaMethod(method),
            sigma_df=_float_or_none(data["sigma_df"]),
        )


def _float_or_none(value: float | None) -> float | None:
    return None if value is None else float(value)


def estimate_baseline(
    family: Family,
    subgroups: Sequence[SubgroupData],
    *,
    excluded: frozenset[int] = frozenset(),
    sigma_method: SigmaMethod | None = None,
) -> Baseline:
    """Estimate a baseline from subgroups in their order; `excluded` holds positions to leave out.

    A moving range never spans a missing or excluded point. Raises SubgroupError for a subgroup the family
    cannot plot, SigmaMethodError for a method it cannot use, TooFewReadingsError if nothing can be estimated.
    """
    method = method_for(family, sigma_method)
    summaries = [
        NOTHING_PLOTTED if position in excluded else summarise(family, subgroup)
        for position, subgroup in enumerate(subgroups)
    ]
    used = [summary for summary in summaries if not math.isnan(summary.statistic)]
    if not used:
        raise TooFewReadingsError("no subgroup to estimate a baseline from")
    n_values = math.fsum(summary.size for summary in used)
    estimate = _estimate_sigma(family, method, summaries, subgroups) if method else None
    return Baseline(
        family=family,
        # Means, proportions and rates alike: everything observed over everything inspected.
        center=math.fsum(summary.total for summary in used) / n_values,
        sigma=None if estimate is None else estimate.sigma,
        subgroup_size=n_values / len(used),
        n_subgroups=len(used),
        n_values=n_values,
        sigma_method=method,
        sigma_df=None if estimate is None else estimate.df,
    )


def moving_ranges(statistics: Sequence[float]) -> list[float]:
    """|x - the one before|, (n,); NaN at the start and next to a missing value."""
    pairs = pairwise(statistics)
    return [math.nan] * min(1, len(statistics)) + [abs(after - before) for before, after in pairs]


def _estimate_sigma(
    family: Family, method: SigmaMethod, summaries: Sequence[Summary], subgroups: Sequence[SubgroupData]
) -> SigmaEstimate:
    if family is Family.IMR:
        return sigma_from_moving_ranges(moving_ranges([summary.statistic for summary in summaries]))
    spreads = []
    for summary, subgroup in zip(summaries, subgroups, strict=True):
        if summary.size >= 2:
            values = [value for value in subgroup.values if not math.isnan(value)]
            spreads.append(Spread(len(values), max(values) - min(values), standard_deviation(values)))
    return sigma_from_spreads(method, spreads)
