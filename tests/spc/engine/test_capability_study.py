"""The study of a sample: each part agrees with the statistic that it shows, warns, and refuses in words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.capability import SpecificationError
from spc.engine.capability_study import FEWEST, Fallouts, capability_study
from spc.engine.sigma import TooFewReadingsError

CASES: dict[str, Any] = {
    case["id"]: case
    for case in json.loads((Path(__file__).parents[2] / "reference" / "spc" / "cases.json").read_text())[
        "cases"
    ]
}


def steady(n: int = 200, *, seed: int = 5) -> list[float]:
    return np.random.default_rng(seed).normal(75.0, 1.0, n).tolist()


def case_of(kind: str) -> dict[str, Any]:
    return next(case for case in CASES.values() if case["kind"] == kind)


def test_other_laws_agree_with_the_reference_of_the_percentile_method() -> None:
    """SPC.md 23: a fit with location 0 by maximum likelihood, percentiles 0.135 and 99.865 %."""
    case = case_of("capability_percentile")
    given, expected = case["input"], case["expected"]
    study = capability_study(given["data"], sigma_within=None, lsl=given.get("lsl"), usl=given.get("usl"))
    law = next(law for law in study.laws if law.fit.name == given["dist"])
    assert law.ppk == pytest.approx(expected["Ppk"], rel=1e-4)


def test_box_cox_row_agrees_with_the_reference() -> None:
    case = case_of("capability_boxcox")
    given, expected = case["input"], case["expected"]
    study = capability_study(given["data"], sigma_within=None, lsl=given.get("lsl"), usl=given.get("usl"))
    row = next(method for method in study.methods if method.method == "Box–Cox")
    assert row.ppk == pytest.approx(expected["Ppk"], rel=1e-5)


def test_normal_readings_are_ranked_normal_and_not_warned_of() -> None:
    study = capability_study(steady(), sigma_within=1.0, within_df=150.0, lsl=70.0, usl=80.0, target=75.0)
    assert study.is_normal is True and not study.is_small
    assert study.best is not None and study.best.fit.anderson_darling < 1.0
    assert sorted(law.fit.anderson_darling for law in study.laws) == [
        law.fit.anderson_darling for law in study.laws
    ]
    assert study.stability is not None and study.stability.verdict == "stable"


def test_skewed_readings_are_found_and_another_law_fits_them_better() -> None:
    readings = np.random.default_rng(2).lognormal(1.0, 0.6, 300).tolist()
    study = capability_study(readings, sigma_within=1.0, usl=20.0)
    assert study.is_normal is False
    assert study.best is not None and study.best.fit.name != "norm"
    normal = next(law for law in study.laws if law.fit.name == "norm")
    assert study.best.ppk is not None and normal.ppk is not None
    assert study.best.ppk < normal.ppk  # the long tail on the side of the limit costs


def test_ppm_counts_what_lies_outside_and_a_reading_on_a_limit_is_inside() -> None:
    study = capability_study([1.0, 2.0, 3.0, 3.0], sigma_within=1.0, lsl=1.5, usl=3.0)
    assert study.ppm.observed == (250_000.0, 0.0)
    assert Fallouts.total(study.ppm.observed) == 250_000.0
    below, above = study.ppm.within
    assert below == pytest.approx(1e6 * 0.5 * math.erfc((2.25 - 1.5) / math.sqrt(2)))
    assert above == pytest.approx(1e6 * 0.5 * math.erfc((3.0 - 2.25) / math.sqrt(2)))


def test_expected_ppm_of_the_best_law_sees_the_tail_that_a_normal_law_misses() -> None:
    readings = np.random.default_rng(2).lognormal(1.0, 0.6, 800)
    study = capability_study(readings.tolist(), sigma_within=1.0, usl=15.0)
    normal, best = study.ppm.overall[1], study.ppm.best[1]
    true = 1e6 * 0.5 * math.erfc((math.log(15.0) - 1.0) / 0.6 / math.sqrt(2.0))
    assert normal is not None and best is not None and study.ppm.best[0] is None
    assert abs(best - true) < 0.5 * true < abs(normal - true)


def test_one_limit_leaves_the_other_side_out_everywhere() -> None:
    study = capability_study(steady(), sigma_within=1.0, lsl=70.0)
    assert study.ppm.overall[1] is None and study.ppm.observed[1] is None
    assert study.tolerance.upper is None and study.tolerance.lower is not None
    assert all(law.pp is None and law.ppk is not None for law in study.laws)


def test_histogram_counts_every_reading_and_its_curves_have_the_same_area() -> None:
    study = capability_study(steady(500), sigma_within=1.0, lsl=70.0, usl=80.0)
    shown = study.histogram
    width = shown.edges[1] - shown.edges[0]
    assert sum(shown.counts) == 500 and len(shown.edges) == len(shown.counts) + 1
    area = np.trapezoid(shown.overall, shown.x)
    assert area == pytest.approx(500 * width, rel=0.01)
    assert np.trapezoid(shown.best, shown.x) == pytest.approx(500 * width, rel=0.02)


def test_few_readings_and_readings_that_do_not_vary_are_answered() -> None:
    few = capability_study([1.0, 2.0, 3.0], sigma_within=1.0, usl=5.0)
    assert few.is_small and few.laws == () and few.normality is None and few.is_normal is None
    flat = capability_study([5.0] * 20, sigma_within=0.0, lsl=4.0, usl=6.0)
    assert flat.capability.cpk is None and flat.stability is None and flat.histogram.counts == (20,)
    assert capability_study(steady(FEWEST), sigma_within=1.0, usl=80.0).is_small is False
    assert capability_study(steady(FEWEST - 1), sigma_within=1.0, usl=80.0).is_small is True


def test_what_cannot_be_studied_is_refused_in_words() -> None:
    with pytest.raises(TooFewReadingsError, match="two readings"):
        capability_study([1.0], sigma_within=1.0, usl=2.0)
    with pytest.raises(SpecificationError, match="at least one"):
        capability_study([1.0, 2.0], sigma_within=1.0)
    box_cox = capability_study([float(v) for v in range(-5, 5)], sigma_within=1.0, usl=9.0).methods[0]
    assert box_cox.ppk is None and "above zero" in box_cox.problem


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1), exponent=st.sampled_from([-10, -3, 4]), shift=st.sampled_from([0.0, 64.0])
)
def test_indices_do_not_depend_on_the_unit_nor_on_the_origin(seed: int, exponent: int, shift: float) -> None:
    """75 um held in mm: no index moves, of no method that is free of the origin."""
    scale = 2.0**exponent
    readings = steady(60, seed=seed)
    one = capability_study(readings, sigma_within=1.0, within_df=40.0, lsl=70.0, usl=80.0, target=75.0)
    other = capability_study(
        [(value + shift) * scale for value in readings],
        sigma_within=scale,
        within_df=40.0,
        lsl=(70.0 + shift) * scale,
        usl=(80.0 + shift) * scale,
        target=(75.0 + shift) * scale,
    )
    for name in ("cp", "cpk", "cpm", "pp", "ppk", "cpm_overall"):
        assert getattr(other.capability, name).value == pytest.approx(getattr(one.capability, name).value)
        assert getattr(other.capability, name).lower == pytest.approx(getattr(one.capability, name).lower)
    assert other.ppm.overall == pytest.approx(one.ppm.overall)
    assert other.normality is not None and one.normality is not None
    assert other.normality.p_value == pytest.approx(one.normality.p_value)


def test_a_slow_drift_is_seen_and_a_wandering_that_remembers_is_not() -> None:
    chance = np.random.default_rng(8)
    noise = chance.normal(0.0, 1.0, 200)
    drifting = capability_study((noise + 0.01 * np.arange(200)).tolist(), sigma_within=1.0, lsl=-9, usl=9)
    assert drifting.drifts and drifting.drift is not None
    assert drifting.drift.slope == pytest.approx(0.01, abs=0.004)
    wandering = [0.0]
    for each in noise:
        wandering.append(0.8 * wandering[-1] + each)
    study = capability_study(wandering, sigma_within=1.0, lsl=-9, usl=9)
    assert study.drift is not None and study.drift.variance_factor > 1.0 and not study.drifts
    assert capability_study([1.0] * 20, sigma_within=1.0, lsl=-9, usl=9).drift is None
