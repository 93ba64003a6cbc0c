"""Acceptance sampling: what a plan does (OC, ASN, AOQ), and which plan does what is wanted.

Attributes: n items, accepted with at most c defective. Variables: accepted when (U - mean) / sigma is at least k, with
sigma known or from the sample. Sources: Schilling and Neubauer, Acceptance Sampling in Quality Control; plan finding as
in Guenther (1969), Journal of Quality Technology 1, 105-109.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

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
        total = scipy.stats.binom.cdf(self.ac1, self.n1, fraction)
        for first in range(self.ac1 + 1, self.re1):
            total = total + scipy.stats.binom.pmf(first, self.n1, fraction) * scipy.stats.binom.cdf(
                self.ac2 - first, self.n2, fraction
            )
        return np.asarray(total, dtype=np.float64)

    def average_sample_number(self, p: ArrayLike) -> FloatArray:
        """Mean number of items inspected, without curtailment."""
        fraction = _fractions(p)
        again = scipy.stats.binom.cdf(self.re1 - 1, self.n1, fraction) - scipy.stats.binom.cdf(
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
        return np.asarray(scipy.stats.binom.cdf(plan.c, plan.n, fraction), dtype=np.float64)
    if law is Law.POISSON:
        return np.asarray(scipy.stats.poisson.cdf(plan.c, plan.n * fraction), dtype=np.float64)
    if lot_size is None or lot_size < plan.n:
        raise PlanError("a hypergeometric plan needs the lot size, at least the sample's")
    defective = np.rint(fraction * lot_size)
    return np.asarray(scipy.stats.hypergeom.cdf(plan.c, lot_size, defective, plan.n), dtype=np.float64)


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

    def accepted(p: float, n: int, c: int) -> float:
        return float(acceptance(AttributesPlan(n, c), p, law=law, lot_size=lot_size))

    def keeps_bad_out(c: int, n: int) -> bool:
        return accepted(p2, n, c) <= accept2

    n = 0
    for c in range(largest):
        # A larger c needs a larger sample to keep bad quality out.
        found = _smallest(partial(keeps_bad_out, c), n + 1, largest)
        if found is None:
            break
        n = found
        if accepted(p1, n, c) >= accept1:
            return AttributesPlan(n, c)
    raise PlanError(f"no plan up to n = {largest} keeps both risks")


def find_variables_plan(
    p1: float, accept1: float, p2: float, accept2: float, *, sigma_known: bool
) -> VariablesPlan:
    """The smallest one-sided variables plan for the same two points; k holds the good point exactly."""
    _check_risks(p1, accept1, p2, accept2)
    z1, z2 = float(scipy.stats.norm.isf(p1)), float(scipy.stats.norm.isf(p2))
    if sigma_known:
        reach = float(scipy.stats.norm.ppf(accept1) - scipy.stats.norm.ppf(accept2))
        n = math.ceil((reach / (z1 - z2)) ** 2 - 1e-9)
        return VariablesPlan(n, z1 - float(scipy.stats.norm.ppf(accept1)) / math.sqrt(n))

    def plan(n: int) -> VariablesPlan:
        low, high = z1 - 1.0, z1 + 1.0
        while _accepted_unknown(low, n, z1) < accept1:
            low -= 2.0 * (high - low)
        while _accepted_unknown(high, n, z1) > accept1:
            high += 2.0 * (high - low)
        k = scipy.optimize.brentq(
            lambda k: float(_accepted_unknown(k, n, z1)) - accept1, low, high, xtol=1e-14
        )
        return VariablesPlan(n, float(k))

    def keeps_bad_out(n: int) -> bool:
        return float(_accepted_unknown(plan(n).k, n, z2)) <= accept2

    smallest = _smallest(keeps_bad_out, 2, LARGEST_SAMPLE)
    if smallest is None:
        raise PlanError(f"no variables plan up to n = {LARGEST_SAMPLE} keeps both risks")
    return plan(smallest)


def _smallest(holds: Callable[[int], bool], first: int, last: int) -> int | None:
    """The smallest size from `first` to `last` at which `holds` becomes true and stays so, by doubling and halving."""
    if first > last:
        return None
    below, reach = first - 1, 1
    while not holds(at := min(below + reach, last)):
        if at == last:
            return None
        below, reach = at, 2 * reach
    while at - below > 1:
        middle = (below + at) // 2
        below, at = (below, middle) if holds(middle) else (middle, at)
    return at


def variables_acceptance(plan: VariablesPlan, p: ArrayLike, *, sigma_known: bool) -> FloatArray:
    """Operating characteristic of a one-sided variables plan: 1 at p = 0 and 0 at p = 1."""
    z, root = scipy.stats.norm.isf(_fractions(p)), math.sqrt(plan.n)
    if plan.n < (1 if sigma_known else 2):
        raise PlanError(f"sigma from the sample needs two items at least, got n={plan.n}")
    if sigma_known:
        return np.asarray(scipy.stats.norm.cdf((z - plan.k) * root), dtype=np.float64)
    return _accepted_unknown(plan.k, plan.n, z)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)


def _accepted_unknown(k: float, n: int, z: ArrayLike) -> FloatArray:
    """P(mean + z sigma lies k s or more away), z any shape: the non-central t tail as an integral over s / sigma.

    scipy's series for it does not converge for samples of some hundreds; this does, to about 1e-13.
    """
    df = n - 1
    low, high = np.sqrt(scipy.stats.chi2.ppf(1e-18, df) / df), np.sqrt(scipy.stats.chi2.isf(1e-18, df) / df)
    ratio = low + (high - low) / 2.0 * (_NODES + 1.0)
    mass = (high - low) / 2.0 * _WEIGHTS * 2.0 * df * ratio * scipy.stats.chi2.pdf(df * ratio**2, df)
    reach = (np.asarray(z, dtype=np.float64)[..., None] - k * ratio) * math.sqrt(n)
    # The mass is 1 but for rounding, which may not carry a probability above 1.
    return np.asarray(np.minimum(1.0, (scipy.stats.norm.cdf(reach) @ mass) / mass.sum()), dtype=np.float64)


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
