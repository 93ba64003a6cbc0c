"""Staged fit of a Randles circuit: ``Z = Rs + 1/(Q(jω)^n + 1/(Rct + A(1−j)/√ω))``.

Rs from the intercept; then Rct and the constant-phase element on 1 Hz to 3 kHz with Rs fixed; then all with diffusion
(handbook 8.2). Residuals are relative to |Z|, parameters are fitted as logarithms, n within 0.3 to 1. A wrong circuit
gives a relative residual of 0.4 and more on real spectra, so that a fit is accepted only below the gate.
Parameters belong to one cell format and one circuit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from lots.science.impedance.spectrum import MIN_POINTS, Spectrum, high_frequency_intercept

CIRCUIT = "Rs-(CPE|(Rct-W)) v1"
GATE_RMS = 0.05
N_BOUNDS = (0.3, 1.0)
_STAGE_2_HZ = (1.0, 3000.0)
NAMES = ("rs_ohm", "rct_ohm", "q_s_n_ohm", "n", "a_ohm_s05")
# Bounds of the logarithms, relative to the size of the spectrum (resistances, A) or absolute (Q).
_RESISTANCE_SPAN = 1e5
_Q_BOUNDS = (1e-9, 1e5)
_POORLY_KNOWN = 0.5


@dataclass(frozen=True)
class Parameter:
    """A fitted value with its relative standard error; `at_bound` or a large error says that it is not determined."""

    value: float
    relative_error: float
    at_bound: bool

    @property
    def determined(self) -> bool:
        return not self.at_bound and self.relative_error <= _POORLY_KNOWN


@dataclass(frozen=True)
class RandlesFit:
    """Result of the last stage. `accepted` when the relative residual is at most the gate; else `reason` says why not.

    `capacitance_f` is the effective one of the CPE, ``(Q·Rct)^{1/n}/Rct``. `stage_rms` one residual a stage.
    """

    circuit: str
    parameters: dict[str, Parameter]
    capacitance_f: float
    residual_rms: float
    stage_rms: tuple[float, ...]
    accepted: bool
    reason: str
    fitted_points: int


def randles_ohm(
    frequency_hz: NDArray[np.float64], rs: float, rct: float, q: float, n: float, a: float
) -> NDArray[np.complex128]:
    """Impedance of the circuit, Ω, at each frequency; rs, rct in Ω, q in S·sⁿ, a in Ω·s^-0.5."""
    omega = 2 * np.pi * frequency_hz
    branch = rct + a * (1 - 1j) / np.sqrt(omega)
    return np.asarray(rs + 1.0 / (q * (1j * omega) ** n + 1.0 / branch), dtype=np.complex128)


def fit_randles(sweep: Spectrum, *, gate_rms: float = GATE_RMS) -> RandlesFit:
    """Fit one sweep; inductive points at its high end are left out.

    Raises:
        ValueError: fewer than eight capacitive points, or a gate that is not above zero.
    """
    if not gate_rms > 0:
        raise ValueError("gate_rms must be above zero")
    intercept = high_frequency_intercept(sweep)
    kept = sweep.frequency_hz <= intercept.frequency_hz
    frequency, z = sweep.frequency_hz[kept], sweep.z_ohm[kept]
    if frequency.size < MIN_POINTS or np.count_nonzero(z.imag < 0) < MIN_POINTS:
        raise ValueError(f"the sweep has fewer than {MIN_POINTS} capacitive points: nothing to fit")
    size = float(np.median(np.abs(z)))
    low = np.log(
        [size / _RESISTANCE_SPAN, size / _RESISTANCE_SPAN, _Q_BOUNDS[0], 1.0, size / _RESISTANCE_SPAN]
    )
    high = np.log(
        [size * _RESISTANCE_SPAN, size * _RESISTANCE_SPAN, _Q_BOUNDS[1], 1.0, size * _RESISTANCE_SPAN]
    )
    low[3], high[3] = N_BOUNDS

    guess = np.clip(_first_guess(frequency, z, intercept.resistance_ohm), low, high)
    middle = (frequency >= _STAGE_2_HZ[0]) & (frequency <= _STAGE_2_HZ[1])
    middle = middle if np.count_nonzero(middle) >= MIN_POINTS else np.ones_like(middle)
    stage_rms = [_rms(guess, frequency, z)]
    guess, _ = _solve(guess, np.array([1, 2, 3]), frequency[middle], z[middle], low, high)
    stage_rms.append(_rms(guess, frequency, z))
    guess, jacobian = _solve(guess, np.arange(5), frequency, z, low, high)
    rms = _rms(guess, frequency, z)
    stage_rms.append(rms)

    errors = _relative_errors(jacobian, rms, 2 * frequency.size, guess)
    at_bound = np.isclose(guess, low, atol=1e-3) | np.isclose(guess, high, atol=1e-3)
    values = _values(guess)
    parameters = {
        name: Parameter(float(values[i]), float(errors[i]), bool(at_bound[i])) for i, name in enumerate(NAMES)
    }
    _, rct, q, n, _ = values
    reason = ""
    if rms > gate_rms:
        reason = (
            f"relative residual {rms:.3f} is above {gate_rms:g}: this circuit does not describe the spectrum, its"
            " parameters mean nothing"
        )
    return RandlesFit(
        circuit=CIRCUIT,
        parameters=parameters,
        capacitance_f=float((q * rct) ** (1 / n) / rct),
        residual_rms=rms,
        stage_rms=tuple(stage_rms),
        accepted=not reason,
        reason=reason,
        fitted_points=int(frequency.size),
    )


def _first_guess(frequency: NDArray[np.float64], z: NDArray[np.complex128], rs: float) -> NDArray[np.float64]:
    size = float(np.median(np.abs(z)))
    rs = rs if rs > 0 else 0.1 * size
    top = int(np.argmax(-z.imag))
    rct = max(2.0 * float(-z.imag[top]), 1e-3 * size)
    omega = 2 * np.pi * float(np.sqrt(frequency[top] * frequency[max(top // 2, 0)]))
    n = 0.85
    q = 1.0 / (rct * omega**n)
    a = max(float(-z.imag[-1]) * np.sqrt(2 * np.pi * float(frequency[-1])), 1e-3 * size)
    return np.array([np.log(rs), np.log(rct), np.log(q), n, np.log(a)])


def _values(x: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.exp(x)
    values[3] = x[3]
    return values


def _residual(
    x: NDArray[np.float64], frequency: NDArray[np.float64], z: NDArray[np.complex128]
) -> NDArray[np.float64]:
    relative = (randles_ohm(frequency, *_values(x)) - z) / np.abs(z)
    return np.concatenate((relative.real, relative.imag))


def _rms(x: NDArray[np.float64], frequency: NDArray[np.float64], z: NDArray[np.complex128]) -> float:
    residual = _residual(x, frequency, z)
    return float(np.sqrt(2.0 * np.mean(residual**2)))


def _solve(
    start: NDArray[np.float64],
    free: NDArray[np.intp],
    frequency: NDArray[np.float64],
    z: NDArray[np.complex128],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the parameters `free`, the others fixed; the solution and its Jacobian with respect to them."""

    def residual(part: NDArray[np.float64]) -> NDArray[np.float64]:
        x = start.copy()
        x[free] = part
        return _residual(x, frequency, z)

    margin = 1e-9 * (high[free] - low[free])
    inside = np.clip(start[free], low[free] + margin, high[free] - margin)
    found = scipy.optimize.least_squares(
        residual, inside, bounds=(low[free], high[free]), xtol=1e-10, ftol=1e-10
    )
    x = start.copy()
    x[free] = found.x
    return x, np.asarray(found.jac, dtype=np.float64)


def _relative_errors(
    jacobian: NDArray[np.float64], rms: float, residuals: int, x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard errors of the logarithms, which are relative errors; that of n is relative to n."""
    freedom = max(residuals - x.size, 1)
    variance = 0.5 * rms**2 * residuals / freedom
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    # A direction that the data do not see comes out of the pseudo-inverse as zero: it is not known at all.
    unseen = np.linalg.norm(jacobian, axis=0) < 1e-9 * max(float(np.linalg.norm(jacobian)), 1e-300)
    errors[unseen] = np.inf
    errors[3] /= x[3]
    return np.asarray(errors, dtype=np.float64)
