from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spc.engine import (
    MISSING_POINT,
    Baseline,
    BaselineError,
    Family,
    SigmaMethod,
    SigmaMethodError,
    SubgroupData,
    SubgroupError,
    TooFewReadingsError,
    estimate_baseline,
)
from spc.engine.constants import c4, c4_of_df, d2, d3

UNEQUAL = [(9.0, 12.0, 10.0), (11.0, 8.0), (10.0, 10.5, 13.0, 9.5), (7.0,), (11.0, math.nan, 12.5)]


def individuals(*values: float) -> list[SubgroupData]:
    return [SubgroupData((value,)) for value in values]


def samples(rows: list[tuple[float, ...]]) -> list[SubgroupData]:
    return [SubgroupData(row) for row in rows]


def finite(rows: list[tuple[float, ...]]) -> list[list[float]]:
    return [[value for value in row if not math.isnan(value)] for row in rows]


def test_definition_11_moving_range_never_bridges_a_missing_point() -> None:
    baseline = estimate_baseline(Family.IMR, individuals(1.0, 2.0, math.nan, 9.0, 10.0))
    assert baseline.sigma == pytest.approx(1.0 / d2(2), rel=1e-15)
    assert baseline.center == 5.5
    assert baseline.n_subgroups == 4


def test_definition_11_moving_range_never_bridges_an_excluded_point() -> None:
    excluded = estimate_baseline(Family.IMR, individuals(1.0, 2.0, 50.0, 9.0, 10.0), excluded=frozenset({2}))
    missing = estimate_baseline(Family.IMR, [*individuals(1.0, 2.0), MISSING_POINT, *individuals(9.0, 10.0)])
    assert excluded == missing


def test_definition_13_grand_mean_is_weighted_by_subgroup_size() -> None:
    baseline = estimate_baseline(Family.XBAR_R, samples(UNEQUAL))
    everything = [value for row in finite(UNEQUAL) for value in row]
    assert baseline.center == pytest.approx(np.mean(everything), rel=1e-15)
    assert (baseline.n_subgroups, baseline.n_values) == (5, 12.0)
    assert baseline.subgroup_size == pytest.approx(12 / 5)


def test_definition_13_sigma_estimators_with_unequal_subgroups() -> None:
    rows = [row for row in finite(UNEQUAL) if len(row) > 1]
    ranges = np.array([max(row) - min(row) for row in rows])
    deviations = np.array([np.std(row, ddof=1) for row in rows])
    n = np.array([len(row) for row in rows])
    by_range = ranges / [d2(int(k)) for k in n]
    by_deviation = deviations / [c4(int(k)) for k in n]
    range_weight = np.array([(d2(int(k)) / d3(int(k))) ** 2 for k in n])
    deviation_weight = np.array([c4(int(k)) ** 2 / (1 - c4(int(k)) ** 2) for k in n])
    df = float(np.sum(n - 1))
    expected = {
        SigmaMethod.RBAR: np.mean(by_range),
        SigmaMethod.SBAR: np.mean(by_deviation),
        SigmaMethod.MVLUE_R: np.sum(range_weight * by_range) / np.sum(range_weight),
        SigmaMethod.MVLUE_S: np.sum(deviation_weight * by_deviation) / np.sum(deviation_weight),
        SigmaMethod.POOLED: math.sqrt(np.sum((n - 1) * deviations**2) / df) / c4_of_df(df),
    }
    for method, sigma in expected.items():
        baseline = estimate_baseline(Family.XBAR_R, samples(UNEQUAL), sigma_method=method)
        assert baseline.sigma == pytest.approx(sigma, rel=1e-13), method
        assert baseline.sigma_method is method


@pytest.mark.parametrize("method", [method for method in SigmaMethod if method is not SigmaMethod.MR])
def test_sigma_estimators_are_unbiased_with_their_own_degrees_of_freedom(method: SigmaMethod) -> None:
    rng, sigmas, df = np.random.default_rng(13), [], 0.0
    for _ in range(1500):
        rows = [tuple(rng.normal(size=size).tolist()) for size in (2, 3, 5, 5, 8)]
        baseline = estimate_baseline(Family.XBAR_S, samples(rows), sigma_method=method)
        sigmas.append(baseline.require_sigma())
        df = baseline.sigma_df or 0.0
    assert np.mean(sigmas) == pytest.approx(1.0, abs=4 * np.std(sigmas) / math.sqrt(1500))
    assert np.var(sigmas) == pytest.approx(1 / (2 * df), rel=0.15)


