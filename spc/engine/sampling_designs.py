"""Acceptance sampling plans side by side: what the standard prescribes, and what two wanted risks need.

Each design answers the same three questions at any quality p: how likely a lot is accepted, how many items are
inspected on average, and what leaves when rejected lots are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.sampling import (
    AttributesPlan,
    DoublePlan,
    PlanError,
    VariablesPlan,
    acceptance,
    find_attributes_plan,
    find_variables_plan,
    variables_acceptance,
)
from spc.engine.sampling_double import double_plan
from spc.engine.sampling_standards import Severity, StandardPlan, code_letter, single_plan

FloatArray = NDArray[np.float64]
# Two qualities closer than this need thousands of items to be told apart.
CLOSEST_RATIO = 1.3


class DesignKind(StrEnum):
    STANDARD_SINGLE = "standard_single"
    STANDARD_DOUBLE = "standard_double"
    ATTRIBUTES = "attributes"
    VARIABLES = "variables"
    VARIABLES_KNOWN = "variables_known"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    DesignKind.STANDARD_SINGLE: "ISO 2859-1 single",
    DesignKind.STANDARD_DOUBLE: "ISO 2859-1 double",
    DesignKind.ATTRIBUTES: "Smallest by count",
    DesignKind.VARIABLES: "Smallest by measurement",
    DesignKind.VARIABLES_KNOWN: "Measurement, sigma known",
}


@dataclass(frozen=True)
class Wish:
    """The lot, what the standard asks for, and two points the curve should pass.

    Lots of fraction defective `good` are rejected with `producer_risk` at most, those of `bad` accepted with
    `consumer_risk` at most; all four in (0, 1).
    """

    lot_size: int
    level: str
    aql: str
    severity: Severity
    good: float
    producer_risk: float
    bad: float
    consumer_risk: float


@dataclass(frozen=True)
class Design:
    """A plan of one kind for lots of `lot_size`; `letter` where a standard gave it."""

    kind: DesignKind
    plan: AttributesPlan | DoublePlan | VariablesPlan
    lot_size: int
    letter: str | None = None

    @property
    def largest_sample(self) -> int:
        """Items inspected at most, unless a rejected lot is sorted."""
        return self.plan.n1 + self.plan.n2 if isinstance(self.plan, DoublePlan) else self.plan.n

    @property
    def whole_lot(self) -> bool:
        """The plan asks for as many items as the lot has: every item is inspected."""
        return self.largest_sample >= self.lot_size

    def acceptance(self, p: ArrayLike) -> FloatArray:
        """Operating characteristic: P(accept) at fractions defective p."""
        if isinstance(self.plan, DoublePlan):
            return self.plan.acceptance(p)
        if isinstance(self.plan, AttributesPlan):
            return acceptance(self.plan, p)
        return variables_acceptance(self.plan, p, sigma_known=self.kind is DesignKind.VARIABLES_KNOWN)

    def sample_number(self, p: ArrayLike) -> FloatArray:
        """Average number of items inspected at fractions defective p, without curtailment."""
        if isinstance(self.plan, DoublePlan):
            return self.plan.average_sample_number(p)
        return np.full(np.shape(np.asarray(p)), float(self.plan.n))

    def outgoing(self, p: ArrayLike) -> FloatArray:
        """Average outgoing quality: what leaves when rejected lots are sorted and defectives found are replaced."""
        fraction, size = np.asarray(p, dtype=np.float64), self.lot_size
        if not isinstance(self.plan, DoublePlan):
            return np.asarray(
                fraction * self.acceptance(fraction) * max(0, size - self.plan.n) / size, dtype=np.float64
            )
        at_once = scipy.stats.binom.cdf(self.plan.ac1, self.plan.n1, fraction)
        left = at_once * max(0, size - self.plan.n1) + (self.acceptance(fraction) - at_once) * max(
            0, size - self.largest_sample
        )
        return np.asarray(fraction * left / size, dtype=np.float64)

    def outgoing_limit(self) -> float:
        """The worst average outgoing quality over all incoming ones."""
        grid = np.concatenate([np.linspace(0.0, 0.1, 2001), np.linspace(0.1, 1.0, 901)])
        return float(self.outgoing(grid).max())

    def keeps(self, wish: Wish) -> bool:
        """Both risks of the wish are kept."""
        good, bad = self.acceptance([wish.good, wish.bad])
        return bool(good >= 1.0 - wish.producer_risk - 1e-9 and bad <= wish.consumer_risk + 1e-9)


def designs(wish: Wish) -> tuple[Design, ...]:
    """Every plan for the wish, in the order of DesignKind; the double one is left out where the standard has none.

    Raises PlanError for wishes that no plan can keep.
    """
    if wish.bad < CLOSEST_RATIO * wish.good:
        raise PlanError(
            f"bad quality must be {CLOSEST_RATIO} times good quality at least: closer ones no sample tells apart"
        )
    letter = code_letter(wish.lot_size, wish.level)
    single = single_plan(letter, wish.aql, wish.severity)
    found = [
        Design(DesignKind.STANDARD_SINGLE, AttributesPlan(single.n, single.ac), wish.lot_size, single.letter)
    ]
    if wish.severity is not Severity.REDUCED:
        double = double_plan(letter, wish.aql, wish.severity)
        if not isinstance(double, StandardPlan):
            found.append(Design(DesignKind.STANDARD_DOUBLE, double, wish.lot_size, single.letter))
    points = (wish.good, 1.0 - wish.producer_risk, wish.bad, wish.consumer_risk)
    found.append(Design(DesignKind.ATTRIBUTES, find_attributes_plan(*points), wish.lot_size))
    for kind, known in ((DesignKind.VARIABLES, False), (DesignKind.VARIABLES_KNOWN, True)):
        found.append(Design(kind, find_variables_plan(*points, sigma_known=known), wish.lot_size))
    return tuple(found)
