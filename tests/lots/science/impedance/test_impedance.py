from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.science.impedance.fit import CIRCUIT, fit_randles, randles_ohm
from lots.science.impedance.spectrum import (
    Conditions,
    Spectrum,
    high_frequency_intercept,
    mid_frequency_arc,
    require_comparable,
    spectrum,
    split_sweeps,
)
from lots.science.impedance.validity import kramers_kronig

FREQUENCY = np.logspace(4, -2, 61)
# A cell of 20 Ah: rs, rct, q, n, a.
CELL = (0.9e-3, 1.5e-3, 4.0, 0.8, 3e-4)


def cell_spectrum(
    parameters: tuple[float, ...] = CELL, *, noise: float = 0.0, seed: int = 3, inductance_h: float = 0.0
) -> Spectrum:
    z = randles_ohm(FREQUENCY, *parameters) + 2j * np.pi * FREQUENCY * inductance_h
    rng = np.random.default_rng(seed)
    z = z * (1 + noise * (rng.standard_normal(z.size) + 1j * rng.standard_normal(z.size)) / np.sqrt(2))
    return spectrum(FREQUENCY, z)


@pytest.mark.slow
def test_staged_fit_is_as_close_as_published() -> None:
    # formulas 12: 500 synthetic cells, 0.3 % noise; median |error| Rs 0.06, Rct 0.13, Q 0.6, n 0.13, A 0.11 %. The cell
    # behind them is not given: this one is of 20 Ah, ten points a decade, with the noise in either part of Z.
    true = (1.54e-3, 3.15e-3, 5.57, 0.798, 1.81e-3)
    rng = np.random.default_rng(12)
    errors = []
    for _ in range(500):
        noise = 0.003 * (rng.standard_normal(FREQUENCY.size) + 1j * rng.standard_normal(FREQUENCY.size))
        fit = fit_randles(spectrum(FREQUENCY, randles_ohm(FREQUENCY, *true) * (1 + noise)))
        assert fit.accepted
        values = [parameter.value for parameter in fit.parameters.values()]
        errors.append([abs(value / t - 1) * 100 for value, t in zip(values, true, strict=True)])
    rs, rct, q, n, a = np.median(errors, axis=0)
    assert [round(float(one), 2) for one in (rs, rct, n, a)] == [0.06, 0.13, 0.13, 0.11]
    assert round(float(q), 1) == 0.6


def test_staged_fit_finds_cells_of_many_kinds() -> None:
    rng = np.random.default_rng(7)
    errors = []
    for seed in range(60):
        true = tuple(value * factor for value, factor in zip(CELL, rng.uniform(0.8, 1.2, 5), strict=True))
        true = (*true[:3], min(true[3], 0.92), true[4])
        fit = fit_randles(cell_spectrum(true, noise=0.003, seed=seed))
        assert fit.accepted
        values = [parameter.value for parameter in fit.parameters.values()]
        errors.append([abs(value / t - 1) * 100 for value, t in zip(values, true, strict=True)])
    median = np.median(errors, axis=0)
    assert np.all(median < [0.3, 0.6, 2.0, 0.5, 0.5]), median


def test_relative_error_of_a_parameter_covers_the_truth() -> None:
    inside = 0
    for seed in range(40):
        rct = fit_randles(cell_spectrum(noise=0.01, seed=seed)).parameters["rct_ohm"]
        inside += abs(np.log(rct.value / CELL[1])) <= 2 * rct.relative_error
    assert inside >= 34


def test_each_stage_comes_closer() -> None:
    first, second, third = fit_randles(cell_spectrum()).stage_rms
    assert first > second > third
    assert third < 1e-3


def test_wrong_circuit_is_not_accepted_and_says_so() -> None:
    two_arcs = randles_ohm(FREQUENCY, 1e-3, 5e-3, 0.02, 1.0, 1e-9) + 1e-2 / (1 + 2j * np.pi * FREQUENCY * 4)
    fit = fit_randles(spectrum(FREQUENCY, two_arcs))
    assert not fit.accepted
    assert "does not describe" in fit.reason


def test_parameter_that_the_data_do_not_see_is_not_determined() -> None:
    short = spectrum(FREQUENCY[:35], randles_ohm(FREQUENCY[:35], 1e-3, 2e-3, 2.0, 0.9, 1e-9))
    assert not fit_randles(short).parameters["a_ohm_s05"].determined


def test_inductive_lead_is_left_out_and_gives_the_intercept() -> None:
    sweep = cell_spectrum(inductance_h=1e-7)
    intercept = high_frequency_intercept(sweep)
    assert intercept.reached
    before = np.flatnonzero(sweep.z_ohm.imag > 0)[-1]
    assert sweep.frequency_hz[before] > intercept.frequency_hz > sweep.frequency_hz[before + 1]
    fine = np.geomspace(sweep.frequency_hz[before + 1], sweep.frequency_hz[before], 10_000)
    z = randles_ohm(fine, *CELL) + 2j * np.pi * fine * 1e-7
    exact = z.real[np.argmin(np.abs(z.imag))]
    assert intercept.resistance_ohm == pytest.approx(exact, rel=0.01)
    assert fit_randles(sweep).fitted_points < FREQUENCY.size


