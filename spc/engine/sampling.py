"""Acceptance sampling: what a plan does (OC, ASN, AOQ), and which plan does what is wanted.

Attributes: n items, accepted with at most c defective. Variables: accepted when (U - mean) / sigma is at least k, with
sigma known or from the sample. Sources: Schilling and Neubauer, Acceptance Sampling in Quality Control; plan finding as
in Guenther (1969), Journal of Quality Technology 1, 105-109.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
LARGEST_SAMPLE = 200_000


class PlanError(ValueError):
    """Risks or sizes that no plan can have."""


class Law(StrEnum):
    """Of the number of defectives in a sample."""

    BINOMIAL = "binomial"  # items from a process
    POISSON = "poisson"  # defects
    HYPERGEOMETRIC = "hypergeom"  # items from a lot of N


@dataclass(frozen=True)
class AttributesPlan:
    """Sample n, accept with at most c."""

    n: int
    c: int


@dataclass(frozen=True)
class VariablesPlan:
    """Sample n, accept when the quality index is at least k."""

    n: int
    k: float


@dataclass(frozen=True)
class DoublePlan:
    """Sample n1: accept up to ac1, reject from re1, else sample n2 and accept up to ac2 in both."""

    n1: int
    ac1: int
    re1: int
    n2: int
    ac2: int

    def acceptance(self, p: ArrayLike) -> FloatArray:
        """Probability of acceptance at fractions defective p (any shape); binomial."""
        fraction = _fractions(p)
        total = stats.binom.cdf(self.ac1, self.n1, fraction)
        for first in range(self.ac1 + 1, self.re1):
            total = total + stats.binom.pmf(first, self.n1, fraction) * stats.binom.cdf(
                self.ac2 - first, self.n2, fraction
            )
        return np.asarray(total, dtype=np.float64)

    def average_sample_number(self, p: ArrayLike) -> FloatArray:
        """Mean number of items inspected, without curtailment."""
        fraction = _fractions(p)
        again = stats.binom.cdf(self.re1 - 1, self.n1, fraction) - stats.binom.cdf(
            self.ac1, self.n1, fraction
        )
        return np.asarray(self.n1 + self.n2 * again, dtype=np.float64)


def acceptance(
    plan: AttributesPlan, p: ArrayLike, *, law: Law = Law.BINOMIAL, lot_size: int | None = None
) -> FloatArray:
    """Operating characteristic: P(accept) at fractions defective (or defects per item) p, any shape."""
    if plan.n < 1 or plan.c < 0:
        raise PlanError(f"a plan needs n >= 1 and c >= 0, got n={plan.n}, c={plan.c}")
    fraction = _fractions(p, above_one=law is Law.POISSON)
    if law is Law.BINOMIAL:
        return np.asarray(stats.binom.cdf(plan.c, plan.n, fraction), dtype=np.float64)
    if law is Law.POISSON:
        return np.asarray(stats.poisson.cdf(plan.c, plan.n * fraction), dtype=np.float64)
    if lot_size is None or lot_size < plan.n:
        raise PlanError("a hypergeometric plan needs the lot size, at least the sample's")
    defective = np.rint(fraction * lot_size)
    return np.asarray(stats.hypergeom.cdf(plan.c, lot_size, defective, plan.n), dtype=np.float64)


def average_outgoing_quality(plan: AttributesPlan, p: ArrayLike, *, lot_size: int) -> FloatArray:
    """Fraction defective after rejected lots are sorted and their defectives replaced."""
    fraction = _fractions(p)
    return acceptance(plan, fraction) * fraction * (lot_size - plan.n) / lot_size


def average_outgoing_quality_limit(plan: AttributesPlan, *, lot_size: int) -> float:
    """The worst average outgoing quality over all incoming ones."""
    grid = np.linspace(0.0, 1.0, 20_001)
    return float(average_outgoing_quality(plan, grid, lot_size=lot_size).max())


def find_attributes_plan(
    p1: float,
    accept1: float,
    p2: float,
    accept2: float,
    *,
    law: Law = Law.BINOMIAL,
    lot_size: int | None = None,
) -> AttributesPlan:
    """The smallest plan with P(accept) >= `accept1` at good quality p1 and <= `accept2` at bad quality p2.

    Raises PlanError for risks that contradict each other.
    """
    _check_risks(p1, accept1, p2, accept2)
    largest = lot_size if law is Law.HYPERGEOMETRIC and lot_size is not None else LARGEST_SAMPLE
    c, n = 0, 1
    while n <= largest:
        plan = AttributesPlan(n, c)
        good, bad = acceptance(plan, [p1, p2], law=law, lot_size=lot_size).tolist()
        if bad > accept2:
            n += 1
        elif good < accept1:
            c += 1
        else:
            return plan
    raise PlanError(f"no plan up to n = {largest} keeps both risks")


def find_variables_plan(
    p1: float, accept1: float, p2: float, accept2: float, *, sigma_known: bool
) -> VariablesPlan:
    """The smallest one-sided variables plan for the same two points; k holds the good point exactly."""
    _check_risks(p1, accept1, p2, accept2)
    z1, z2 = float(stats.norm.isf(p1)), float(stats.norm.isf(p2))
    if sigma_known:
        reach = float(stats.norm.ppf(accept1) - stats.norm.ppf(accept2))
        n = math.ceil((reach / (z1 - z2)) ** 2 - 1e-9)
        return VariablesPlan(n, z1 - float(stats.norm.ppf(accept1)) / math.sqrt(n))
    for n in range(2, LARGEST_SAMPLE):
        root = math.sqrt(n)
        k = float(stats.nct.isf(accept1, n - 1, z1 * root)) / root
        if float(stats.nct.sf(k * root, n - 1, z2 * root)) <= accept2:
            return VariablesPlan(n, k)
    raise PlanError("no variables plan keeps both risks")


def variables_acceptance(plan: VariablesPlan, p: ArrayLike, *, sigma_known: bool) -> FloatArray:
    """Operating characteristic of a one-sided variables plan."""
    z, root = stats.norm.isf(_fractions(p)), math.sqrt(plan.n)
    if sigma_known:
        return np.asarray(stats.norm.cdf((z - plan.k) * root), dtype=np.float64)
    return np.asarray(stats.nct.sf(plan.k * root, plan.n - 1, z * root), dtype=np.float64)


def _check_risks(p1: float, accept1: float, p2: float, accept2: float) -> None:
    if not 0.0 < p1 < p2 < 1.0:
        raise PlanError(f"good quality p1 must lie below bad quality p2, both in (0, 1); got {p1} and {p2}")
    if not 0.0 < accept2 < accept1 < 1.0:
        raise PlanError(
            f"P(accept) must be larger at p1 than at p2, both in (0, 1); got {accept1}, {accept2}"
        )


def _fractions(p: ArrayLike, *, above_one: bool = False) -> FloatArray:
    fraction = np.asarray(p, dtype=np.float64)
    if np.any(fraction < 0) or (not above_one and np.any(fraction > 1)) or np.any(np.isnan(fraction)):
        raise PlanError("fractions defective lie between 0 and 1")
    return fraction
