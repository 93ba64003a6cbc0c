"""ISO 2859-1 double sampling plans, normal and tightened inspection.

A double plan stands where the single plan of the same letter and AQL stands: two samples of the size one letter lower,
and numbers chosen so that both have nearly the same operating characteristic. Source: ISO 2859-1:1999 tables 3-A and
3-B (it changed three plans of the 1989 edition and of ANSI/ASQ Z1.4, to fit the single plans closer).
"""

from __future__ import annotations

from spc.engine.sampling import DoublePlan, PlanError
from spc.engine.sampling_standards import LETTERS, Severity, StandardPlan, single_plan

_SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000)
# Acceptance number of the single plan: (Ac1, Re1, Ac2); Re2 is Ac2 + 1.
_NORMAL = {
    1: (0, 2, 1),
    2: (0, 3, 3),
    3: (1, 3, 4),
    5: (2, 5, 6),
    7: (3, 6, 9),
    10: (5, 9, 12),
    14: (7, 11, 18),
    21: (11, 16, 26),
    30: (17, 22, 37),
    44: (25, 31, 56),
}
_TIGHTENED = {
    1: (0, 2, 1),
    2: (0, 3, 3),
    3: (1, 3, 4),
    5: (2, 5, 6),
    8: (4, 7, 10),
    12: (6, 10, 15),
    18: (9, 14, 23),
    27: (15, 20, 34),
    41: (23, 29, 52),
}
_NUMBERS = {Severity.NORMAL: _NORMAL, Severity.TIGHTENED: _TIGHTENED}


def double_plan(letter: str, aql: str, severity: Severity = Severity.NORMAL) -> DoublePlan | StandardPlan:
    """The double plan of a letter and an AQL, arrows followed.

    The single plan where the standard has no double one: letter A and acceptance number 0. Raises PlanError, also for
    reduced inspection, of which only single plans are held.
    """
    if severity not in _NUMBERS:
        raise PlanError(f"double plans are held for normal and tightened inspection, not for {severity}")
    single = single_plan(letter, aql, severity)
    row = LETTERS.index(single.letter)
    if row == 0 or single.ac == 0:
        return single
    first, rejected, both = _NUMBERS[severity][single.ac]
    size = _SIZES[row - 1]
    return DoublePlan(size, first, rejected, size, both)
