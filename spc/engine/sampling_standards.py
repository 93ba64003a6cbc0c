"""ISO 2859-1 / ANSI/ASQ Z1.4 single sampling and its switching rules; k of ISO 3951 / Z1.9 single sampling.

The master tables have a diagonal structure: the acceptance number depends on code letter and AQL together. Where a cell
holds an arrow, n and the acceptance number of the plan that it points to are used. Sources: ISO 2859-1:1999 tables 1,
2-A, 2-B and clause 9; ANSI/ASQ Z1.4 table II-C (reduced, with its gap between Ac and Re); MIL-STD-414 table B-1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import scipy

from spc.engine.sampling import PlanError

# fmt: off
AQLS = (
    "0.010", "0.015", "0.025", "0.040", "0.065", "0.10", "0.15", "0.25", "0.40", "0.65", "1.0", "1.5", "2.5", "4.0",
    "6.5", "10", "15", "25", "40", "65", "100", "150", "250", "400", "650", "1000",
)
# fmt: on
LOT_SIZES = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
LETTERS = "ABCDEFGHJKLMNPQRS"
_SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
_REDUCED_SIZES = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)
CODE_LETTERS = {
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
}
# Diagonal (letter + AQL) of Ac 0 and of Ac 1; between them an arrow up and an arrow down.
_ZERO = {"normal": 14, "tightened": 15, "reduced": 14}
_ONE = {"normal": 17, "tightened": 18, "reduced": 17}
_NUMBERS: dict[str, tuple[tuple[int, int], ...]] = {
    "normal": tuple((ac, ac + 1) for ac in (1, 2, 3, 5, 7, 10, 14, 21, 30, 44)),
    "tightened": tuple((ac, ac + 1) for ac in (1, 2, 3, 5, 8, 12, 18, 27, 41)),
    "reduced": (*((0, 2), (1, 3), (1, 4), (2, 5), (3, 6), (5, 8), (7, 10), (10, 13), (14, 17), (21, 24)),),
}
# From this letter on the largest acceptance numbers are not used: they are for A to E.
_LARGE_ONLY_BEFORE = LETTERS.index("F")
_LARGEST_AFTER = {"normal": 21, "tightened": 18, "reduced": 10}
# Reduced inspection of the three letters with n = 2 keeps larger numbers at high AQLs.
_REDUCED_SMALL = {
    "A": dict(
        zip(
            range(17, 26),
            ((1, 2), (2, 3), (3, 4), (5, 6), (7, 8), (10, 11), (14, 15), (21, 22), (30, 31)),
            strict=True,
        )
    ),
    "B": {21: (5, 6), 22: (7, 8), 23: (10, 11), 24: (14, 15), 25: (21, 22), 26: (30, 31)},
}


class Severity(StrEnum):
    NORMAL = "normal"
    TIGHTENED = "tightened"
    REDUCED = "reduced"
    DISCONTINUED = "discontinued"


@dataclass(frozen=True)
class StandardPlan:
    """Sample n of the lot; accept with at most `ac`, reject from `re`."""

    letter: str
    n: int
    ac: int
    re: int


def code_letter(lot_size: int, level: str) -> str:
    """Sample size code letter (table 1). Raises PlanError for an unknown level or a lot below two items."""
    if level not in CODE_LETTERS:
        raise PlanError(f"unknown inspection level {level!r}; choose from {', '.join(CODE_LETTERS)}")
    if lot_size < 2:
        raise PlanError(f"a lot has two items at least, got {lot_size}")
    row = sum(lot_size > largest for largest in LOT_SIZES)
    return CODE_LETTERS[level][row]


def single_plan(letter: str, aql: str, severity: Severity = Severity.NORMAL) -> StandardPlan:
    """The single plan of a letter and an AQL (as printed in the standard), arrows followed. Raises PlanError."""
    if severity not in _ZERO:
        raise PlanError(f"there is no plan for {severity} inspection")
    if letter not in LETTERS or aql not in AQLS:
        raise PlanError(f"unknown code letter {letter!r} or AQL {aql!r}")
    sizes = _REDUCED_SIZES if severity is Severity.REDUCED else _SIZES
    row, column = LETTERS.index(letter), AQLS.index(aql)
    last = len(sizes) - 1
    row = min(row, last)
    while True:
        found = _cell(row, column, severity)
        if isinstance(found, tuple):
            return StandardPlan(LETTERS[row], sizes[row], *found)
        row += found
        if not 0 <= row <= last:
            raise PlanError(f"AQL {aql} has no plan under {severity} inspection")


def _cell(row: int, column: int, severity: str) -> tuple[int, int] | int:
    """(Ac, Re), or the direction of an arrow: +1 to the next letter, -1 to the one before."""
    diagonal = row + column
    if severity == "reduced" and diagonal in (special := _REDUCED_SMALL.get(LETTERS[row], {})):
        return special[diagonal]
    zero, one, numbers = _ZERO[severity], _ONE[severity], _NUMBERS[severity]
    if diagonal < zero:
        return 1
    if diagonal == zero:
        return 0, 1
    if diagonal < one:
        return -1 if diagonal == zero + 1 and row > 0 else 1
    if diagonal - one >= len(numbers):
        return -1
    ac, re = numbers[diagonal - one]
    return (ac, re) if row < _LARGE_ONLY_BEFORE or ac <= _LARGEST_AFTER[severity] else -1


@dataclass(frozen=True)
class Switching:
    """Where the switching rules stand (ISO 2859-1 clause 9.3).

    `recent`: the last results under normal inspection, newest last. `score`: the switching score. `accepted`: lots
    accepted in a row, `rejected`: lots rejected, both under tightened inspection.
    """

    severity: Severity = Severity.NORMAL
    recent: tuple[bool, ...] = ()
    score: int = 0
    accepted: int = 0
    rejected: int = 0

    def after(
        self, accepted: bool, *, reduced_authorised: bool = False, one_step_tighter: bool | None = None
    ) -> Switching:
        """The state after a lot's first inspection.

        `one_step_tighter`: where the acceptance number is 2 or more, whether the lot would have been accepted at the
        next smaller AQL; None where it is 0 or 1 (clause 9.3.3.2).
        """
        if self.severity is Severity.NORMAL:
            recent = (*self.recent, accepted)[-5:]
            counts = accepted and one_step_tighter is not False
            score = self.score + (2 if one_step_tighter is None else 3) if counts else 0
            if recent.count(False) >= 2:
                return Switching(Severity.TIGHTENED)
            if score >= 30 and reduced_authorised:
                return Switching(Severity.REDUCED)
            return Switching(Severity.NORMAL, recent, score)
        if self.severity is Severity.TIGHTENED:
            in_a_row = self.accepted + 1 if accepted else 0
            rejected = self.rejected + (not accepted)
            if in_a_row >= 5:
                return Switching(Severity.NORMAL)
            if rejected >= 5:
                return Switching(Severity.DISCONTINUED)
            return Switching(Severity.TIGHTENED, accepted=in_a_row, rejected=rejected)
        if self.severity is Severity.REDUCED:
            return self if accepted else Switching(Severity.NORMAL)
        return self


def severities(lots: Sequence[bool], *, reduced_authorised: bool = False) -> list[Severity]:
    """Severity before each lot (accepted: True), then the one for the next."""
    state, found = Switching(), [Severity.NORMAL]
    for accepted in lots:
        state = state.after(accepted, reduced_authorised=reduced_authorised)
        found.append(state.severity)
    return found


_K_AQLS = (0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10)
# fmt: off
# MIL-STD-414 table B-1 for the AQLs that Z1.9 kept: sigma unknown, standard deviation method, one limit, form 1.
_K_NORMAL: dict[int, tuple[float, ...]] = {  # the lines that are shorter begin at a larger AQL
    3: (1.12, 0.958, 0.765, 0.566),
    4: (1.45, 1.34, 1.17, 1.01, 0.814, 0.617),
    5: (1.65, 1.53, 1.40, 1.24, 1.07, 0.874, 0.675),
    7: (2.00, 1.88, 1.75, 1.62, 1.50, 1.33, 1.15, 0.955, 0.755),
    10: (2.24, 2.11, 1.98, 1.84, 1.72, 1.58, 1.41, 1.23, 1.03, 0.828),
    15: (2.42, 2.32, 2.20, 2.06, 1.91, 1.79, 1.65, 1.47, 1.30, 1.09, 0.886),
    20: (2.47, 2.36, 2.24, 2.11, 1.96, 1.82, 1.69, 1.51, 1.33, 1.12, 0.917),
    25: (2.50, 2.40, 2.26, 2.14, 1.98, 1.85, 1.72, 1.53, 1.35, 1.14, 0.936),
    30: (2.51, 2.41, 2.28, 2.15, 2.00, 1.86, 1.73, 1.55, 1.36, 1.15, 0.946),
    35: (2.54, 2.45, 2.31, 2.18, 2.03, 1.89, 1.76, 1.57, 1.39, 1.18, 0.969),
    40: (2.55, 2.44, 2.31, 2.18, 2.03, 1.89, 1.76, 1.58, 1.39, 1.18, 0.971),
    50: (2.60, 2.50, 2.35, 2.22, 2.08, 1.93, 1.80, 1.61, 1.42, 1.21, 1.00),
    75: (2.66, 2.55, 2.41, 2.27, 2.12, 1.98, 1.84, 1.65, 1.46, 1.24, 1.03),
    100: (2.69, 2.58, 2.43, 2.29, 2.14, 2.00, 1.86, 1.67, 1.48, 1.26, 1.05),
    150: (2.73, 2.61, 2.47, 2.33, 2.18, 2.03, 1.89, 1.70, 1.51, 1.29, 1.07),
    200: (2.73, 2.62, 2.47, 2.33, 2.18, 2.04, 1.89, 1.70, 1.51, 1.29, 1.07),
}
# The same table's column 0.065, which is Z1.9's T: tightened inspection at AQL 0.10.
_K_TIGHTEST = {
    15: 2.53, 20: 2.58, 25: 2.61, 30: 2.61, 35: 2.65, 40: 2.66, 50: 2.71, 75: 2.77, 100: 2.80, 150: 2.84, 200: 2.85,
}
# Z1.9 table B-3, percent: M where it is not simply that of the rounded k above.
_M_NORMAL: dict[int, tuple[float, ...]] = {
    5: (1.34, 3.33, 5.82, 9.80, 14.37, 20.19, 26.55),
    10: (0.349, 0.714, 1.27, 2.14, 3.27, 4.72, 7.26, 10.53, 15.17, 20.73),
    20: (0.356, 0.531, 0.864, 1.33, 2.03, 2.93, 4.1, 6.18, 8.95, 13.01, 18.07),
    50: (0.355, 0.503, 0.778, 1.16, 1.73, 2.47, 3.44, 5.21, 7.61, 11.23, 15.87),
}
# fmt: on


@dataclass(frozen=True)
class AcceptabilityConstant:
    """An AQL in percent, the published k, and M of form 2 with its k = (1 - 2 B^-1(M)) (n - 1) / sqrt n."""

    aql: float
    k_published: float
    k_from_m: float
    m: float


def acceptability_constants(
    n: int, severity: Severity = Severity.NORMAL
) -> tuple[AcceptabilityConstant, ...]:
    """The constants for sample size n, sigma unknown, normal or tightened. Raises PlanError for others.

    Tightened inspection at an AQL is normal inspection at the next smaller one; AQL 0.10 has a column of its own (T).
    """
    if n not in _K_NORMAL:
        raise PlanError(f"the standard has no sample size {n}; choose from {', '.join(map(str, _K_NORMAL))}")
    if severity not in (Severity.NORMAL, Severity.TIGHTENED):
        raise PlanError(f"k is held for normal and tightened inspection, not for {severity}")
    constants = _K_NORMAL[n]
    fractions = _M_NORMAL.get(n, tuple(100.0 * largest_fraction(k, n) for k in constants))
    if severity is Severity.TIGHTENED:
        first = (_K_TIGHTEST[n],) if n in _K_TIGHTEST else ()
        constants = (*first, *constants[:-1])
        fractions = (*(100.0 * largest_fraction(k, n) for k in first), *fractions[:-1])
    rows = []
    for aql, k, percent in zip(_K_AQLS[-len(constants) :], constants, fractions, strict=True):
        m = percent / 100.0
        rows.append(AcceptabilityConstant(aql, k, constant_of(m, n), m))
    return tuple(rows)


def constant_of(m: float, n: int) -> float:
    """k of the largest estimated fraction defective m, by the symmetric beta law of the estimate."""
    shape = n / 2.0 - 1.0
    return float((1.0 - 2.0 * scipy.stats.beta.ppf(m, shape, shape)) * (n - 1) / math.sqrt(n))


def largest_fraction(k: float, n: int) -> float:
    """Inverse of `constant_of`."""
    shape = n / 2.0 - 1.0
    return float(scipy.stats.beta.cdf(max(0.0, 0.5 - k * math.sqrt(n) / (2.0 * (n - 1))), shape, shape))
