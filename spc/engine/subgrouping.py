"""Which subgroups are rational: advice from data already taken.

A mean's limits come from the spread inside subgroups. They are right only where that spread is all that moves the mean:
F = n s2(means) / s2(within) tells. Much above 1, something acts between subgroups (use a between/within chart, or find
it); much below 1, a subgroup mixes streams that differ (Western Electric's stratification: chart them apart). Means
that remember the one before need residuals. Sources: Wheeler and Chambers, Understanding Statistical Process Control,
chapter 5; Montgomery, 10.4 and 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy
from numpy.typing import ArrayLike


class SubgroupAdviceError(ValueError):
    """Too few subgroups, or none with two readings."""


class Advice(StrEnum):
    """What to chart. `words` says why, for the person who plans."""

    KEEP = "keep"
    BETWEEN_WITHIN = "between_within"
    SPLIT_STREAMS = "split_streams"
    CHART_RESIDUALS = "chart_residuals"
    NO_SPREAD = "no_spread"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Advice.KEEP: "The spread inside subgroups explains the spread of their means: keep these subgroups.",
    Advice.BETWEEN_WITHIN: (
        "Means differ by more than the spread inside subgroups explains: use a between/within chart, or find what "
        "changes from one subgroup to the next."
    ),
    Advice.SPLIT_STREAMS: (
        "Means differ by less than the spread inside subgroups allows: a subgroup mixes streams that differ. Chart "
        "each stream (lane, head, cavity) by itself."
    ),
    Advice.CHART_RESIDUALS: (
        "Each mean follows the one before: sample less often, or chart the residuals of a model."
    ),
    Advice.NO_SPREAD: "Readings inside subgroups do not differ: the gauge's resolution is too coarse to judge.",
}


@dataclass(frozen=True)
class SubgroupAdvice:
    """`f` and its one-sided probabilities, lag-1 autocorrelation of the means, and the two sigmas (data's unit).

    `p_between`: P(F this large) if nothing acts between; `p_within`: P(F this small) if streams are not mixed.
    """

    advice: Advice
    f: float | None
    p_between: float | None
    p_within: float | None
    lag1: float | None
    sigma_within: float
    sigma_between: float


def advise_subgroups(subgroups: Sequence[ArrayLike], *, alpha: float = 0.01) -> SubgroupAdvice:
    """Advice from subgroups in order of time, of equal size or not; NaN are left out.

    Needs 8 subgroups and two readings in most. Memory goes first: with it the F test says nothing of its own. Raises
    SubgroupAdviceError.
    """
    rows = [np.asarray(subgroup, dtype=np.float64).ravel() for subgroup in subgroups]
    rows = [row[~np.isnan(row)] for row in rows]
    rows = [row for row in rows if row.size]
    k, total = len(rows), sum(row.size for row in rows)
    if k < 8 or total < k + 4:
        raise SubgroupAdviceError(
            f"8 subgroups, most with two readings, are needed; got {k} with {total} readings in all"
        )
    if not all(np.all(np.isfinite(row)) for row in rows):
        raise SubgroupAdviceError("readings must be finite")
    sizes = np.array([row.size for row in rows], dtype=np.float64)
    means = np.array([row.mean() for row in rows])
    grand = float(sizes @ means) / total
    within = sum(float(np.sum((row - row.mean()) ** 2)) for row in rows) / (total - k)
    between = float(sizes @ (means - grand) ** 2) / (k - 1)
    lag1 = _lag1(means)
    effective = (total - float(sizes @ sizes) / total) / (k - 1)
    sigma_between = math.sqrt(max(0.0, (between - within) / effective))
    if within == 0.0:
        return SubgroupAdvice(Advice.NO_SPREAD, None, None, None, lag1, 0.0, sigma_between)
    f = between / within
    p_between = float(scipy.stats.f.sf(f, k - 1, total - k))
    p_within = float(scipy.stats.f.cdf(f, k - 1, total - k))
    # Independent means have a lag-1 autocorrelation of mean -1/k and variance about 1/k.
    remembers = lag1 is not None and (lag1 + 1.0 / k) * math.sqrt(k) > float(scipy.stats.norm.isf(alpha))
    if remembers and p_between < alpha:
        advice = Advice.CHART_RESIDUALS
    elif p_between < alpha:
        advice = Advice.BETWEEN_WITHIN
    elif p_within < alpha:
        advice = Advice.SPLIT_STREAMS
    else:
        advice = Advice.KEEP
    return SubgroupAdvice(advice, f, p_between, p_within, lag1, math.sqrt(within), sigma_between)


def _lag1(means: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    centred = means - means.mean()
    total = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / total if total > 0.0 else None
