"""Short runs: parts of different nominals on one chart, as deviations from nominal or standardised (Z-MR).

Moving ranges span changes of part on the chart, but never enter an estimate across them: each part's sigma comes from
the readings of that part put in a row. Source: Wheeler (1991), Short Run SPC; Minitab's Z-MR definitions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spc.engine.constants import d2, d3
from spc.engine.readings import all_possible
from spc.engine.sigma import TooFewReadingsError, sigma_from_moving_ranges

FloatArray = NDArray[np.float64]


class SigmaOf(StrEnum):
    """Whose readings estimate a part's sigma."""

    PART = "by_part"  # its own
    ALL = "constant"  # all readings together, each minus its part's mean
    RELATIVE = "relative"  # all readings together, proportional to the part's mean


@dataclass(frozen=True)
class PartParameters:
    """Mean and sigma of one part, in its unit."""

    mean: float
    sigma: float

    def standardise(self, value: float) -> float:
        """z of a reading; NaN where it is missing or sigma is 0."""
        return (value - self.mean) / self.sigma if self.sigma > 0.0 else math.nan


@dataclass(frozen=True)
class ZChart:
    """Standardised readings (n,) with limits -3 and 3, and their moving ranges (first is NaN)."""

    parameters: Mapping[Hashable, PartParameters]
    z: FloatArray
    moving_ranges: FloatArray
    mr_center: float
    mr_ucl: float
    beyond: tuple[int, ...]


@dataclass(frozen=True)
class DeviationChart:
    """Deviations from nominal (n,) on one individuals chart."""

    deviation: FloatArray
    center: float
    sigma: float
    lcl: float
    ucl: float
    beyond: tuple[int, ...]


def z_chart(
    part: Sequence[Hashable],
    value: Sequence[float],
    sigma_of: SigmaOf = SigmaOf.PART,
    *,
    n_phase1: int | None = None,
) -> ZChart:
    """Z-MR chart of readings (n,) with their parts (n,); every part needs two of the first `n_phase1` readings.

    Raises TooFewReadingsError, ReadingError.
    """
    x = _checked(part, value, n_phase1)
    parameters = _estimate(part[:n_phase1], x[:n_phase1], sigma_of)
    if unknown := set(part) - parameters.keys():
        raise TooFewReadingsError(f"part {min(map(str, unknown))}: no reading in phase 1")
    z = np.array([parameters[p].standardise(v) for p, v in zip(part, x.tolist(), strict=True)])
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(z) > 3.0)
    return ZChart(
        parameters=parameters,
        z=z,
        moving_ranges=np.concatenate(([np.nan], np.abs(np.diff(z)))),
        mr_center=d2(2),
        mr_ucl=d2(2) + 3.0 * d3(2),
        beyond=tuple(beyond.tolist()),
    )


def _estimate(
    part: Sequence[Hashable], x: FloatArray, sigma_of: SigmaOf
) -> Mapping[Hashable, PartParameters]:
    names = list(dict.fromkeys(part))
    rows = {name: x[[p == name for p in part]] for name in names}
    means = {name: _mean(row, f"part {name}") for name, row in rows.items()}
    if sigma_of is SigmaOf.PART:
        sigmas = {name: _sigma(row, f"part {name}") for name, row in rows.items()}
    else:
        scale = means if sigma_of is SigmaOf.RELATIVE else dict.fromkeys(names, 1.0)
        if not all(scale.values()):
            raise TooFewReadingsError("a part with mean 0 has no sigma proportional to its mean")
        common = _sigma(
            np.array([(v - means[p]) / scale[p] for p, v in zip(part, x, strict=True)]), "all parts"
        )
        sigmas = {name: common * abs(scale[name]) for name in names}
    return {name: PartParameters(means[name], sigmas[name]) for name in names}


def deviation_chart(
    part: Sequence[Hashable],
    value: Sequence[float],
    nominal: Mapping[Hashable, float],
    *,
    n_phase1: int | None = None,
) -> DeviationChart:
    """Deviation-from-nominal chart: one mean and one moving-range sigma of the first `n_phase1` readings of all parts.

    Raises TooFewReadingsError, ReadingError, KeyError for a part without a nominal.
    """
    x = _checked(part, value, n_phase1)
    deviation = np.array([v - nominal[p] for p, v in zip(part, x, strict=True)])
    own = deviation[:n_phase1]
    center, sigma = _mean(own, "the deviations"), _sigma(own, "the deviations")
    lcl, ucl = center - 3.0 * sigma, center + 3.0 * sigma
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero((deviation > ucl) | (deviation < lcl)) if sigma > 0 else np.array([], int)
    return DeviationChart(deviation, center, sigma, lcl, ucl, tuple(beyond.tolist()))


def _checked(part: Sequence[Hashable], value: Sequence[float], n_phase1: int | None) -> FloatArray:
    x = all_possible(value)
    if len(part) != len(x) or not len(x):
        raise TooFewReadingsError("part and value must be two rows of the same length, not empty")
    if n_phase1 is not None and not 1 <= n_phase1 <= len(x):
        raise TooFewReadingsError(f"a phase 1 of {n_phase1} readings out of {len(x)}")
    return x


def _mean(row: FloatArray, what: str) -> float:
    if np.all(np.isnan(row)):
        raise TooFewReadingsError(f"{what}: no reading")
    low, high = float(np.nanmin(row)), float(np.nanmax(row))
    # The sum of equal readings, divided again, need not give them back to the last bit.
    return low if low == high else float(np.nanmean(row))


def _sigma(row: FloatArray, what: str) -> float:
    try:
        return sigma_from_moving_ranges(np.abs(np.diff(row))).sigma
    except TooFewReadingsError:
        raise TooFewReadingsError(f"{what}: two readings in a row at least") from None
