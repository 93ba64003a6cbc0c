from __future__ import annotations

import math

import numpy as np
import pytest

from lots.science.drying import DryingEndpoint, EndpointStatus, drying_endpoint, stage_losses_pct

MINUTES = np.arange(0.0, 41.0)
# 45 % solvent that leaves with a time constant of 6 min, weighed once a minute.
EXPONENTIAL = 10.0 * (0.55 + 0.45 * np.exp(-MINUTES / 6.0))


def judge(time: object, mass: object, limit: float = 0.2, consecutive: int = 2) -> DryingEndpoint:
    return drying_endpoint(time, mass, rate_limit_pct_min=limit, consecutive=consecutive)  # type: ignore[arg-type]


def test_exponential_curve_ends_at_22_min_and_is_not_dry_there() -> None:
    result = judge(MINUTES, EXPONENTIAL)
    assert result.status is EndpointStatus.REACHED
    assert result.endpoint_min == 22.0
    solvent_per_dry_mass = (EXPONENTIAL[22] - 5.5) / 5.5
    assert solvent_per_dry_mass == pytest.approx(0.021, abs=0.0005)


def test_one_per_cent_in_five_minutes_meets_the_limit_exactly() -> None:
    # Weighed every 5 min: 1 % between 20 and 25 min is 0.2 %/min, then nothing more is lost.
    result = judge([0, 5, 10, 15, 20, 25, 30], [100, 90, 88, 86.5, 85, 84, 84])
    assert result.rates_pct_min[4] == pytest.approx(0.2)
    assert result.endpoint_min == 20.0


def test_one_slow_interval_is_not_an_endpoint() -> None:
    mass = [100.0, 90.0, 89.9, 85.0, 84.9, 84.85]
    result = judge(range(6), mass)
    assert result.endpoint_min == 3.0
    assert judge(range(4), mass[:4]).status is EndpointStatus.NOT_REACHED


def test_endpoint_is_never_declared_after_a_gap() -> None:
    keep = (MINUTES < 10) | (MINUTES > 18)
    result = judge(MINUTES[keep], EXPONENTIAL[keep])
    assert result.status is EndpointStatus.AFTER_GAP
    assert result.endpoint_min is None
    assert "between 9 and 19 min" in result.reason


def test_gap_after_the_endpoint_does_not_undo_it() -> None:
    keep = (MINUTES < 30) | (MINUTES > 36)
    assert judge(MINUTES[keep], EXPONENTIAL[keep]).endpoint_min == 22.0


def test_rising_mass_is_a_fault_of_balance_or_airflow() -> None:
    mass = EXPONENTIAL.copy()
    mass[8:] += 0.8
    result = judge(MINUTES, mass)
    assert result.status is EndpointStatus.MASS_RISES
    assert result.endpoint_min is None
    assert "balance" in result.reason


def test_noise_of_the_balance_is_no_fault() -> None:
    mass = EXPONENTIAL.copy()
    mass[25] = mass[24] + 0.001
    assert judge(MINUTES, mass).endpoint_min == 22.0


def test_end_rate_is_the_mean_over_the_last_intervals() -> None:
    result = judge(MINUTES, EXPONENTIAL)
    expected = 100 * 4.5 * (math.exp(-38 / 6) - math.exp(-40 / 6)) / 10.0 / 2
    assert result.end_rate_pct_min == pytest.approx(expected)


@pytest.mark.parametrize(
    ("time", "mass", "field"),
    [
        ([0, 1, 1, 2], [10, 9, 8, 7], "time_min"),
        ([0, 1, 2], [10, 9, 0], "mass_g"),
        ([0, 1], [10, 9], "mass_g"),
        ([0, 1, 2], [10, 9], "time_min and mass_g"),
    ],
)
def test_unusable_curve_is_named(time: list[float], mass: list[float], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        judge(time, mass)


def test_stages_share_the_whole_loss() -> None:
    time = np.arange(0.0, 31.0)
    mass = 100.0 * (0.55 + 0.45 * np.exp(-time / 6.0))
    losses = stage_losses_pct(time, mass, stage_ends_min=[10, 20, 30])
    assert losses.sum() == pytest.approx(100 - mass[-1])
    assert losses[0] == pytest.approx(100 - mass[10])
    assert np.all(np.diff(losses) < 0)
    with pytest.raises(ValueError, match="within the curve"):
        stage_losses_pct(time, mass, stage_ends_min=[10, 40])
