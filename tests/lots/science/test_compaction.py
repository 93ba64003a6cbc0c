from __future__ import annotations

import numpy as np
import pytest

from lots.science.compaction import (
    compression_ratio,
    elongation_pct,
    porosity_with_uncertainty,
    pressure_to_porosity,
)
from lots.science.uncertainty import propagated


def test_five_micrometres_are_almost_three_points_and_the_loading_one_and_a_half() -> None:
    # formulas 4: ±5 µm at 120 µm → ±2.8 points; ±0.4 mg/cm² → ±1.5 points (layered oxide, 33 %).
    thick = porosity_with_uncertainty(31.76, 120.0, 3.950, thickness_u=5.0)
    heavy = porosity_with_uncertainty(18.0, 120.0, 2.240, loading_u=0.4)
    assert thick.state.porosity == pytest.approx(0.33, abs=1e-3)
    assert 100 * thick.standard_uncertainty == pytest.approx(2.8, abs=0.05)
    assert 100 * heavy.standard_uncertainty == pytest.approx(1.5, abs=0.05)


def test_contributions_add_in_squares_and_name_the_largest() -> None:
    both = porosity_with_uncertainty(31.76, 120.0, 3.950, thickness_u=5.0, loading_u=0.4, density_u=0.05)
    squares = sum(part**2 for part in both.contributions.values())
    assert both.standard_uncertainty**2 == pytest.approx(squares)
    assert max(both.contributions, key=lambda name: both.contributions[name]) == "coating_thickness_um"


def test_published_tolerances_open_thirty_per_cent_to_half_of_the_window() -> None:
    # Yourey 2020: ±0.4 mg/cm² with ±3 µm turns 30 % into 19.6 to 38.6 %, at the extremes. The coating is not told;
    # both ends hold for one of 9.93 mg/cm² and 31.8 µm.
    solid = 9.93 * 10 / 31.8 / 0.70
    dense = porosity_with_uncertainty(9.93 + 0.4, 31.8 - 3.0, solid).state.porosity
    loose = porosity_with_uncertainty(9.93 - 0.4, 31.8 + 3.0, solid).state.porosity
    assert 100 * dense == pytest.approx(19.6, abs=0.1)
    assert 100 * loose == pytest.approx(38.6, abs=0.1)


def test_unknown_input_of_an_uncertainty_is_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        propagated(lambda length: length, {"length": 1.0}, {"width": 0.1})


def test_elongation_and_compression() -> None:
    assert elongation_pct(500.0, 503.0) == pytest.approx(0.6)
    assert compression_ratio(130.0, 120.0) == pytest.approx(1.0833, abs=1e-4)
    with pytest.raises(ValueError, match="does not make"):
        compression_ratio(120.0, 130.0)


def test_regression_over_lots_finds_the_slope() -> None:
    rng = np.random.default_rng(4)
    pressure = rng.uniform(50, 400, 25)
    fit = pressure_to_porosity(pressure, 0.6 - 0.05 * np.log(pressure) + rng.normal(0, 0.004, 25))
    assert fit.slope == pytest.approx(-0.05, abs=3 * fit.slope_error)
    assert fit.significant
    assert not pressure_to_porosity(pressure, rng.normal(0.33, 0.01, 25)).significant
    with pytest.raises(ValueError, match="does not vary"):
        pressure_to_porosity([100.0] * 6, [0.3] * 6)
