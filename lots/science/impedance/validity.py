"""Is a spectrum that of a linear, stable, causal system? A linear Kramers–Kronig test.

The spectrum is fitted by a series of resistor, inductor, capacitor and M RC elements with fixed, log-spaced time
constants, a linear problem; M grows until the elements begin to fit noise (Boukamp, J. Electrochem. Soc. 142 (1995)
1885; criterion μ of Schönleber et al., Electrochim. Acta 131 (2014) 20). What such a model cannot follow breaks
linearity, stability or causality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lots.science.impedance.spectrum import Spectrum

MU_LIMIT = 0.85
MAX_RESIDUAL_RMS = 0.02
# With fewer elements a single ideal RC between two time constants is followed badly and with negative resistances.
_LEAST_PER_DECADE = 2.5


@dataclass(frozen=True)
class Validity:
    """`residual_rms` relative to |Z|, real and imaginary parts together; `elements` is M; `mu` of 1 is no overfit."""

    valid: bool
    residual_rms: float
    residual_max: float
    worst_hz: float
    elements: int
    mu: float


def kramers_kronig(sweep: Spectrum, *, max_rms: float = MAX_RESIDUAL_RMS) -> Validity:
    """Test one sweep; valid when the relative residual is at most `max_rms`.

    Raises:
        ValueError: max_rms is not above zero.
    """
    if not max_rms > 0:
        raise ValueError("max_rms must be above zero")
    omega = 2 * np.pi * sweep.frequency_hz
    weight = 1.0 / np.abs(sweep.z_ohm)
    target = np.concatenate((sweep.z_ohm.real * weight, sweep.z_ohm.imag * weight))
    limit = max(3, int(0.8 * sweep.frequency_hz.size) - 3)
    decades = float(np.log10(omega.max() / omega.min()))
    least = min(limit, max(3, round(_LEAST_PER_DECADE * decades)))
    mu, count, residual = 1.0, 0, target
    for count in range(least, limit + 1):
        tau = np.logspace(-np.log10(omega.max()), -np.log10(omega.min()), count)
        elements = 1.0 / (1.0 + 1j * omega[:, None] * tau)
        columns = np.column_stack(
            (np.ones_like(omega, dtype=np.complex128), 1j * omega, -1j / omega, elements)
        )
        scaled = columns * weight[:, None]
        design = np.vstack((scaled.real, scaled.imag))
        norms = np.linalg.norm(design, axis=0)
        solution, *_ = np.linalg.lstsq(design / norms, target, rcond=None)
        residual = design @ (solution / norms) - target
        resistances = (solution / norms)[3:]
        positive = float(resistances[resistances >= 0].sum())
        mu = 1.0 - float(-resistances[resistances < 0].sum()) / positive if positive > 0 else 0.0
        if mu < MU_LIMIT:
            break
    n = omega.size
    size = np.hypot(residual[:n], residual[n:])
    rms = float(np.sqrt(np.mean(residual**2)))
    worst = int(np.argmax(size))
    return Validity(
        valid=rms <= max_rms,
        residual_rms=rms,
        residual_max=float(size[worst]),
        worst_hz=float(sweep.frequency_hz[worst]),
        elements=count,
        mu=mu,
    )
