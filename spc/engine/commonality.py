"""What the bad units have in common: exact tests over many factors, with the false discoveries under control.

A unit has any number of levels of a factor: a cell comes from two electrode rolls. For each level the bad units that
have it are compared with the good ones by Fisher's exact test, one-sided for over-representation; the false discovery
rate over all levels tested is controlled by the step-up procedure of Benjamini and Hochberg.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

FloatArray = npt.NDArray[np.float64]
FEWEST_UNITS = 2
ALIKE = 0.95  # Jaccard index of the units that two levels have: the data cannot tell them apart
TOGETHER = 0.5  # they go together so often that one may borrow the other's effect


class CommonalityError(ValueError):
    """The units cannot be compared: the message says why."""


@dataclass(frozen=True)
class Finding:
    """One level of a factor. `q` is the false discovery rate at which it would be found.

    `risk_ratio` is the share of bad units among those that have the level over the share among the others, with its
    95 % interval (Katz's logarithmic method, half a unit added to each cell where one is empty). `coincides` names
    the levels of other factors that the same units have: the data cannot tell them apart. `overlaps` names those that
    at least half of the units share: a part of the effect may be theirs.
    """

    factor: str
    level: str
    bad_with: int
    good_with: int
    bad: int
    good: int
    p: float
    q: float
    risk_ratio: float
    ratio_low: float
    ratio_high: float
    coincides: tuple[tuple[str, str], ...] = ()
    overlaps: tuple[tuple[str, str], ...] = ()


def commonality(bad: Sequence[bool], factors: Mapping[str, Sequence[frozenset[str]]]) -> list[Finding]:
    """Every level of every factor, the most over-represented first.

    `bad` has one entry a unit; each factor the levels of every unit, in the same order. Raises CommonalityError
    without a bad or a good unit, or for a factor of another length. Sources: R. A. Fisher, Statistical Methods for
    Research Workers (1934), 21.02; Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289; D. Katz et al.,
    Biometrics 34 (1978) 469.
    """
    is_bad = np.asarray(bad, dtype=bool)
    total, bad_total = is_bad.size, int(is_bad.sum())
    if not 0 < bad_total < total:
        raise CommonalityError("there must be bad units and good ones to compare")
    names: list[tuple[str, str]] = []
    columns: list[npt.NDArray[np.bool_]] = []
    for factor, levels in factors.items():
        if len(levels) != total:
            raise CommonalityError(f"factor {factor!r} has {len(levels)} units, not {total}")
        for level in sorted(set().union(*levels)):
            has = np.fromiter((level in own for own in levels), dtype=bool, count=total)
            if FEWEST_UNITS <= int(has.sum()) < total:
                names.append((factor, level))
                columns.append(has)
    if not names:
        return []
    having = np.array(columns)
    bad_with = (having & is_bad).sum(axis=1)
    with_level = having.sum(axis=1)
    p = np.minimum(1.0, scipy.stats.hypergeom.sf(bad_with - 1, total, bad_total, with_level))
    q = false_discovery(p)
    low, ratio, high = _risk_ratios(bad_with, with_level, bad_total, total)
    order = np.lexsort((-ratio, p))
    shared = _shared(having)
    _, of_factor = np.unique([name[0] for name in names], return_inverse=True)
    return [
        Finding(
            factor=names[i][0],
            level=names[i][1],
            bad_with=int(bad_with[i]),
            good_with=int(with_level[i] - bad_with[i]),
            bad=bad_total,
            good=total - bad_total,
            p=float(p[i]),
            q=float(q[i]),
            risk_ratio=float(ratio[i]),
            ratio_low=float(low[i]),
            ratio_high=float(high[i]),
            coincides=tuple(
                names[j] for j in np.flatnonzero((of_factor != of_factor[i]) & (shared[i] >= ALIKE))
            ),
            overlaps=tuple(
                names[j]
                for j in np.flatnonzero(
                    (of_factor != of_factor[i]) & (shared[i] >= TOGETHER) & (shared[i] < ALIKE)
                )
            ),
        )
        for i in order
    ]


def false_discovery(p: Sequence[float] | FloatArray) -> FloatArray:
    """Adjusted p-values of the step-up procedure (Benjamini and Hochberg 1995), in the order given."""
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)
    ranks = np.arange(1, values.size + 1)
    stepped = np.minimum.accumulate((values[order] * values.size / ranks)[::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, stepped)
    # Never below p, whatever the last digit of the division.
    return np.asarray(np.maximum(adjusted, values), dtype=np.float64)


def _risk_ratios(
    bad_with: npt.NDArray[np.int_], with_level: npt.NDArray[np.int_], bad_total: int, total: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    a, n1 = bad_with.astype(float), with_level.astype(float)
    c, n2 = bad_total - a, total - n1
    empty = (a == 0) | (c == 0)
    a, c = np.where(empty, a + 0.5, a), np.where(empty, c + 0.5, c)
    n1, n2 = np.where(empty, n1 + 1, n1), np.where(empty, n2 + 1, n2)
    ratio = (a / n1) / (c / n2)
    spread = scipy.stats.norm.ppf(0.975) * np.sqrt(np.maximum(0.0, 1 / a - 1 / n1 + 1 / c - 1 / n2))
    return ratio * np.exp(-spread), ratio, ratio * np.exp(spread)


def _shared(having: npt.NDArray[np.bool_]) -> FloatArray:
    """Jaccard index of every two levels, shape (levels, levels): units that have both over units that have either."""
    has = having.astype(np.float32)  # counts below 2^24 are exact in it
    both = (has @ has.T).astype(np.float64)
    own = np.diag(both)
    return both / (own[:, None] + own[None, :] - both)


def smallest_p(bad: int, good: int) -> float:
    """The p-value of a level that all bad units have and no good one: below it no comparison of so many can come."""
    return float(scipy.stats.hypergeom.sf(bad - 1, bad + good, bad, bad))