def test_intercept_is_linear_between_its_neighbours() -> None:
    z = np.array([2 + 1j, 3 - 3j, *[4 - 1j] * 8])
    sweep = spectrum(np.logspace(4, 1, 10), z)
    assert high_frequency_intercept(sweep).resistance_ohm == pytest.approx(2.25)


def test_spectrum_without_a_crossing_says_not_reached() -> None:
    intercept = high_frequency_intercept(cell_spectrum())
    assert not intercept.reached
    assert intercept.resistance_ohm == cell_spectrum().z_ohm.real[0]


def test_arc_of_an_ideal_element_is_its_resistance_wide() -> None:
    z = randles_ohm(FREQUENCY, 1.0, 10.0, 1e-3, 1.0, 0.1)
    sweep = spectrum(FREQUENCY, z)
    arc = mid_frequency_arc(sweep, high_frequency_intercept(sweep))
    assert arc is not None
    assert arc.closed
    assert arc.width_ohm == pytest.approx(10.0, rel=0.05)
    assert arc.apex_hz == pytest.approx(1 / (2 * np.pi * 10 * 1e-3), rel=0.15)
    assert arc.apex_minus_im_ohm == pytest.approx(5.0, rel=0.02)


def test_bump_that_ends_before_the_intercept_is_no_arc() -> None:
    clean = cell_spectrum()
    z = clean.z_ohm.copy()
    z[2:5] += np.array([0.0, -2e-4j, 0.0])
    z[:4] += 4e-4  # a disturbance at the start of the sweep: the real part falls behind it
    sweep = spectrum(clean.frequency_hz, z)
    arc = mid_frequency_arc(sweep, high_frequency_intercept(sweep))
    assert arc is not None
    undisturbed = mid_frequency_arc(clean, high_frequency_intercept(clean))
    assert undisturbed is not None
    assert arc.apex_hz == pytest.approx(undisturbed.apex_hz)
    assert arc.width_ohm == pytest.approx(undisturbed.width_ohm - 4e-4, rel=0.02)


def test_capacitor_has_no_arc() -> None:
    sweep = spectrum(FREQUENCY, 1 + 1 / (2j * np.pi * FREQUENCY))
    assert mid_frequency_arc(sweep, high_frequency_intercept(sweep)) is None


def test_drifting_cell_fails_the_validity_check() -> None:
    good = cell_spectrum(noise=0.003)
    assert kramers_kronig(good).valid
    drift = np.where(FREQUENCY < 1, 1 + 0.15 * np.sin(np.linspace(0, 20, FREQUENCY.size)), 1.0)
    bad = kramers_kronig(spectrum(FREQUENCY, good.z_ohm * drift))
    assert not bad.valid
    assert bad.worst_hz < 2


def test_file_of_several_sweeps_is_split_where_the_frequency_jumps_back() -> None:
    up = np.concatenate([FREQUENCY[::-1]] * 3)
    down = np.concatenate([FREQUENCY] * 4)
    assert [rows.stop - rows.start for rows in split_sweeps(up)] == [61] * 3
    assert [rows.stop - rows.start for rows in split_sweeps(down)] == [61] * 4


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (Conditions(50, 25, CIRCUIT), Conditions(55, 25, CIRCUIT), "state of charge"),
        (Conditions(50, 25, CIRCUIT), Conditions(50, 30, CIRCUIT), "temperature"),
        (Conditions(50, 25, CIRCUIT), Conditions(50, 25, "other"), "circuit"),
        (Conditions(50, None, CIRCUIT), Conditions(50, 25, CIRCUIT), "not known"),
    ],
)
def test_spectra_of_different_conditions_do_not_compare(
    first: Conditions, second: Conditions, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        require_comparable([first, second])
    require_comparable([second, second] if second.circuit == "other" else [Conditions(50, 25, CIRCUIT)] * 2)


@pytest.mark.parametrize(
    ("frequency", "words"),
    [([1.0] * 9, "twice"), ([0.0, *range(1, 9)], "above zero"), ([1.0, 2.0], "at least 8")],
)
def test_impossible_sweep_is_refused_by_name(frequency: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spectrum(frequency, np.ones(len(frequency)))


@given(st.floats(1e-4, 1e2), st.permutations(range(61)))
def test_features_do_not_depend_on_order_and_scale_with_the_impedance(scale: float, order: list[int]) -> None:
    plain = cell_spectrum(inductance_h=1e-7)
    scaled = spectrum(plain.frequency_hz[order], scale * plain.z_ohm[order])
    expected = scale * high_frequency_intercept(plain).resistance_ohm
    assert high_frequency_intercept(scaled).resistance_ohm == pytest.approx(expected)
