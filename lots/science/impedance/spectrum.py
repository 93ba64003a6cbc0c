"""Sweeps of an impedance file and the few features that are read off a spectrum without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

MIN_POINTS = 8
# A peak of -Im stands out by at least this share of the largest -Im; less is noise.
_PROMINENCE = 0.02
_NOISE_FACTOR = 4.0
_CREDIBLE_OHM = (1e-9, 1e12)
_CREDIBLE_HZ = (1e-9, 1e12)


@dataclass(frozen=True)
class Spectrum:
    """One sweep, from the highest frequency down, shapes (n,)."""

    frequency_hz: NDArray[np.float64]
    z_ohm: NDArray[np.complex128]


@dataclass(frozen=True)
class Intercept:
    """High-frequency intercept, Ω. Where −Im never crosses zero it is Re at the highest frequency: `reached` False."""

    resistance_ohm: float
    reached: bool
    frequency_hz: float


@dataclass(frozen=True)
class Arc:
    """Mid-frequency arc: from the intercept to the minimum of −Im after the apex; Ω and Hz.

    `closed` is False when the spectrum ends before −Im turns up again: `width_ohm` is then a lower bound.
    """

    apex_hz: float
    apex_minus_im_ohm: float
    width_ohm: float
    closed: bool


def spectrum(frequency_hz: ArrayLike, z_ohm: ArrayLike) -> Spectrum:
    """A checked sweep in order of falling frequency.

    Raises:
        ValueError: fewer than eight points, rows of different length, a value that is not finite, a frequency
            that is not above zero, is beyond what is measured or comes twice.
    """
    frequency, z = np.asarray(frequency_hz, dtype=np.float64), np.asarray(z_ohm, dtype=np.complex128)
    if frequency.ndim != 1 or frequency.shape != z.shape:
        raise ValueError("frequency_hz and z_ohm must be rows of the same length")
    if frequency.size < MIN_POINTS:
        raise ValueError(f"frequency_hz has {frequency.size} points; a spectrum needs at least {MIN_POINTS}")
    if not np.all(np.isfinite(frequency)) or np.any(frequency <= 0):
        raise ValueError("frequency_hz must be finite and above zero")
    if np.any((frequency < _CREDIBLE_HZ[0]) | (frequency > _CREDIBLE_HZ[1])):
        raise ValueError("frequency_hz is beyond what is measured: check the column and its unit")
    if not np.all(np.isfinite(z)):
        raise ValueError("z_ohm must be finite")
    size = np.abs(z)
    if np.any((size < _CREDIBLE_OHM[0]) | (size > _CREDIBLE_OHM[1])):
        raise ValueError(
            "z_ohm is zero or beyond what is measured at a frequency: check the columns and their unit"
        )
    order = np.argsort(-frequency, kind="stable")
    frequency, z = frequency[order], z[order]
    if np.any(np.diff(frequency) == 0):
        raise ValueError("frequency_hz holds a frequency twice: split the sweeps first")
    return Spectrum(frequency, z)


def split_sweeps(frequency_hz: ArrayLike) -> tuple[slice, ...]:
    """Rows of each sweep in a file that may hold several: a new one where the frequency jumps back."""
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    if frequency.size < 2:
        return (slice(0, frequency.size),)
    steps = np.sign(np.diff(frequency))
    direction = 1.0 if np.count_nonzero(steps > 0) > np.count_nonzero(steps < 0) else -1.0
    jumps = np.flatnonzero(steps != direction) + 1
    edges = np.concatenate(([0], jumps, [frequency.size]))
    return tuple(slice(int(a), int(b)) for a, b in pairwise(edges))


def high_frequency_intercept(sweep: Spectrum) -> Intercept:
    """Where −Im crosses zero between the inductive and the capacitive part, by linear interpolation."""
    minus_im = -sweep.z_ohm.imag
    capacitive = minus_im >= 0
    if capacitive[0] or not np.any(capacitive):
        return Intercept(float(sweep.z_ohm.real[0]), False, float(sweep.frequency_hz[0]))
    after = int(np.argmax(capacitive))
    share = -minus_im[after - 1] / (minus_im[after] - minus_im[after - 1])
    real, log_f = sweep.z_ohm.real, np.log(sweep.frequency_hz)
    resistance = real[after - 1] + share * (real[after] - real[after - 1])
    frequency = np.exp(log_f[after - 1] + share * (log_f[after] - log_f[after - 1]))
    return Intercept(float(resistance), True, float(frequency))


def mid_frequency_arc(sweep: Spectrum, intercept: Intercept) -> Arc | None:
    """First local maximum of −Im below the intercept, to the next local minimum; None where there is no arc."""
    minus_im = -sweep.z_ohm.imag
    highest = float(minus_im.max())
    if highest <= 0:
        return None
    noise = 1.4826 * float(np.median(np.abs(np.diff(minus_im, 2)))) / np.sqrt(6.0)
    tops, _ = scipy.signal.find_peaks(minus_im, prominence=max(_PROMINENCE * highest, _NOISE_FACTOR * noise))
    tops = tops[sweep.frequency_hz[tops] <= intercept.frequency_hz]
    for top in map(int, tops):
        later = minus_im[top:]
        bottoms, _ = scipy.signal.find_peaks(
            -later, prominence=max(_PROMINENCE * float(minus_im[top]), _NOISE_FACTOR * noise)
        )
        closed = bottoms.size > 0
        end = top + int(bottoms[0]) if closed else top + int(np.argmin(later))
        width_ohm = float(sweep.z_ohm.real[end] - intercept.resistance_ohm)
        # Along an arc the real part grows as the frequency falls: what ends before the intercept is a disturbance.
        if width_ohm > 0:
            return Arc(
                apex_hz=float(sweep.frequency_hz[top]),
                apex_minus_im_ohm=float(minus_im[top]),
                width_ohm=width_ohm,
                closed=closed,
            )
    return None


@dataclass(frozen=True)
class Conditions:
    """Under which a spectrum was taken. None is unknown, and an unknown does not compare."""

    soc_pct: float | None
    temperature_c: float | None
    circuit: str


SAME_SOC_PCT = 1.0
SAME_TEMPERATURE_C = 1.0


def require_comparable(conditions: Sequence[Conditions]) -> None:
    """Spectra compare only at the same state of charge and temperature, and fits only of the same circuit.

    Raises:
        ValueError: naming what differs or is not known.
    """
    for name, values, tolerance, unit in (
        ("state of charge", [one.soc_pct for one in conditions], SAME_SOC_PCT, "%"),
        ("temperature", [one.temperature_c for one in conditions], SAME_TEMPERATURE_C, "°C"),
    ):
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            raise ValueError(f"{name} of a spectrum is not known: spectra without it do not compare")
        if known and max(known) - min(known) > tolerance:
            raise ValueError(
                f"{name} is {min(known):g} to {max(known):g} {unit}: spectra more than {tolerance:g} {unit} apart do"
                " not compare"
            )
    circuits = sorted({one.circuit for one in conditions})
    if len(circuits) > 1:
        raise ValueError(
            f"circuit differs ({', '.join(circuits)}): parameters of different circuits do not compare"
        )
