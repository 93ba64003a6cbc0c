"""What a stable process costs in signals: the expected number, chart by chart, at known parameters.

Limits from few points alarm more often than this, so the expectation is a lower bound of what to see.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from scipy import stats

from spc.engine.arl import average_run_length
from spc.engine.constants import c4, d2, d3
from spc.engine.rules import Rule

LOCATION_FAMILIES = {"imr", "xbar-r", "xbar-s"}


def alarm_rate(family: str, rules: Iterable[Rule], size: int, center: float) -> float:
    """Expected signals a point, both panels. `center` is the mean count (c) or proportion (p)."""
    rules = frozenset(rules)
    if family in LOCATION_FAMILIES:
        return 1.0 / average_run_length(rules) + _dispersion_rate(family, size, rules)
    runs = rules - {Rule.BEYOND_LIMITS}
    rate = 1.0 / average_run_length(runs) if runs else 0.0
    if Rule.BEYOND_LIMITS in rules:
        rate += _attribute_rate(family, size, center)
    return rate


def _dispersion_rate(family: str, size: int, rules: frozenset[Rule]) -> float:
    """Beyond the limits of the moving range, range or standard deviation."""
    if Rule.BEYOND_LIMITS not in rules:
        return 0.0
    if family == "xbar-s":
        spread = 3.0 * math.sqrt(1.0 - c4(size) ** 2)
        upper = stats.chi2.sf((size - 1) * (c4(size) + spread) ** 2, size - 1)
        lower = stats.chi2.cdf((size - 1) * max(0.0, c4(size) - spread) ** 2, size - 1)
        return float(upper + lower)
    n = 2 if family == "imr" else size
    return float(stats.studentized_range.sf(d2(n) + 3.0 * d3(n), n, math.inf))


def _attribute_rate(family: str, size: int, center: float) -> float:
    if family == "c":
        law, mean, sd = stats.poisson(center), center, math.sqrt(center)
    else:
        law, mean = stats.binom(size, center), size * center
        sd = math.sqrt(size * center * (1.0 - center))
    return float(law.sf(math.floor(mean + 3.0 * sd)) + law.cdf(math.ceil(mean - 3.0 * sd) - 1))
