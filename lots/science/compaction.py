"""What a calender did to a coating: porosity with uncertainty, elongation, compression, pressure against porosity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from lots.science.calendering import CoatingState, coating_state
from lots.science.uncertainty import propagated

MIN_LOTS = 5


@dataclass(frozen=True)
class UncertainPorosity:
    """Porosity as a fraction with its standard uncertainty; `contributions` by input, in the same unit."""

    state: CoatingState
    standard_uncertainty: float
    contributions: Mapping[str, float]


@dataclass(frozen=True)
class PressureRegression:
    """Porosity over the logarithm of line pressure: ``ε = intercept + slope · ln(p)``; p in kN/m.

    `slope_error` is its standard error, `residual_sd` in porosity. `significant` at 1 %.
    """

    slope: float
    intercept: float
    slope_error: float
    residual_sd: float
    r_squared: float
    significant: bool
    lots: int


def porosity_with_uncertainty(
    loading_mg_cm2: float,
    coating_thickness_um: float,
    solid_density_g_cm3: float,
    *,
    loading_u: float = 0.0,
    thickness_u: float = 0.0,
    density_u: float = 0.0,
) -> UncertainPorosity:
    """Porosity of one side with its standard uncertainty, from loading (mg/cm²), thickness (µm) and density (g/cm³).

    ``dε = (1−ε)(dt/t − dL/L)``: ±5 µm at 120 µm is ±2.8 points.

    Raises:
        ValueError: an input or an uncertainty cannot be used.
    """
    values = {
        "loading_mg_cm2": loading_mg_cm2,
        "coating_thickness_um": coating_thickness_um,
        "solid_density_g_cm3": solid_density_g_cm3,
    }
    state = coating_state(**values)
    uncertainty, contributions = propagated(
        lambda **inputs: coating_state(**inputs).porosity,
        values,
        {
            "loading_mg_cm2": loading_u,
            "coating_thickness_um": thickness_u,
            "solid_density_g_cm3": density_u,
        },
    )
    return UncertainPorosity(state, uncertainty, contributions)


def elongation_pct(length_before_m: float, length_after_m: float) -> float:
    """How much longer a web is after calendering, %.

    Raises:
        ValueError: a length is not above zero.
    """
    for name, length in (("length_before_m", length_before_m), ("length_after_m", length_after_m)):
        if not np.isfinite(length) or length <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    return 100.0 * (length_after_m - length_before_m) / length_before_m


def compression_ratio(coating_before_um: float, coating_after_um: float) -> float:
    """Coating thickness before over after calendering, at least one.

    Raises:
        ValueError: a thickness is not above zero, or the coating is thicker after calendering.
    """
    for name, value in (("coating_before_um", coating_before_um), ("coating_after_um", coating_after_um)):
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    if coating_after_um > coating_before_um:
        raise ValueError(
            "coating_after_um is above coating_before_um: a calender does not make a coating thicker"
        )
    return coating_before_um / coating_after_um


def pressure_to_porosity(line_pressure_kn_m: ArrayLike, porosity: ArrayLike) -> PressureRegression:
    """Regression over lots, one value a lot, rows of the same length n ≥ 5.

    Raises:
        ValueError: too few lots, a pressure not above zero, or pressures that do not vary.
    """
    pressure, porous = (np.asarray(row, dtype=np.float64) for row in (line_pressure_kn_m, porosity))
    if pressure.ndim != 1 or pressure.shape != porous.shape or pressure.size < MIN_LOTS:
        raise ValueError(
            f"line_pressure_kn_m and porosity must hold one value of at least {MIN_LOTS} lots each"
        )
    if not np.all(np.isfinite(porous)) or not np.all(np.isfinite(pressure)) or np.any(pressure <= 0):
        raise ValueError("line_pressure_kn_m must be above zero, porosity finite")
    x = np.log(pressure)
    if np.ptp(x) < 1e-9:
        raise ValueError("line_pressure_kn_m does not vary: no slope can be told")
    fit = scipy.stats.linregress(x, porous)
    residual = porous - fit.intercept - fit.slope * x
    return PressureRegression(
        slope=float(fit.slope),
        intercept=float(fit.intercept),
        slope_error=float(fit.stderr),
        residual_sd=float(np.sqrt(np.sum(residual**2) / (x.size - 2))),
        r_squared=float(fit.rvalue**2),
        significant=bool(fit.pvalue < 0.01),
        lots=int(x.size),
    )
