"""Is it normal, and if not, what then: tests, transformations, distributions.

Sources: Anderson-Darling with p values of D'Agostino and Stephens (1986), Goodness-of-Fit Techniques, table 4.9;
Shapiro and Wilk (1965) as Royston (1995); Box and Cox (1964); Slifker and Shapiro (1980), Technometrics 22, 239-246,
with the choice of z by Chou, Polansky and Mason (1998), Journal of Quality Technology 30, 133-141 (Johnson).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.readings import ReadingError, all_possible
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]


class TransformError(ValueError):
    """Data that the transformation or distribution cannot take."""


@dataclass(frozen=True)
class NormalityTest:
    """A test's statistic and its p value under normality."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class BoxCox:
    """(x^lambda - 1) / lambda, or ln x for lambda 0, of positive data."""

    lam: float

    def __call__(self, value: ArrayLike) -> FloatArray:
        x = np.asarray(value, dtype=np.float64)
        if np.any(x <= 0):
            raise TransformError("Box-Cox needs values above zero")
        return np.log(x) if self.lam == 0.0 else np.expm1(self.lam * np.log(x)) / self.lam


@dataclass(frozen=True)
class Johnson:
    """gamma + eta g((x - epsilon) / lambda); `family` SB (bounded), SL (lognormal) or SU (unbounded)."""

    family: str
    gamma: float
    eta: float
    epsilon: float
    lam: float
    p_value: float

    def __call__(self, value: ArrayLike) -> FloatArray:
        u = (np.asarray(value, dtype=np.float64) - self.epsilon) / self.lam
        if self.family == "SU":
            return self.gamma + self.eta * np.arcsinh(u)
        with np.errstate(divide="ignore", invalid="ignore"):
            g = np.log(u) if self.family == "SL" else np.log(u / (1.0 - u))
        return self.gamma + self.eta * g


@dataclass(frozen=True)
class Fit:
    """A distribution of scipy.stats with its parameters, and how well it fits."""

    name: str
    parameters: tuple[float, ...]
    anderson_darling: float

    def quantiles(self, probability: ArrayLike) -> FloatArray:
        """Quantiles at probabilities (any shape)."""
        with np.errstate(all="ignore"):
            return np.asarray(self._law().ppf(probability), dtype=np.float64)

    def densities(self, value: ArrayLike) -> FloatArray:
        """Densities at values (any shape), per unit of the readings."""
        with np.errstate(all="ignore"):
            return np.asarray(self._law().pdf(value), dtype=np.float64)

    def below(self, value: float) -> float:
        """Fraction of the law below a value."""
        with np.errstate(all="ignore"):
            return float(self._law().cdf(value))

    def above(self, value: float) -> float:
        """Fraction of the law above a value, exact in the far tail."""
        with np.errstate(all="ignore"):
            return float(self._law().sf(value))

    def _law(self) -> Any:
        return getattr(scipy.stats, self.name)(*self.parameters)


# Lifetimes and lengths start at zero: these are fitted with location 0, as a percentile capability wants them.
POSITIVE_LAWS = ("lognorm", "weibull_min", "gamma", "expon", "invgauss", "fisk")
REAL_LAWS = ("norm", "logistic", "gumbel_r", "gumbel_l")


def anderson_darling(values: ArrayLike) -> NormalityTest:
    """A-squared against a normal law with estimated mean and deviation; 8 readings at least."""
    x = _sample(values, least=8)
    z = np.sort((x - x.mean()) / x.std(ddof=1))
    n = len(z)
    i = np.arange(1, n + 1)
    a = -n - float(np.mean((2 * i - 1) * (scipy.stats.norm.logcdf(z) + scipy.stats.norm.logsf(z[::-1]))))
    adjusted = (1.0 + 0.75 / n + 2.25 / n**2) * a
    if adjusted < 0.2:
        p = 1.0 - math.exp(-13.436 + 101.14 * adjusted - 223.73 * adjusted**2)
    elif adjusted < 0.34:
        p = 1.0 - math.exp(-8.318 + 42.796 * adjusted - 59.938 * adjusted**2)
    elif adjusted < 0.6:
        p = math.exp(0.9177 - 4.279 * adjusted - 1.38 * adjusted**2)
    elif adjusted < 10.0:
        p = math.exp(1.2937 - 5.709 * adjusted + 0.0186 * adjusted**2)
    else:
        p = 3.7e-24
    return NormalityTest(a, p)


def shapiro_wilk(values: ArrayLike) -> NormalityTest:
    """W and its p value; 3 to 5000 readings."""
    found = scipy.stats.shapiro(_sample(values, least=3))
    return NormalityTest(float(found.statistic), float(found.pvalue))


