"""How much of the overall spread is not within subgroups: the stability index and ratio.

Sources: Ramirez and Runger (2006), Quality Engineering 18, 53-68 (stability ratio and its F test); JMP, Quality and
Process Methods, process screening (index and its bounds 1.25 and 1.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import scipy

from spc.engine.families import standard_deviation
from spc.engine.readings import possible
from spc.engine.sigma import TooFewReadingsError

STABLE_UP_TO, UNSTABLE_FROM = 1.25, 1.5


class Verdict(StrEnum):
    STABLE = "stable"
    BORDERLINE = "borderline"
    UNSTABLE = "unstable"


@dataclass(frozen=True)
class Stability:
    """`index` = sigma overall over sigma within, `ratio` its square.

    `p_value`: probability of such a ratio or a larger one when there is no spread beyond that within subgroups. The two
    estimates share readings, so it is approximate; None without degrees of freedom. All None where sigma within is 0.
    """

    index: float | None
    ratio: float | None
    p_value: float | None
    verdict: Verdict | None


def stability(values: Sequence[float], *, sigma_within: float, within_df: float | None) -> Stability:
    """Stability of readings (n,), in time order or not; NaN is left out.

    `within_df` are the degrees of freedom of `sigma_within`.
    Raises TooFewReadingsError below two readings, ReadingError.
    """
    known = [possible(value) for value in values if not math.isnan(value)]
    if len(known) < 2:
        raise TooFewReadingsError("an overall standard deviation takes two readings at least")
    if not sigma_within > 0.0:
        return Stability(None, None, None, None)
    index = standard_deviation(known) / sigma_within
    p_value = None if within_df is None else float(scipy.stats.f.sf(index**2, len(known) - 1, within_df))
    return Stability(index, index**2, p_value, _verdict(index))


def _verdict(index: float) -> Verdict:
    if index <= STABLE_UP_TO:
        return Verdict.STABLE
    return Verdict.BORDERLINE if index <= UNSTABLE_FROM else Verdict.UNSTABLE
