"""What the adapters share: JSON rows as the engine's data, and rule completions by their classical numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.bits import Zones, positions
from spc.engine.families import SubgroupData
from spc.engine.patterns import SameSide
from spc.engine.rules import NELSON, WESTERN_ELECTRIC, Rule, completions
from spc.engine.sigma import SigmaMethod

FloatArray = NDArray[np.float64]
# Names of the reference cases for the estimators of sigma within.
SIGMA_METHODS = {
    "MR": SigmaMethod.MR,
    "UWAVE_R": SigmaMethod.RBAR,
    "UWAVE_SD": SigmaMethod.SBAR,
    "MVLUE_R": SigmaMethod.MVLUE_R,
    "MVLUE_SD": SigmaMethod.MVLUE_S,
    "RMSDF": SigmaMethod.POOLED,
}
QCC_RUN = SameSide(7, 7, 0.0)


def number(value: Any) -> float:
    """A JSON number, null as NaN."""
    return math.nan if value is None else float(value)


def row(values: Iterable[Any] | None) -> list[float]:
    """A JSON list of numbers and nulls."""
    return [number(value) for value in values or ()]


def subgroups(rows: Iterable[Any] | None) -> list[SubgroupData]:
    """Rows of readings as subgroups; nulls are left out, an empty row is a missing subgroup."""
    found = []
    for entry in rows or ():
        values = [float(v) for v in (entry if isinstance(entry, list) else [entry]) if v is not None]
        found.append(SubgroupData(tuple(values) if values else (math.nan,), None))
    return found


def sigma_method(name: str | None) -> SigmaMethod | None:
    """The estimator that a case names. Raises ValueError for an unknown one."""
    if name is None:
        return None
    key = name.upper().replace("-", "_")
    if key not in SIGMA_METHODS:
        raise ValueError(f"unknown sigma_method {name!r}; known are {', '.join(SIGMA_METHODS)}")
    return SIGMA_METHODS[key]


def western_electric(z: FloatArray) -> dict[str, list[int]]:
    """Completions of the four rules by number."""
    return {str(rule.western_electric): completions(rule, z).tolist() for rule in WESTERN_ELECTRIC}


def nelson(z: FloatArray, *, either: bool = False) -> dict[str, list[int]]:
    """Completions of the eight rules by number; `either` adds Minitab's reading of the eighth."""
    found = {str(rule.nelson): completions(rule, z).tolist() for rule in NELSON}
    if either:
        found["8_either_side"] = completions(Rule.EIGHT_OUTSIDE_1S_EITHER, z).tolist()
    return found


def all_rules(z: FloatArray, statistic: FloatArray, lcl: FloatArray, ucl: FloatArray) -> dict[str, Any]:
    """Every list of alarm positions that a chart case asks for."""
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(((statistic > ucl) | (statistic < lcl)) & ~np.isnan(z))
    return {
        "we": western_electric(z),
        "nelson": nelson(z, either=True),
        "beyond_limits": beyond.tolist(),
        "run7_qcc": positions(QCC_RUN.complete(Zones(z))).tolist(),
    }


def one_or_all(values: FloatArray) -> float | list[float]:
    """The value that all points share, or the list."""
    known = values[~np.isnan(values)]
    if len(known) and np.all(known == known[0]):
        return float(known[0])
    return [float(v) for v in values]