def fit_box_cox(values: ArrayLike) -> BoxCox:
    """Lambda of the largest profile likelihood, not rounded. Raises TransformError for values at or below zero."""
    x = _sample(values, least=3)
    if np.any(x <= 0):
        raise TransformError("Box-Cox needs values above zero; shift them, or use Johnson")
    found = scipy.optimize.minimize_scalar(
        lambda lam: -float(scipy.stats.boxcox_llf(lam, x)),
        bounds=(-5.0, 5.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return BoxCox(float(found.x))


def fit_johnson(values: ArrayLike) -> Johnson:
    """The Johnson curve through four percentiles whose transformed data look most normal (Anderson-Darling).

    The percentiles are those of -3z, -z, z and 3z, for z from 0.25 to 1.25 in steps of 0.01. Raises TransformError
    when none of them makes a curve that takes all the data.
    """
    x = _sample(values, least=8)
    best: Johnson | None = None
    for z in np.arange(0.25, 1.2501, 0.01):
        # Percentiles that nearly coincide give curves beyond all numbers: those are passed over.
        with np.errstate(all="ignore"), suppress(ValueError):
            for candidate in _johnson_through(x, float(z)):
                transformed = candidate(x)
                if not np.all(np.isfinite(transformed)):
                    continue
                p = anderson_darling(transformed).p_value
                if best is None or p > best.p_value:
                    best = replace(candidate, p_value=p)
    if best is None:
        raise TransformError("no Johnson curve takes these data")
    return best


def _johnson_through(x: FloatArray, z: float) -> list[Johnson]:
    quantile = np.quantile(x, scipy.stats.norm.cdf([-3 * z, -z, z, 3 * z]))
    m, n, p = quantile[3] - quantile[2], quantile[1] - quantile[0], quantile[2] - quantile[1]
    middle = (quantile[2] + quantile[1]) / 2.0
    ratio = m * n / p**2
    if min(m, n, p) <= 0.0 or not math.isfinite(ratio):
        return []
    a, b = p / m, p / n
    if ratio < 1.0:
        root = math.sqrt(max(0.0, (1 + a) * (1 + b) - 4.0))
        eta = z / math.acosh(max(1.0, 0.5 * math.sqrt((1 + a) * (1 + b)))) if root > 0 else math.nan
        excess = 1.0 / ratio - 1.0
        gamma = eta * math.asinh((b - a) * root / (2.0 * excess))
        lam = p * math.sqrt(max(0.0, ((1 + a) * (1 + b) - 2.0) ** 2 - 4.0)) / excess
        epsilon = middle - lam / 2.0 + p * (b - a) / (2.0 * excess)
        return [Johnson("SB", gamma, eta, epsilon, lam, 0.0)] if lam > 0 and math.isfinite(eta) else []
    if ratio > 1.0:
        c, d = m / p, n / p
        eta = 2.0 * z / math.acosh(0.5 * (c + d))
        gamma = eta * math.asinh((d - c) / (2.0 * math.sqrt(c * d - 1.0)))
        lam = 2.0 * p * math.sqrt(c * d - 1.0) / ((c + d - 2.0) * math.sqrt(c + d + 2.0))
        epsilon = middle + p * (d - c) / (2.0 * (c + d - 2.0))
        return [Johnson("SU", gamma, eta, epsilon, lam, 0.0)]
    c = m / p
    if c <= 1.0:
        return []
    eta = 2.0 * z / math.log(c)
    gamma = eta * math.log((c - 1.0) / (p * math.sqrt(c)))
    return [Johnson("SL", gamma, eta, middle - 0.5 * p * (c + 1.0) / (c - 1.0), 1.0, 0.0)]


def fit_law(values: ArrayLike, name: str) -> Fit:
    """Maximum likelihood of one of POSITIVE_LAWS (location 0) or REAL_LAWS. Raises TransformError."""
    x = _sample(values, least=3)
    if name not in POSITIVE_LAWS + REAL_LAWS:
        raise TransformError(
            f"unknown distribution {name!r}; choose from {', '.join(POSITIVE_LAWS + REAL_LAWS)}"
        )
    positive = name in POSITIVE_LAWS
    if positive and np.any(x <= 0):
        raise TransformError(f"{name} needs values above zero")
    law = getattr(scipy.stats, name)
    ordered, n = np.sort(x), len(x)
    i = np.arange(1, n + 1)
    # What the optimiser remarks on its way does not matter: the fit is judged by its Anderson-Darling statistic.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parameters = tuple(float(v) for v in (law.fit(x, floc=0) if positive else law.fit(x)))
        except (ValueError, ArithmeticError, RuntimeError):
            raise TransformError(f"{name} cannot be fitted to these data") from None
        fitted = law(*parameters)
        a = -n - float(np.mean((2 * i - 1) * (fitted.logcdf(ordered) + fitted.logsf(ordered[::-1]))))
    return Fit(name, parameters, a if math.isfinite(a) else math.inf)


def rank_laws(values: ArrayLike, names: Sequence[str] | None = None) -> tuple[Fit, ...]:
    """Fits of the named laws (all that the data allow), the smallest Anderson-Darling statistic first."""
    x = _sample(values, least=8)
    wanted = names if names is not None else REAL_LAWS + (POSITIVE_LAWS if np.all(x > 0) else ())
    fits = []
    for name in wanted:
        with suppress(TransformError):
            fits.append(fit_law(x, name))
    return tuple(sorted(fits, key=lambda fit: fit.anderson_darling))


def _sample(values: ArrayLike, *, least: int) -> FloatArray:
    try:
        x = all_possible(values).ravel()
    except ReadingError as error:
        raise TransformError(f"{error}: no distribution takes it") from None
    x = x[~np.isnan(x)]
    if len(x) < least:
        raise TooFewReadingsError(f"{least} readings at least are needed, got {len(x)}")
    if float(np.ptp(x)) == 0.0 or not float(x.std()) > 0.0:
        raise TransformError("the readings do not vary")
    return x