def test_moving_range_sigma_is_unbiased_with_its_own_degrees_of_freedom() -> None:
    rng = np.random.default_rng(14)
    baselines = [estimate_baseline(Family.IMR, individuals(*rng.normal(size=20))) for _ in range(3000)]
    sigmas = [baseline.require_sigma() for baseline in baselines]
    assert np.mean(sigmas) == pytest.approx(1.0, abs=4 * np.std(sigmas) / math.sqrt(3000))
    assert np.var(sigmas) == pytest.approx(1 / (2 * (baselines[0].sigma_df or 0.0)), rel=0.12)


def test_definition_14_mean_proportion_is_total_over_total() -> None:
    subgroups = [SubgroupData((1.0,), 10), SubgroupData((30.0,), 100)]
    for family in (Family.P, Family.NP, Family.U):
        baseline = estimate_baseline(family, subgroups)
        assert baseline.center == 31 / 110
        assert baseline.sigma is None
    assert estimate_baseline(Family.C, subgroups).center == 15.5


def test_definition_22_equal_readings_give_sigma_of_exactly_zero() -> None:
    assert estimate_baseline(Family.IMR, individuals(*[0.1] * 7)).sigma == 0.0
    for method in (SigmaMethod.RBAR, SigmaMethod.SBAR, SigmaMethod.POOLED, SigmaMethod.MVLUE_S):
        rows = [(0.1, 0.1, 0.1), (0.3, 0.3, 0.3)]
        assert estimate_baseline(Family.XBAR_S, samples(rows), sigma_method=method).sigma == 0.0


def test_definition_27_baseline_holds_mean_sigma_and_n_and_no_limits() -> None:
    stored = estimate_baseline(Family.XBAR_R, samples(UNEQUAL)).to_dict()
    assert stored.keys() == {
        "family", "center", "sigma", "subgroup_size", "n_subgroups", "n_values", "sigma_method", "sigma_df", "span",
    }  # fmt: skip


@given(values=st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=20))
def test_baseline_survives_json_exactly(values: list[float]) -> None:
    baseline = estimate_baseline(Family.IMR, individuals(*(value / 1e3 for value in values)))
    assert Baseline.from_dict(json.loads(json.dumps(baseline.to_dict()))) == baseline


def test_baseline_of_counts_survives_json_and_has_no_sigma() -> None:
    baseline = estimate_baseline(Family.C, [SubgroupData((4.0,)), SubgroupData((6.0,))])
    assert Baseline.from_dict(json.loads(json.dumps(baseline.to_dict()))) == baseline
    with pytest.raises(BaselineError):
        baseline.require_sigma()


@pytest.mark.parametrize(
    ("family", "method"),
    [(Family.IMR, SigmaMethod.RBAR), (Family.XBAR_R, SigmaMethod.MR), (Family.P, SigmaMethod.POOLED)],
)
def test_sigma_method_of_another_family_is_refused(family: Family, method: SigmaMethod) -> None:
    with pytest.raises(SigmaMethodError):
        estimate_baseline(family, [SubgroupData((1.0,), 5)] * 3, sigma_method=method)


@pytest.mark.parametrize(
    ("family", "subgroups"),
    [
        (Family.IMR, []),
        (Family.IMR, individuals(1.0)),
        (Family.IMR, individuals(1.0, math.nan, 2.0)),
        (Family.XBAR_R, samples([(1.0,), (2.0,)])),
        (Family.P, [MISSING_POINT]),
    ],
)
def test_too_few_readings_are_refused(family: Family, subgroups: list[SubgroupData]) -> None:
    with pytest.raises(TooFewReadingsError):
        estimate_baseline(family, subgroups)


@pytest.mark.parametrize(
    ("family", "subgroup"),
    [
        (Family.IMR, SubgroupData(())),
        (Family.IMR, SubgroupData((1.0, 2.0))),
        (Family.IMR, SubgroupData((math.inf,))),
        (Family.XBAR_S, SubgroupData((1.0, -math.inf))),
        (Family.P, SubgroupData((3.0,))),
        (Family.P, SubgroupData((3.0,), 2)),
        (Family.NP, SubgroupData((3.0,), 0)),
        (Family.U, SubgroupData((3.0,), math.nan)),
        (Family.C, SubgroupData((-1.0,))),
        (Family.C, SubgroupData((1.5,))),
    ],
)
def test_impossible_subgroups_are_refused(family: Family, subgroup: SubgroupData) -> None:
    with pytest.raises(SubgroupError):
        estimate_baseline(family, [subgroup, subgroup])
