"""Phase 1 estimates: what limits are computed from. Stored as mean, sigma and n, never as typed limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.families import MISSING_POINT, Dispersion, Family
from spc.engine.sigma import (
    USES_RANGES,
    SigmaEstimate,
    SigmaMethod,
    TooFewReadingsError,
    method_for,
    sigma_from_moving_ranges,
    sigma_from_spreads,
    total,
)
from spc.engine.summaries import Subgroups, Summaries, summarise_all

FloatArray = NDArray[np.float64]


class BaselineError(ValueError):
    """A baseline without what its family needs."""


@dataclass(frozen=True)
class Baseline:
    """The frozen estimate behind a chart's limits.

    `center`: mean of individuals; grand mean weighted by subgroup size, of medians likewise; mean proportion (p
    and np, sum of counts over sum of sizes); mean count (c); mean rate per unit of area (u). `sigma`: standard
    deviation of an individual value within subgroups, in its unit; None for counts. `sigma_df`: the degrees of
    freedom of that estimate. `subgroup_size`: the size all subgroups share, or the mean of their sizes.
    `n_subgroups`: subgroups used, missing and excluded ones not counted. `n_values`: sum of sizes. `span`: readings of
    a moving range.
    """

    family: Family
    center: float
    sigma: float | None
    subgroup_size: float
    n_subgroups: int
    n_values: float
    sigma_method: SigmaMethod | None = None
    sigma_df: float | None = None
    span: int = 2

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
            "span": self.span,
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
            span=int(data.get("span", 2)),
        )


def _float_or_none(value: float | None) -> float | None:
    return None if value is None else float(value)


def estimate_baseline(
    family: Family,
    subgroups: Subgroups,
    *,
    excluded: frozenset[int] = frozenset(),
    sigma_method: SigmaMethod | None = None,
    span: int = 2,
) -> Baseline:
    """Estimate a baseline from subgroups in their order, or from an array of individuals (n,) or of readings (n, k).

    `excluded` holds positions to leave out. A moving range, of `span` readings, never reaches over a missing or
    excluded point. Raises SubgroupError for a subgroup the family cannot plot, SigmaMethodError for a method or span
    it cannot use, TooFewReadingsError if nothing can be estimated.
    """
    method = method_for(family, sigma_method, span=span)
    kept = _without(subgroups, excluded)
    return baseline_of(family, summarise_all(family, kept, span=span), kept, method, span=span)


def baseline_of(
    family: Family,
    summaries: Summaries,
    subgroups: Subgroups,
    method: SigmaMethod | None,
    *,
    span: int = 2,
) -> Baseline:
    """The baseline of subgroups that are already reduced; a summary of NaN takes no part. Raises as above."""
    used = ~np.isnan(summaries.statistic)
    n_subgroups = int(np.count_nonzero(used))
    if not n_subgroups:
        raise TooFewReadingsError("no subgroup to estimate a baseline from")
    size, totals = np.broadcast_to(summaries.size, used.shape), summaries.total
    if n_subgroups < len(used):
        size, totals = size[used], totals[used]
    n_values = total(size)
    estimate = _estimate_sigma(family, method, summaries, subgroups, span) if method else None
    return Baseline(
        family=family,
        # Means, proportions and rates alike: everything observed over everything inspected.
        center=total(totals) / n_values,
        sigma=None if estimate is None else estimate.sigma,
        subgroup_size=n_values / n_subgroups,
        n_subgroups=n_subgroups,
        n_values=n_values,
        sigma_method=method,
        sigma_df=None if estimate is None else estimate.df,
        span=span,
    )


def _without(subgroups: Subgroups, excluded: frozenset[int]) -> Subgroups:
    if not excluded:
        return subgroups
    if isinstance(subgroups, np.ndarray):
        kept = np.array(subgroups, dtype=np.float64)
        kept[[position for position in excluded if position < len(kept)]] = np.nan
        return kept
    return [MISSING_POINT if i in excluded else subgroup for i, subgroup in enumerate(subgroups)]


def _estimate_sigma(
    family: Family, method: SigmaMethod, summaries: Summaries, subgroups: Subgroups, span: int
) -> SigmaEstimate:
    gone = np.isnan(summaries.statistic)
    if family is Family.IMR:
        ranges = summaries.dispersion
        if np.any(gone):
            ranges = np.where(gone, np.nan, ranges)
            for lag in range(1, min(span, len(gone))):
                ranges[lag:][gone[:-lag]] = np.nan
        return sigma_from_moving_ranges(ranges, span)
    shows = Dispersion.RANGE if method in USES_RANGES else Dispersion.STANDARD_DEVIATION
    other = Family.XBAR_R if shows is Dispersion.RANGE else Family.XBAR_S
    own = summaries if family.dispersion is shows else summarise_all(other, subgroups)
    spreads = np.where(gone, np.nan, own.dispersion)
    return sigma_from_spreads(method, own.size, spreads)
