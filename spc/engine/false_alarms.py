"""How often a chart alarms on a stable process, per point: at known parameters, and with limits from few points.

Limits estimated from m subgroups are wide or narrow, high or low by chance; averaged over that chance the rate is
higher than 1/ARL at known parameters (Quesenberry, Journal of Quality Technology 25, 1993; Jensen, Jones-Farmer,
Champ and Woodall, Journal of Quality Technology 38, 2006). The rate here is the expectation of 1/ARL over the
distribution of the estimates: centre normal, sigma a multiple of chi with the degrees of freedom of its estimator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from spc.engine.arl import average_run_length
from spc.engine.constants import c4, c4_of_df, d2, d3
from spc.engine.families import Family
from spc.engine.rules import Rule

# Medians are taken for normal, which they are nearly.
VARIABLES = {Family.IMR, Family.XBAR_R, Family.XBAR_S, Family.MEDIAN_R}
_NODES = 7


@dataclass(frozen=True)
class Basis:
    """What limits were estimated from: `n_subgroups` points, sigma within with `sigma_df` degrees of freedom."""

    n_subgroups: int
    sigma_df: float | None = None


@dataclass(frozen=True)
class AlarmRate:
    """Expected signals per point of a stable process, of the location panel and of the dispersion panel."""

    location: float
    dispersion: float

    @property
    def total(self) -> float:
        return self.location + self.dispersion


def alarm_rate(
    family: Family,
    rules: Iterable[Rule],
    *,
    size: int = 1,
    center: float = 0.0,
    basis: Basis | None = None,
    span: int = 2,
) -> AlarmRate:
    """Expected signals per point in control.

    `size` is the subgroup size (p: units inspected). `center` is the mean count of a c chart or the proportion of a
    p chart; variables charts do not need it. `span` readings make a moving range. Without a `basis` the limits are
    taken as exact.
    """
    return _alarm_rate(family, frozenset(rules), span if family is Family.IMR else size, center, basis)


@lru_cache(maxsize=1024)
def _alarm_rate(
    family: Family, rules: frozenset[Rule], size: int, center: float, basis: Basis | None
) -> AlarmRate:
    if family in VARIABLES:
        location = sum(
            weight / average_run_length(rules, shift=shift / ratio, spread=1.0 / ratio)
            for weight, shift, ratio in estimates(basis)
        )
        if Rule.BEYOND_LIMITS not in rules:
            return AlarmRate(location, 0.0)
        dispersion = sum(
            weight * dispersion_tail(family, size, ratio) for weight, ratio in sigma_ratios(basis)
        )
        return AlarmRate(location, dispersion)
    location = 0.0
    if runs := rules - {Rule.BEYOND_LIMITS}:
        location += sum(
            weight / average_run_length(runs, shift=shift) for weight, shift in center_shifts(basis)
        )
    if Rule.BEYOND_LIMITS in rules:
        location += sum(
            weight * _attribute_tail(family, size, center, true)
            for weight, true in _true_centers(family, size, center, basis)
        )
    return AlarmRate(location, 0.0)


def estimates(basis: Basis | None) -> Iterator[tuple[float, float, float]]:
    """(weight, true centre minus estimated one in sigmas of the statistic, estimated over true sigma)."""
    for weight, ratio in sigma_ratios(basis):
        for own, shift in center_shifts(basis):
            yield weight * own, shift, ratio


def center_shifts(basis: Basis | None) -> Iterator[tuple[float, float]]:
    if basis is None:
        yield 1.0, 0.0
        return
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        yield float(weight), float(node) / math.sqrt(basis.n_subgroups)


def sigma_ratios(basis: Basis | None) -> Iterator[tuple[float, float]]:
    """Estimated over true sigma of an unbiased estimate with `sigma_df` degrees of freedom."""
    if basis is None or basis.sigma_df is None:
        yield 1.0, 1.0
        return
    df = basis.sigma_df
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    scale = c4_of_df(df) * math.sqrt(df)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        yield float(weight), float(scipy.stats.chi.ppf((node + 1.0) / 2.0, df)) / scale


def dispersion_tail(family: Family, size: int, ratio: float) -> float:
    """P(beyond the three-sigma limits of the moving range, range or standard deviation), sigma `ratio` too large.

    `size` is that of the subgroup, or of the moving range.
    """
    if family is Family.XBAR_S:
        spread = 3.0 * math.sqrt(1.0 - c4(size) ** 2)
        upper = scipy.stats.chi2.sf((size - 1) * ((c4(size) + spread) * ratio) ** 2, size - 1)
        lower = scipy.stats.chi2.cdf((size - 1) * (max(0.0, c4(size) - spread) * ratio) ** 2, size - 1)
        return float(upper + lower)
    upper = scipy.stats.studentized_range.sf((d2(size) + 3.0 * d3(size)) * ratio, size, math.inf)
    lower = scipy.stats.studentized_range.cdf(max(0.0, d2(size) - 3.0 * d3(size)) * ratio, size, math.inf)
    return float(upper + lower)


def _true_centers(
    family: Family, size: int, center: float, basis: Basis | None
) -> Iterator[tuple[float, float]]:
    """What the mean count or proportion may be, given the estimate: its posterior under Jeffreys' prior."""
    if basis is None:
        yield 1.0, center
        return
    m = basis.n_subgroups
    law = (
        scipy.stats.gamma(m * center + 0.5, scale=1.0 / m)
        if family in {Family.C, Family.U}
        else scipy.stats.beta(m * size * center + 0.5, m * size * (1.0 - center) + 0.5)
    )
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        yield float(weight), float(law.ppf((node + 1.0) / 2.0))


def _attribute_tail(family: Family, size: int, center: float, true: float) -> float:
    """P(count beyond the three-sigma limits about `center`) when the mean count or proportion is `true`."""
    if family in {Family.C, Family.U}:
        law, mean, sd = scipy.stats.poisson(true), center, math.sqrt(center)
    else:
        law, mean = scipy.stats.binom(size, true), size * center
        sd = math.sqrt(size * center * (1.0 - center))
    return float(law.sf(math.floor(mean + 3.0 * sd)) + law.cdf(math.ceil(mean - 3.0 * sd) - 1))
