"""Single sampling by variables, sigma unknown: which sample a lot needs, and what its values decide.

Sources: ANSI/ASQ Z1.9-2008 table A-2 (code letters) and clauses B3 and B8 (form 1 for one limit; for two limits form 2,
the estimated shares beyond both added up); ISO 3951-1 and -2 judge by the same constants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spc.engine.sampling import PlanError
from spc.engine.sampling_standards import Severity, acceptability_constants, largest_fraction

LOT_SIZES = (8, 15, 25, 50, 90, 150, 280, 400, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
# fmt: off
SIZES = {
    "B": 3, "C": 4, "D": 5, "E": 7, "F": 10, "G": 15, "H": 20, "I": 25, "J": 35, "K": 50, "L": 75, "M": 100, "N": 150,
    "P": 200,
}
# fmt: on
CODE_LETTERS = {
    "S-3": "BBBBBBBCCDEFGHHH",
    "S-4": "BBBBBCDEEFGHIJKK",
    "I": "BBBCDEFGGHIJKLMN",
    "II": "BBCDEFGHIJKLMNPP",
    "III": "CDEFGHIJJKLMNPPP",
}
VARIABLES_AQLS = ("0.10", "0.15", "0.25", "0.40", "0.65", "1.0", "1.5", "2.5", "4.0", "6.5", "10")


@dataclass(frozen=True)
class VariablesStandardPlan:
    """Sample n; one limit: accept from the quality index k on; two limits: up to the estimated share m beyond them."""

    letter: str
    n: int
    k: float
    m: float


@dataclass(frozen=True)
class VariablesVerdict:
    """Mean and standard deviation in the unit of the values; `index` is the smaller quality index."""

    accepted: bool
    mean: float
    deviation: float
    index: float
    share: float


def variables_plan(
    lot_size: int, level: str, aql: str, severity: Severity = Severity.NORMAL
) -> VariablesStandardPlan:
    """The plan of a lot size, level and AQL; without a constant in its line, that of the next larger sample.

    Raises PlanError for an unknown level or AQL, a lot below two items, and severities without constants.
    """
    if level not in CODE_LETTERS:
        raise PlanError(f"unknown inspection level {level!r}; choose from {', '.join(CODE_LETTERS)}")
    if aql not in VARIABLES_AQLS:
        raise PlanError(f"unknown AQL {aql!r}; choose from {', '.join(VARIABLES_AQLS)}")
    if lot_size < 2:
        raise PlanError(f"a lot has two items at least, got {lot_size}")
    letters = "".join(SIZES)
    first = letters.index(CODE_LETTERS[level][sum(lot_size > largest for largest in LOT_SIZES)])
    for letter in letters[first:]:
        for found in acceptability_constants(SIZES[letter], severity):
            if math.isclose(found.aql, float(aql)):
                return VariablesStandardPlan(letter, SIZES[letter], found.k_published, found.m)
    raise PlanError(f"AQL {aql} has no plan under {severity} inspection")


def judge_variables(
    values: Sequence[float], plan: VariablesStandardPlan, *, lsl: float | None, usl: float | None
) -> VariablesVerdict:
    """Decide on the values of a sample (n at least 3). Raises PlanError without a limit or for another n."""
    if lsl is None and usl is None:
        raise PlanError("a variables plan needs a limit")
    if len(values) != plan.n:
        raise PlanError(f"the plan decides on {plan.n} values, got {len(values)}")
    sample = np.asarray(values, dtype=np.float64)
    mean, deviation = float(sample.mean()), float(sample.std(ddof=1))
    distances = [mean - lsl] if lsl is not None else []
    distances += [usl - mean] if usl is not None else []
    indices = [_index(distance, deviation) for distance in distances]
    share = sum(1.0 - _inside(index, plan.n) for index in indices)
    both = len(indices) == 2
    accepted = share <= plan.m if both else indices[0] >= plan.k
    return VariablesVerdict(accepted, mean, deviation, min(indices), share)


def _index(distance: float, deviation: float) -> float:
    """Quality index; without any spread, surely in (also on the limit) or surely out."""
    if deviation == 0.0:
        return math.inf if distance >= 0 else -math.inf
    return distance / deviation


def _inside(index: float, n: int) -> float:
    """Estimated share within the limit of that quality index."""
    if index < 0:
        return largest_fraction(-index, n) if math.isfinite(index) else 0.0
    return 1.0 - largest_fraction(index, n) if math.isfinite(index) else 1.0
