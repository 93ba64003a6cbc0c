"""Charts as the workers run them: equal to the batch chart on every prefix, after a stay in a JSON store each time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import MISSING_POINT, PlottedPoint, Rule, SubgroupData, TooFewReadingsError
from spc.engine.baseline import estimate_baseline
from spc.engine.false_alarms import Basis
from spc.engine.families import Family, Panel
from spc.engine.kinds import ChartKind
from spc.engine.live import (
    ChartDefinition,
    DefinitionError,
    DoesNotVaryError,
    Fit,
    StateError,
    advance,
    alarm_rate_of,
    check_definition,
    estimate,
    false_alarm_rate,
    load_state,
    normal_parameters,
    points_to_find,
    require_spread,
    start,
)
from spc.engine.overdispersion import laney_p, laney_u
from spc.engine.serial import moving_center_line
from spc.engine.time_weighted import cusum_chart, ewma_chart

RULES = (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE)
PHASE1 = [10.0, 10.4, 9.8, 10.1, 9.7, 10.3, 10.2, 9.9, 10.0, 9.6]
readings = st.lists(
    st.one_of(st.floats(5, 15), st.integers(8, 12).map(float), st.just(math.nan)), max_size=30
)


def individuals(values: list[float]) -> list[SubgroupData]:
    return [SubgroupData((value,)) for value in values]


def run(
    definition: ChartDefinition, phase1: list[SubgroupData], data: list[SubgroupData]
) -> list[PlottedPoint]:
    """Frozen on phase 1, then point by point; the state lives in JSON between two points."""
    fit = Fit.from_dict(json.loads(json.dumps(estimate(definition, phase1).to_dict(), allow_nan=False)))
    state = start(fit, definition.rules)
    points = []
    for row in data:
        again = load_state(json.loads(json.dumps(state.to_dict(), allow_nan=False)))
        assert again == state
        state, point = advance(again, row)
        points.append(point)
    return points


def column(points: list[PlottedPoint], name: str) -> list[float]:
    return [math.nan if getattr(p, name) is None else getattr(p, name) for p in points]


def signalled(points: list[PlottedPoint], panel: Panel, rule: Rule = Rule.BEYOND_LIMITS) -> list[int]:
    return [i for i, p in enumerate(points) if any(h.panel is panel and h.rule is rule for h in p.hits)]


@settings(deadline=None, max_examples=60)
@given(readings)
def test_ewma_of_readings_is_the_batch_chart(values: list[float]) -> None:
    definition = ChartDefinition(ChartKind.EWMA, RULES, "lambda=0.3 L=2.5")
    points = run(definition, individuals(PHASE1), individuals(values))
    base = estimate_baseline(Family.IMR, individuals(PHASE1))
    batch = ewma_chart(values, center=base.center, sigma=base.require_sigma(), weight=0.3, width=2.5)
    for name, expected in (("statistic", batch.ewma), ("lcl", batch.lcl), ("ucl", batch.ucl)):
        np.testing.assert_array_equal(column(points, name), np.asarray(expected))
    assert signalled(points, Panel.LOCATION) == list(batch.signals)
    moved = np.abs(np.diff(np.array(values)))
    np.testing.assert_array_equal(column(points[1:], "dispersion"), moved)


@settings(deadline=None, max_examples=60)
@given(readings, st.sampled_from([0.0, 0.5]))
def test_cusum_of_readings_is_the_batch_chart(values: list[float], head_start: float) -> None:
    definition = ChartDefinition(ChartKind.CUSUM, RULES, f"k=0.5 h=4 head_start={head_start}")
    points = run(definition, individuals(PHASE1), individuals(values))
    base = estimate_baseline(Family.IMR, individuals(PHASE1))
    z = [(value - base.center) / base.require_sigma() for value in values]
    batch = cusum_chart(z, reference=0.5, interval=4.0, head_start=4.0 * head_start)
    np.testing.assert_allclose(column(points, "statistic"), batch.upper, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(column(points, "dispersion"), batch.lower, rtol=1e-12, atol=1e-12)
    assert signalled(points, Panel.LOCATION) == list(batch.signals_upper)
    assert signalled(points, Panel.DISPERSION) == list(batch.signals_lower)
    if batch.signals_upper and not any(map(math.isnan, values)):
        first = batch.signals_upper[0]
        (hit,) = (h for h in points[first].hits if h.panel is Panel.LOCATION)
        assert first - max(hit.members) == batch.upper_change


def test_signal_of_a_cusum_counts_a_gap_between_the_change_and_itself() -> None:
    """Positions on the chart: the points since the last zero, the missing one included."""
    base = estimate_baseline(Family.IMR, individuals(PHASE1))
    far = base.center + 3.0 * base.require_sigma()
    data = [*individuals([base.center, far]), MISSING_POINT, *individuals([far])]
    points = run(ChartDefinition(ChartKind.CUSUM, RULES, "k=0.5 h=4"), individuals(PHASE1), data)
    assert signalled(points, Panel.LOCATION) == [3]
    assert points[3].hits[0].members == (0, 2)  # the change began at point 1
    assert points[2].statistic is None


@settings(deadline=None, max_examples=40)
@given(readings)
def test_moving_center_line_is_the_batch_chart(values: list[float]) -> None:
    definition = ChartDefinition(ChartKind.MOVING_CENTER, RULES)
    points = run(definition, individuals(PHASE1), individuals(values))
    batch = moving_center_line(PHASE1 + values, n_phase1=len(PHASE1))
    forecast = np.array(values) - batch.errors[len(PHASE1) :]
    known = ~np.isnan(np.array(values))
    np.testing.assert_allclose(np.array(column(points, "center"))[known], forecast[known], rtol=1e-12)
    late = [i - len(PHASE1) for i in batch.signals if i >= len(PHASE1)]
    assert signalled(points, Panel.LOCATION) == late


@pytest.mark.parametrize(("kind", "batch"), [(ChartKind.LANEY_P, laney_p), (ChartKind.LANEY_U, laney_u)])
def test_laney_chart_is_the_batch_chart(kind: ChartKind, batch: object) -> None:
    chance = np.random.default_rng(7)
    sizes = chance.integers(400, 900, 40).astype(float)
    counts = chance.binomial(sizes.astype(int), np.clip(chance.normal(0.08, 0.02, 40), 0.01, 0.2)).astype(
        float
    )
    counts[35] = 150.0
    data = [SubgroupData((c,), n) for c, n in zip(counts.tolist(), sizes.tolist(), strict=True)]
    points = run(ChartDefinition(kind, RULES), data[:25], data)
    expected = batch(counts, sizes, n_phase1=25)  # type: ignore[operator]
    np.testing.assert_allclose(column(points, "lcl"), expected.lcl, rtol=1e-12)
    np.testing.assert_allclose(column(points, "ucl"), expected.ucl, rtol=1e-12)
    assert signalled(points, Panel.LOCATION) == list(expected.beyond) == [35]


def test_ewma_of_subgroups_that_differ_among_themselves_takes_their_moving_range() -> None:
    """Sheets of one roll are alike, rolls are not: sigma within would flag every roll."""
    chance = np.random.default_rng(3)
    rolls = [
        SubgroupData(tuple((level + chance.normal(0, 0.01, 5)).tolist()))
        for level in chance.normal(20, 1, 40)
    ]
    words = "lambda=0.2 L=3 sigma="
    within = ChartDefinition(ChartKind.EWMA, RULES, f"{words}within", by_reading=False, subgroup_size=5)
    moving = ChartDefinition(ChartKind.EWMA, RULES, f"{words}moving_range", by_reading=False, subgroup_size=5)
    assert len(signalled(run(within, rolls[:20], rolls[20:]), Panel.LOCATION)) > 10
    assert signalled(run(moving, rolls[:20], rolls[20:]), Panel.LOCATION) == []


@pytest.mark.parametrize("kind", [ChartKind.EWMA, ChartKind.CUSUM, ChartKind.MOVING_CENTER, ChartKind.IMR])
def test_phase_1_that_does_not_vary_is_refused_in_words(kind: ChartKind) -> None:
    with pytest.raises(DoesNotVaryError, match="phase 1 does not vary: 10 points"):
        require_spread(estimate(ChartDefinition(kind, RULES), individuals([5.0] * 10)))


@pytest.mark.parametrize("turn", [0, 1])
def test_forecast_that_leaves_only_its_own_rounding_is_refused_in_words(turn: int) -> None:
    alternating = individuals([65.1 if number % 2 == turn else 64.9 for number in range(20)])
    line = individuals([64.9 + 0.1 * number for number in range(20)])
    for kind, data in ((ChartKind.RESIDUAL, alternating), (ChartKind.TREND, line)):
        with pytest.raises(DoesNotVaryError, match="phase 1 does not vary: 20 points"):
            estimate(ChartDefinition(kind, RULES), data)


def test_counts_of_nothing_are_refused_in_words() -> None:
    none = [SubgroupData((0.0,), 50.0)] * 10
    for kind in (ChartKind.P, ChartKind.NP, ChartKind.C, ChartKind.U):
        with pytest.raises(DoesNotVaryError, match="chart what lies between two events"):
            require_spread(estimate(ChartDefinition(kind, RULES), none))


def test_excluded_points_keep_their_place_and_take_no_part() -> None:
    """No moving range spans the gap that an excluded point leaves."""
    values = [10.0, 10.2, 50.0, 10.0, 10.2]
    fit = estimate(ChartDefinition(ChartKind.EWMA, RULES), individuals(values), excluded=frozenset({2}))
    assert (fit.center, fit.n_subgroups) == (pytest.approx(10.1), 4)
    assert fit.sigma == pytest.approx(0.2 / 1.1283791670955126)
    with pytest.raises(TooFewReadingsError):
        estimate(ChartDefinition(ChartKind.EWMA, RULES), individuals([1.0]))


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        (ChartKind.EWMA, "lambda=1.4", "lambda: 1.4 is out of range; it must be above 0 and at most 1"),
        (ChartKind.EWMA, "L=x", "L: 'x' is no number"),
        (ChartKind.EWMA, "weight=0.2", "weight: a ewma chart takes lambda, L, sigma, target"),
        (ChartKind.EWMA, "lambda", "'lambda' is not of the form name=value"),
        (ChartKind.EWMA, "L=3 L=4", "L: said twice"),
        (ChartKind.EWMA, "sigma=between", "'between' is none of within, moving_range"),
        (ChartKind.CUSUM, "head_start=1", "head_start: 1 is out of range; it must be at least 0 and below 1"),
        (ChartKind.CUSUM, "h=nan", "h: nan is out of range"),
        (ChartKind.P, "lambda=0.2", "takes no parameters"),
        (ChartKind.IMR, "lambda=0.2", "lambda: a imr chart takes span"),
        (
            ChartKind.IMR,
            "span=1",
            "span: 1 is out of range; it must be a whole number at least 2 and at most 25",
        ),
        (ChartKind.IMR, "span=26", "span: 26 is out of range"),
        (ChartKind.IMR, "span=2.5", "span: 2.5 is out of range; it must be a whole number"),
    ],
)
def test_parameter_that_a_chart_cannot_have_is_refused(kind: ChartKind, words: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as refusal:
        check_definition(ChartDefinition(kind, (Rule.BEYOND_LIMITS,), words))
    assert refusal.value.field == "parameters"


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        (ChartDefinition(ChartKind.CUSUM, (Rule.TREND,)), "rules"),
        (ChartDefinition(ChartKind.MOVING_CENTER, RULES, by_reading=False, subgroup_size=5), "subgroup_by"),
        (ChartDefinition(ChartKind.XBAR_R, RULES), "subgroup_by"),
        (ChartDefinition(ChartKind.MEDIAN_R, RULES, by_reading=False, subgroup_size=1), "subgroup_size"),
    ],
)
def test_chart_that_cannot_be_is_refused_by_field(definition: ChartDefinition, field: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        check_definition(definition)
    assert refusal.value.field == field


def test_parameters_are_kept_in_one_form_with_their_defaults() -> None:
    assert normal_parameters(ChartKind.EWMA, " L=3.0  lambda=.1 ") == "lambda=0.1 L=3 sigma=within"
    assert (
        normal_parameters(ChartKind.CUSUM, "target=2.5") == "k=0.5 h=5 head_start=0 sigma=within target=2.5"
    )
    assert normal_parameters(ChartKind.XBAR_S, "") == ""


def test_state_of_a_newer_version_is_refused() -> None:
    state = start(estimate(ChartDefinition(ChartKind.EWMA, RULES), individuals(PHASE1)), RULES)
    with pytest.raises(StateError, match="version 2; this program reads version 1"):
        load_state(state.to_dict() | {"version": 2})


def test_state_of_a_shewhart_chart_without_a_version_is_still_read() -> None:
    state = start(estimate(ChartDefinition(ChartKind.IMR, RULES), individuals(PHASE1)), RULES)
    old = {name: value for name, value in state.to_dict().items() if name != "version"}
    assert load_state(old) == state


def test_false_alarms_are_those_of_the_published_run_lengths() -> None:
    """Lucas and Saccucci 1990: lambda 0.1, L 2.814: 500 (asymptotic). Montgomery table 9.3: k 0.5, h 5: 465."""
    ewma = ChartDefinition(ChartKind.EWMA, RULES, "lambda=0.1 L=2.814")
    cusum = ChartDefinition(ChartKind.CUSUM, RULES, "k=0.5 h=5")
    assert 1.0 / false_alarm_rate(ewma) == pytest.approx(500.0, rel=0.01)
    assert 1.0 / false_alarm_rate(cusum) == pytest.approx(465.0, rel=0.005)
    laney = ChartDefinition(ChartKind.LANEY_P, (Rule.BEYOND_LIMITS,), by_reading=False, subgroup_size=500)
    assert 1.0 / false_alarm_rate(laney) == pytest.approx(370.4, rel=1e-3)
    for definition in (ewma, cusum):
        known, estimated = alarm_rate_of(definition), alarm_rate_of(definition, basis=Basis(25, 15.0))
        assert estimated.location > known.location > 0.0


def test_shifts_are_found_after_the_published_run_lengths() -> None:
    """Montgomery, tables 9.3 and 9.11 (CUSUM, EWMA); Lowry et al. 1992 (MEWMA); 1 / P(beyond) for the others."""

    def after(kind: ChartKind, shift: float, words: str = "", rules: tuple[Rule, ...] = ()) -> float | None:
        return points_to_find(ChartDefinition(kind, rules or (Rule.BEYOND_LIMITS,), words), shift)

    assert after(ChartKind.IMR, 1.0) == pytest.approx(43.89, abs=0.01)
    assert after(ChartKind.XBAR_R, 3.0) == pytest.approx(2.0, abs=0.01)
    assert after(ChartKind.CUSUM, 1.0, "k=0.5 h=5") == pytest.approx(10.4, abs=0.05)
    assert after(ChartKind.EWMA, 1.0, "lambda=0.1 L=2.814") == pytest.approx(10.3, abs=0.05)
    assert after(ChartKind.MEWMA, 1.0, "variables=a,b lambda=0.1 arl=200") == pytest.approx(10.2, abs=0.1)
    assert after(ChartKind.T2, 0.0, "variables=a,b confidence=0.995") == pytest.approx(200.0, rel=1e-6)
    assert after(ChartKind.T2, 1.0, "variables=a,b confidence=0.995") == pytest.approx(42.0, abs=0.5)
    both = after(ChartKind.IMR, 1.0, rules=RULES)
    assert both is not None and both < 43.0
    assert after(ChartKind.MOVING_CENTER, 1.0) is None and after(ChartKind.G, 1.0) is None
