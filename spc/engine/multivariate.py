"""Hotelling's T-squared and the multivariate EWMA.

T-squared is one-sided with lower limit 0. Phase 1 limits are beta (individuals) or F (subgroups) quantiles, phase 2
limits F quantiles that pay for the estimation. Sources: Tracy, Young and Mason (1992), Journal of Quality Technology
24, 88-95; Montgomery, chapter 11; Lowry, Woodall, Champ and Rigdon (1992), Technometrics 34, 46-53; decomposition:
Mason, Tracy and Young (1995), Journal of Quality Technology 27, 99-108.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.readings import LARGEST, all_possible

FloatArray = NDArray[np.float64]


class MultivariateError(ValueError):
    """Data that has no covariance matrix to invert, or shapes that do not agree."""


@dataclass(frozen=True)
class TSquaredLimits:
    """Centre (p,), covariance (p, p), upper limit of phase 1 (`ucl`) and of new points (`upl`).

    `size` is the subgroup size (1: individuals), `m` the number of points estimated from.
    """

    center: FloatArray
    covariance: FloatArray
    size: int
    m: int
    ucl: float
    upl: float

    def t_squared(self, points: ArrayLike) -> FloatArray:
        """T-squared (k,) of points or subgroup means (k, p)."""
        rows = np.atleast_2d(np.asarray(points, dtype=np.float64)) - self.center
        distances = np.einsum("ij,ij->i", rows, _solve(self.covariance, rows))
        return np.asarray(self.size * distances, dtype=np.float64)

    def contributions(self, point: ArrayLike) -> FloatArray:
        """(p,) what each variable adds when it is put last: T2 minus T2 without it (Mason-Tracy-Young)."""
        row = np.asarray(point, dtype=np.float64) - self.center
        total = float(self.t_squared(point)[0])
        without = []
        for j in range(len(row)):
            rest = np.delete(np.arange(len(row)), j)
            part = self.covariance[np.ix_(rest, rest)]
            without.append(
                self.size * float(row[rest] @ np.linalg.solve(part, row[rest])) if len(rest) else 0.0
            )
        return total - np.array(without)

    def own_terms(self, point: ArrayLike) -> FloatArray:
        """(p,) each variable's own term (x_j - mean_j)^2 n / s_jj: large where it is out by itself.

        A variable with a small own term and a large contribution keeps its range and breaks its relation to the others.
        """
        row = np.asarray(point, dtype=np.float64) - self.center
        return np.asarray(self.size * row**2 / np.diag(self.covariance), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return {
            "center": self.center.tolist(),
            "covariance": self.covariance.tolist(),
            "size": self.size,
            "m": self.m,
            "ucl": self.ucl,
            "upl": self.upl,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TSquaredLimits:
        """Inverse of `to_dict`."""
        return cls(**{**data, "center": np.array(data["center"]), "covariance": np.array(data["covariance"])})


@dataclass(frozen=True)
class TSquaredState:
    """Frozen limits and the last of `count` points' T-squared (NaN for a gap); phase 2 has no other memory."""

    limits: TSquaredLimits
    t_squared: float = float("nan")
    count: int = 0

    def update(self, point: ArrayLike) -> TSquaredState:
        """One more point or subgroup mean (p,). A missing value makes a gap; an infinite one is out."""
        row = np.asarray(point, dtype=np.float64)
        if row.shape != self.limits.center.shape:
            raise MultivariateError(f"{len(self.limits.center)} variables are needed, got shape {row.shape}")
        if np.any(np.isnan(row)):
            value = float("nan")
        elif np.any(np.abs(row) > LARGEST):
            value = float("inf")
        else:
            value = float(self.limits.t_squared(row)[0])
        return TSquaredState(self.limits, value, self.count + 1)

    @property
    def signals(self) -> bool:
        return self.t_squared > self.limits.upl

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; a gap is None and infinity the word."""
        plain = (
            None if np.isnan(self.t_squared) else "infinite" if np.isinf(self.t_squared) else self.t_squared
        )
        return {"limits": self.limits.to_dict(), "t_squared": plain, "count": self.count}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TSquaredState:
        """Inverse of `to_dict`."""
        value = {None: float("nan"), "infinite": float("inf")}.get(data["t_squared"], data["t_squared"])
        return cls(TSquaredLimits.from_dict(data["limits"]), value, data["count"])


def t_squared_individuals(data: ArrayLike, *, confidence: float = 0.9973) -> TSquaredLimits:
    """Limits from individual vectors (m, p), m > p + 1: sample covariance, beta and F quantiles."""
    rows = _table(data, dimensions=2)
    m, p = rows.shape
    if m <= p + 1:
        raise MultivariateError(f"{m} points cannot estimate {p} variables: more than {p + 1} are needed")
    covariance = np.atleast_2d(np.cov(rows, rowvar=False))
    ucl = (m - 1) ** 2 / m * scipy.stats.beta.ppf(confidence, p / 2.0, (m - p - 1) / 2.0)
    upl = p * (m + 1) * (m - 1) / (m * (m - p)) * scipy.stats.f.ppf(confidence, p, m - p)
    return TSquaredLimits(rows.mean(axis=0), covariance, 1, m, float(ucl), float(upl))


def t_squared_successive(data: ArrayLike, *, confidence: float = 0.9973) -> TSquaredLimits:
    """As `t_squared_individuals` with the covariance from successive differences (Holmes and Mergen 1993), which a
    shift in the middle does not inflate. The limits are those of the sample covariance, an approximation.
    """
    base = t_squared_individuals(data, confidence=confidence)
    steps = np.diff(_table(data, dimensions=2), axis=0)
    return replace(base, covariance=np.atleast_2d(steps.T @ steps / (2.0 * len(steps))))


def t_squared_subgroups(data: ArrayLike, *, confidence: float = 0.9973) -> TSquaredLimits:
    """Limits from subgroups (m, n, p), n >= 2: pooled covariance within, F quantiles."""
    cube = _table(data, dimensions=3)
    m, n, p = cube.shape
    df = m * n - m - p + 1
    if n < 2 or df < 1:
        raise MultivariateError(f"{m} subgroups of {n} cannot estimate {p} variables")
    inside = cube - cube.mean(axis=1, keepdims=True)
    covariance = np.einsum("mni,mnj->ij", inside, inside) / (m * (n - 1))
    quantile = float(scipy.stats.f.ppf(confidence, p, df))
    return TSquaredLimits(
        center=cube.mean(axis=(0, 1)),
        covariance=covariance,
        size=n,
        m=m,
        ucl=p * (m - 1) * (n - 1) / df * quantile,
        upl=p * (m + 1) * (n - 1) / df * quantile,
    )


@dataclass(frozen=True)
class MewmaState:
    """`average` (p,) after `count` points; `covariance` (p, p) of a single vector about `center`."""

    center: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    weight: float
    limit: float
    average: tuple[float, ...]
    exact: bool = True
    count: int = 0

    def update(self, vector: ArrayLike) -> MewmaState:
        """One more vector (p,). A vector with a missing value changes nothing. Raises ReadingError."""
        x = all_possible(vector)
        if np.any(np.isnan(x)):
            return self
        moved = self.weight * (x - np.array(self.center)) + (1.0 - self.weight) * np.array(self.average)
        return replace(self, average=tuple(moved.tolist()), count=self.count + 1)

    @property
    def t_squared(self) -> float:
        """Distance of the average, by its exact or asymptotic covariance."""
        if not self.count:
            return 0.0
        growth = 1.0 - (1.0 - self.weight) ** (2 * self.count) if self.exact else 1.0
        scale = self.weight / (2.0 - self.weight) * growth
        z = np.array(self.average)
        return float(z @ _solve(np.array(self.covariance), z[None, :])[0]) / scale

    @property
    def signals(self) -> bool:
        return self.t_squared > self.limit

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return {
            "center": list(self.center),
            "covariance": [list(row) for row in self.covariance],
            "weight": self.weight,
            "limit": self.limit,
            "average": list(self.average),
            "exact": self.exact,
            "count": self.count,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> MewmaState:
        """Inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "center": tuple(data["center"]),
                "covariance": tuple(tuple(row) for row in data["covariance"]),
                "average": tuple(data["average"]),
            }
        )


