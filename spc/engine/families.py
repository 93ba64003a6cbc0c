"""Chart families and the subgroups they plot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from spc.engine.readings import SubgroupError, possible


class Panel(StrEnum):
    """The panels of a chart; what each plots depends on the kind. `WITHIN` is the third of a three-way chart."""

    LOCATION = "location"
    DISPERSION = "dispersion"
    WITHIN = "within"


class Dispersion(StrEnum):
    """What the second panel of a chart for measured values plots."""

    MOVING_RANGE = "moving_range"
    RANGE = "range"
    STANDARD_DEVIATION = "standard_deviation"


class Family(StrEnum):
    """Shewhart chart families. `dispersion` is None for counts, whose spread follows from their centre."""

    IMR = "imr"
    XBAR_R = "xbar-r"
    XBAR_S = "xbar-s"
    MEDIAN_R = "median-r"
    P = "p"
    NP = "np"
    C = "c"
    U = "u"

    @property
    def dispersion(self) -> Dispersion | None:
        return _DISPERSION.get(self)

    @property
    def is_attribute(self) -> bool:
        """Counts and proportions rather than measured values."""
        return self not in _DISPERSION

    @property
    def plots_means(self) -> bool:
        return self in (Family.XBAR_R, Family.XBAR_S)

    @property
    def takes_subgroups(self) -> bool:
        """Whether a point is made of several readings of one subgroup."""
        return self.plots_means or self is Family.MEDIAN_R

    @property
    def needs_size(self) -> bool:
        """Whether every subgroup must say how much was inspected (c charts assume equal areas)."""
        return self in (Family.P, Family.NP, Family.U)


_DISPERSION = {
    Family.IMR: Dispersion.MOVING_RANGE,
    Family.XBAR_R: Dispersion.RANGE,
    Family.XBAR_S: Dispersion.STANDARD_DEVIATION,
    Family.MEDIAN_R: Dispersion.RANGE,
}


@dataclass(frozen=True)
class SubgroupData:
    """The readings behind one point.

    Measured values: `values` holds them and `size` is ignored. Counts: `values` is `(count,)` and `size` the
    units (p, np) or the area (u) inspected. NaN is a missing reading; a subgroup of NaN alone is a missing
    point, which is also how an excluded point is fed to a chart. `labels` name each value where a chart tells them
    apart (part, stream, variable); `at` is the instant of the last reading in seconds, for times between events.
    """

    values: tuple[float, ...]
    size: float | None = None
    labels: tuple[str, ...] = ()
    at: float | None = None

    @property
    def is_missing(self) -> bool:
        """Whether there is no reading at all."""
        return all(math.isnan(value) for value in self.values)


MISSING_POINT = SubgroupData((math.nan,))


@dataclass(frozen=True)
class Summary:
    """One subgroup reduced to what its chart needs. NaN where there is nothing to plot.

    `total` is size times statistic: the sum of the readings, or the count. `dispersion` is the range or standard
    deviation of the subgroup; the moving range needs the neighbour and is formed by the chart.
    """

    statistic: float
    size: float
    total: float
    dispersion: float = math.nan


NOTHING_PLOTTED = Summary(math.nan, math.nan, math.nan)


def summarise(family: Family, subgroup: SubgroupData) -> Summary:
    """Reduce a subgroup to its statistic, size and within-subgroup dispersion.

    Missing readings (NaN) within a subgroup of several are left out and the size falls accordingly.
    Raises SubgroupError for an empty subgroup, impossible readings, counts and sizes.
    """
    if not subgroup.values:
        raise SubgroupError("a subgroup needs at least one value; a missing one is NaN")
    values = [possible(value) for value in subgroup.values]
    if family.takes_subgroups:
        return _summarise_values(family, [value for value in values if not math.isnan(value)])
    if len(values) != 1:
        raise SubgroupError(f"a point of a {family} chart has one value, got {len(values)}")
    value = values[0]
    if math.isnan(value):
        return NOTHING_PLOTTED
    return (
        Summary(value, 1.0, value) if family is Family.IMR else _summarise_count(family, value, subgroup.size)
    )


def _summarise_values(family: Family, values: list[float]) -> Summary:
    n = len(values)
    if n == 0:
        return NOTHING_PLOTTED
    if n == 1:
        return Summary(values[0], 1.0, values[0])
    spread = standard_deviation(values) if family is Family.XBAR_S else max(values) - min(values)
    if family is Family.MEDIAN_R:
        middle = median(values)
        return Summary(middle, float(n), n * middle, spread)
    total = math.fsum(values)
    return Summary(total / n, float(n), total, spread)


def standard_deviation(values: list[float]) -> float:
    """Sample standard deviation (ddof 1) of two or more finite values; exactly 0 for equal values."""
    if min(values) == max(values):
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


# Beyond it not every whole number can be held.
_LARGEST_COUNT = 2.0**53


def _summarise_count(family: Family, count: float, size: float | None) -> Summary:
    if not 0 <= count <= _LARGEST_COUNT or count != math.floor(count):
        raise SubgroupError(f"a count must be a whole number from 0 to 2^53, got {count}")
    if not family.needs_size:
        return Summary(count, 1.0, count)
    if size is None or not (0 < size < math.inf):
        raise SubgroupError(f"a {family} chart needs the inspected size of every subgroup, got {size}")
    if family in (Family.P, Family.NP) and count > size:
        raise SubgroupError(f"{count:g} nonconforming out of {size:g} inspected")
    return Summary(count if family is Family.NP else count / size, float(size), count)
