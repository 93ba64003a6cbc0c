"""Which sigma of a chart speaks of single readings, in their unit; capability takes no other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import SubgroupData
from spc.engine.between_within import BetweenWithin, between_within
from spc.engine.capability_study import capability_study
from spc.engine.kinds import ChartKind
from spc.engine.live import ChartDefinition, Fit, estimate, facts_of, traits
from spc.engine.sigma import SigmaEstimate, sigma_from_moving_ranges

COUNTED = frozenset(kind for kind in ChartKind if traits(kind).counts)
# Charts of what is no single reading of one process: standardised or of several parts, vectors, residuals.
WITHOUT = frozenset(
    {
        ChartKind.SHORT_RUN,
        ChartKind.T2,
        ChartKind.MEWMA,
        ChartKind.TREND,
        ChartKind.RESIDUAL,
        ChartKind.MOVING_CENTER,
    }
)
BY_READING = frozenset({ChartKind.IMR, *(WITHOUT - {ChartKind.T2, ChartKind.MEWMA})})
PARAMETERS = {
    ChartKind.ACCEPTANCE: "lsl=1 usl=9000000",
    ChartKind.T2: "variables=A,B,C",
    ChartKind.MEWMA: "variables=A,B,C",
}
APART = {"xbar-r", "xbar-s", "median-r", "ewma", "cusum", "acceptance", "three-way"}


def fitted(kind: ChartKind, unit: float) -> Fit:
    """Limits from thirty subgroups whose levels differ, held in a unit."""
    chance = np.random.default_rng(8)
    by_reading = kind in BY_READING
    labels = ("A",) if by_reading else ("A", "B", "C")
    table = chance.normal(75.0, 2.0, (30, 1)) + chance.normal(0.0, 0.5, (30, len(labels)))
    data = [SubgroupData(tuple((row * unit).tolist()), labels=labels) for row in table]
    definition = ChartDefinition(
        kind, (), PARAMETERS.get(kind, ""), by_reading=by_reading, subgroup_size=len(labels)
    )
    return estimate(definition, data)


@pytest.mark.parametrize("kind", sorted(set(ChartKind) - COUNTED))
def test_sigma_is_in_the_unit_of_the_readings_or_there_is_none(kind: ChartKind) -> None:
    """75 um held in nm: whatever is called sigma must be a thousand times as much, or indices would change."""
    one, other = fitted(kind, 1.0), fitted(kind, 1024.0)
    assert (one.sigma is None) == (kind in WITHOUT)
    if one.sigma is not None:
        assert other.sigma == pytest.approx(1024.0 * one.sigma, rel=1e-9)
    assert (one.parts is not None) == (kind in APART)
    if one.parts is not None and other.parts is not None:
        assert other.parts.total == pytest.approx(1024.0 * one.parts.total, rel=1e-9)
        assert other.parts.df == pytest.approx(one.parts.df, rel=1e-9)
        assert one.parts.within == one.sigma
        assert dict(facts_of(one))["Sigma between"] == one.parts.between


def test_moving_range_of_means_sets_the_limits_of_an_ewma_and_its_capability_still_knows_sigma_within() -> (
    None
):
    definition = ChartDefinition(ChartKind.EWMA, (), "sigma=moving_range", by_reading=False, subgroup_size=3)
    chance = np.random.default_rng(8)
    table = chance.normal(75.0, 2.0, (60, 1)) + chance.normal(0.0, 0.5, (60, 3))
    fit = estimate(definition, [SubgroupData(tuple(row)) for row in table.tolist()])
    assert fit.sigma == pytest.approx(0.5, rel=0.15)
    assert fit.own["sigma"] == pytest.approx(2.0, rel=0.2)
    assert fit.parts is not None and fit.parts.between == pytest.approx(2.0, rel=0.2)


def test_unequal_subgroups_count_the_mean_of_one_over_n_and_a_gap_breaks_the_range() -> None:
    rows = [[1.0, 3.0], [6.0], [math.nan], [9.0, math.nan, 11.0], [2.0, 2.0]]
    within = SigmaEstimate(1.2, 5.0)
    found = between_within(rows, within)
    of_means = sigma_from_moving_ranges([4.0, math.nan, math.nan, 8.0])
    assert found is not None
    share = (0.5 + 1.0 + 0.5 + 0.5) / 4
    assert found.between == pytest.approx(math.sqrt(of_means.sigma**2 - share * 1.44), rel=1e-12)
    a, b = of_means.sigma**2, (1 - share) * 1.44
    assert found.df == pytest.approx((a + b) ** 2 / (a**2 / of_means.df + b**2 / 5.0), rel=1e-12)


def test_alike_subgroups_have_no_spread_between_and_keep_the_degrees_of_freedom_within() -> None:
    found = between_within([[1.0, 9.0]] * 4, SigmaEstimate(7.0, 3.5))
    assert found == BetweenWithin(7.0, 0.0, 3.5) and found.total == 7.0


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0]], [[1.0], [2.0]], [[1.0, 2.0], [math.nan], [3.0, 4.0]]])
def test_nothing_tells_between_from_within(rows: list[list[float]]) -> None:
    assert between_within(rows, SigmaEstimate(1.0, 5.0)) is None


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.floats(-1e90, 1e90), min_size=2, max_size=4), min_size=2, max_size=8),
    st.floats(0.0, 1e90),
)
def test_parts_are_finite_and_add_up_for_any_readings(rows: list[list[float]], sigma: float) -> None:
    found = between_within(rows, SigmaEstimate(sigma, 4.0))
    assert found is not None and math.isfinite(found.df) and found.df > 0.0
    assert found.between >= 0.0 and found.total >= max(found.between, sigma) * (1 - 1e-12)


def test_indices_with_both_sigmas_lie_below_those_of_sigma_within_alone() -> None:
    chance = np.random.default_rng(5)
    rows = chance.normal(0.0, 1.0, (200, 1)) + chance.normal(0.0, 0.5, (200, 4))
    parts = BetweenWithin(0.5, 1.0, 150.0)
    study = capability_study(
        rows.ravel().tolist(), sigma_within=0.5, within_df=600.0, parts=parts, lsl=-4.0, usl=4.0, target=0.0
    )
    own, together = study.capability, study.together
    assert own.cp is not None and together is not None and together.cp is not None and own.pp is not None
    assert together.cp.value == pytest.approx(8.0 / (6.0 * math.hypot(0.5, 1.0)), rel=1e-12)
    assert together.cp.value < own.cp.value
    assert together.cp.value == pytest.approx(own.pp.value, rel=0.1)  # one process, seen from both sides
    wide, narrow = study.ppm.between_within[0], study.ppm.within[0]
    assert wide is not None and narrow is not None and wide > narrow
    alone = capability_study([1.0, 2.0, 3.0], sigma_within=1.0, usl=9.0)
    assert alone.together is None and alone.ppm.between_within == (None, None)