@dataclass(frozen=True)
class MewmaChart:
    """T-squared (n,) of the averages `z` (n, p), and the positions above the limit."""

    t_squared: FloatArray
    z: FloatArray
    signals: tuple[int, ...]


def start_mewma(
    center: ArrayLike, covariance: ArrayLike, *, weight: float, limit: float, exact: bool = True
) -> MewmaState:
    """MEWMA with weight lambda in (0, 1] and limit h4; `exact` uses the covariance of each moment."""
    mean, matrix = np.asarray(center, np.float64), np.asarray(covariance, np.float64)
    if matrix.shape != (len(mean), len(mean)):
        raise MultivariateError(f"a covariance of {len(mean)} variables is needed, got shape {matrix.shape}")
    if not 0.0 < weight <= 1.0:
        raise MultivariateError(f"the weight lambda must lie in (0, 1], got {weight}")
    return MewmaState(
        center=tuple(mean.tolist()),
        covariance=tuple(tuple(row) for row in matrix.tolist()),
        weight=weight,
        limit=limit,
        average=tuple(0.0 for _ in mean),
        exact=exact,
    )


def mewma_chart(
    data: ArrayLike,
    *,
    center: ArrayLike,
    covariance: ArrayLike,
    weight: float,
    limit: float,
    exact: bool = True,
) -> MewmaChart:
    """MEWMA of vectors (n, p): the state advanced point by point."""
    rows = _table(data, dimensions=2, whole=False)
    state = start_mewma(center, covariance, weight=weight, limit=limit, exact=exact)
    statistic, averages, signals = [], [], []
    for position, row in enumerate(rows):
        state = state.update(row)
        missing = bool(np.any(np.isnan(row)))
        statistic.append(np.nan if missing else state.t_squared)
        averages.append(state.average)
        if not missing and state.signals:
            signals.append(position)
    return MewmaChart(np.array(statistic), np.array(averages).reshape(rows.shape), tuple(signals))


def _table(data: ArrayLike, *, dimensions: int, whole: bool = True) -> FloatArray:
    table = all_possible(data)
    if table.ndim != dimensions or not table.size:
        raise MultivariateError(f"a table of {dimensions} dimensions is needed, got shape {table.shape}")
    if whole and not np.all(np.isfinite(table)):
        raise MultivariateError("every value must be finite: leave vectors with a gap out before estimating")
    return table


def _solve(covariance: FloatArray, rows: FloatArray) -> FloatArray:
    """covariance^-1 applied to each row. Raises MultivariateError where it is singular."""
    if np.linalg.matrix_rank(covariance) < len(covariance):
        raise MultivariateError(
            "the covariance is singular: a variable is constant or follows from the others"
        )
    return np.asarray(np.linalg.solve(covariance, rows.T).T, dtype=np.float64)
