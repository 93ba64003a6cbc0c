"""Drying endpoint from a mass-time curve.

Flat is not dry: a strip that loses mass slowly may still hold solvent, so the residual solvent is a
measurement of its own and never follows from this curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

# An interval longer than this many times the median one is a gap: the drying rate inside it is not known.
GAP_FACTOR = 2.0
# A rise below this share of the first mass is balance noise; above it the balance or the airflow is at fault.
RISE_TOLERANCE_PCT = 0.05


class EndpointStatus(StrEnum):
    REACHED = "reached"
    NOT_REACHED = "not_reached"
    AFTER_GAP = "after_gap"
    MASS_RISES = "mass_rises"


@dataclass(frozen=True)
class DryingEndpoint:
    """`endpoint_min` is the time from the first weighing at which the run of slow intervals begins.

    None unless `status` is REACHED. `rates_pct_min` holds one rate per interval, % of the first mass per
    minute; `end_rate_pct_min` is the mean rate over the last `consecutive` intervals. `reason` says in words
    why there is no endpoint.
    """

    status: EndpointStatus
    endpoint_min: float | None
    end_rate_pct_min: float
    rates_pct_min: NDArray[np.float64]
    reason: str = ""


def drying_endpoint(
    time_min: ArrayLike, mass_g: ArrayLike, *, rate_limit_pct_min: float, consecutive: int
) -> DryingEndpoint:
    """First time since when `consecutive` intervals in a row lose at most `rate_limit_pct_min`.

    ``r_i = 100 (m_{i−1} − m_i) / (m_0 Δt_i)``. The rule never answers after a gap: the limit may have been
    crossed inside it, unseen. A rise of mass before the endpoint is a fault of balance or airflow.

    Args:
        time_min: (n,) minutes, strictly increasing.
        mass_g: (n,) grams.

    Raises:
        ValueError: time_min, mass_g, rate_limit_pct_min or consecutive cannot be used; the message says which.
    """
    time, mass = _checked_curve(time_min, mass_g)
    if not np.isfinite(rate_limit_pct_min) or rate_limit_pct_min <= 0:
        raise ValueError("rate_limit_pct_min must be finite and above zero")
    if consecutive < 1:
        raise ValueError("consecutive must be at least 1")
    if time.size < consecutive + 1:
        raise ValueError(f"mass_g needs at least {consecutive + 1} weighings, got {mass.size}")

    interval = np.diff(time)
    loss_pct = -100.0 * np.diff(mass) / mass[0]
    rates = loss_pct / interval
    is_gap = interval > GAP_FACTOR * float(np.median(interval))
    # A limit met exactly counts as met; the tolerance absorbs the rounding of the division only.
    is_slow = rates <= rate_limit_pct_min * (1 + 1e-9)
    end_rate = float(100.0 * (mass[-1 - consecutive] - mass[-1]) / mass[0])
    end_rate /= float(time[-1] - time[-1 - consecutive])

    def without_endpoint(status: EndpointStatus, reason: str) -> DryingEndpoint:
        return DryingEndpoint(status, None, end_rate, rates, reason)

    run = 0
    for i in range(interval.size):
        at = f"between {time[i] - time[0]:g} and {time[i + 1] - time[0]:g} min"
        if loss_pct[i] < -RISE_TOLERANCE_PCT:
            return without_endpoint(
                EndpointStatus.MASS_RISES,
                f"mass_g rises by {-loss_pct[i]:.2f} % {at}: check the balance and the airflow, weigh again",
            )
        if is_gap[i]:
            return without_endpoint(
                EndpointStatus.AFTER_GAP,
                f"no weighing {at}: the endpoint may lie in this gap and is not known",
            )
        run = run + 1 if is_slow[i] else 0
        if run == consecutive:
            endpoint = float(time[i + 1 - consecutive] - time[0])
            return DryingEndpoint(EndpointStatus.REACHED, endpoint, end_rate, rates)
    return without_endpoint(
        EndpointStatus.NOT_REACHED,
        f"the rate is not at or below {rate_limit_pct_min:g} %/min for {consecutive} intervals in a row yet:"
        " go on drying and weighing",
    )


def stage_losses_pct(
    time_min: ArrayLike, mass_g: ArrayLike, *, stage_ends_min: ArrayLike
) -> NDArray[np.float64]:
    """Loss in each stage of the dryer, % of the first mass, shape (stages,), from the first weighing on.

    Mass at the end of a stage is interpolated between the weighings beside it.

    Raises:
        ValueError: a curve that cannot be used, or stage_ends_min that do not increase within it.
    """
    time, mass = _checked_curve(time_min, mass_g)
    ends = np.asarray(stage_ends_min, dtype=np.float64)
    if ends.ndim != 1 or ends.size == 0 or np.any(np.diff(ends) <= 0):
        raise ValueError("stage_ends_min must increase")
    if ends[0] <= 0 or ends[-1] > time[-1] - time[0]:
        raise ValueError("stage_ends_min must lie within the curve")
    at_ends = np.interp(np.concatenate(([0.0], ends)), time - time[0], mass)
    return np.asarray(-100.0 * np.diff(at_ends) / mass[0], dtype=np.float64)


def _checked_curve(time_min: ArrayLike, mass_g: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    time = np.asarray(time_min, dtype=np.float64)
    mass = np.asarray(mass_g, dtype=np.float64)
    if time.ndim != 1 or time.shape != mass.shape:
        raise ValueError("time_min and mass_g must be rows of the same length")
    if not np.all(np.isfinite(mass)) or np.any(mass <= 0):
        raise ValueError("mass_g must be finite and above zero")
    if not np.all(np.isfinite(time)) or np.any(np.diff(time) <= 0):
        raise ValueError("time_min must be finite and increase from weighing to weighing")
    return time, mass
