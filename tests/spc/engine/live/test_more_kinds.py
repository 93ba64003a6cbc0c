"""Three-way, group, short-run, forecast, acceptance, rare-event and multivariate charts as the workers run them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from spc.engine import MISSING_POINT, PlottedPoint, Rule, SubgroupData, TooFewReadingsError
from spc.engine.between_within import three_way_chart
from spc.engine.families import Panel
from spc.engine.groups import group_chart
from spc.engine.kinds import ChartKind
from spc.engine.live import (
    ChartDefinition,
    DefinitionError,
    DoesNotVaryError,
    Fit,
    advance,
    alarm_rate_of,
    check_definition,
    estimate,
    false_alarm_rate,
    load_state,
    start,
    statistic_of,
)
from spc.engine.multivariate import mewma_chart, t_squared_individuals
from spc.engine.operating import acceptance_limits
from spc.engine.rare_events import Limits, g_chart, t_chart
from spc.engine.run_length import mewma_limit
from spc.engine.serial import autoregression_chart, trend_chart
from spc.engine.short_run import deviation_chart, z_chart
from spc.engine.special_rules import SpecialRule

RULES = (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE)
BEYOND = (Rule.BEYOND_LIMITS,)
SEED = 11


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


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


def signalled(points: list[PlottedPoint], panel: Panel, rule: object = Rule.BEYOND_LIMITS) -> list[int]:
    return [i for i, p in enumerate(points) if any(h.panel is panel and h.rule is rule for h in p.hits)]


def test_three_way_chart_is_the_batch_chart_on_all_three_panels() -> None:
    chance = rng()
    rolls = [(level + chance.normal(0, 0.2, 5)).tolist() for level in chance.normal(20, 1, 40)]
    rolls[30] = [value + 8 for value in rolls[30]]
    rolls[35][2] += 5.0
    data = [SubgroupData(tuple(row)) for row in rolls]
    definition = ChartDefinition(ChartKind.THREE_WAY, BEYOND, "spread=r", by_reading=False, subgroup_size=5)
    points = run(definition, data[:25], data[25:])
    batch = three_way_chart(rolls, n_phase1=25)
    np.testing.assert_allclose(column(points, "statistic"), batch.means[25:], rtol=1e-12)
    np.testing.assert_allclose(
        column(points[1:], "dispersion"), batch.moving_ranges[26:], rtol=1e-12, atol=1e-12
    )
    within = [point.details["within"]["value"] for point in points]  # type: ignore[index]
    np.testing.assert_allclose(within, batch.dispersion[25:], rtol=1e-12)
    assert points[0].ucl == pytest.approx(batch.ucl, rel=1e-12)
    assert points[0].dispersion_ucl == pytest.approx(batch.mr_ucl, rel=1e-12)
    assert signalled(points, Panel.LOCATION) == [i - 25 for i in batch.beyond if i >= 25]
    assert 5 in signalled(points, Panel.LOCATION) and signalled(points, Panel.WITHIN) == [10]


def test_three_way_subgroup_that_closed_early_is_judged_by_its_own_size() -> None:
    chance = rng()
    data = [SubgroupData(tuple(chance.normal(20, 1, 5).tolist())) for _ in range(20)]
    definition = ChartDefinition(ChartKind.THREE_WAY, BEYOND, by_reading=False, subgroup_size=5)
    short = SubgroupData((20.0, 21.0))
    (point,) = run(definition, data, [short])
    assert point.statistic == 20.5
    whole = run(definition, data, [data[0]])[0]
    assert point.details["within"]["ucl"] < whole.details["within"]["ucl"]  # type: ignore[index]


LANES = ("1", "2", "3", "4")


def lanes(values: np.ndarray) -> SubgroupData:
    flat, labels = [], []
    for label, own in zip(LANES, values, strict=True):
        flat += own.tolist()
        labels += [label] * len(own)
    order = rng().permutation(len(flat))
    return SubgroupData(tuple(flat[i] for i in order), labels=tuple(labels[i] for i in order))


def test_group_chart_is_the_batch_chart_and_names_the_stream_that_leads() -> None:
    chance = rng()
    table = chance.normal(50, 1, (40, 4, 3))
    table[30:, 2] += 1.5
    data = [lanes(row) for row in table]
    definition = ChartDefinition(ChartKind.GROUP, BEYOND, by_reading=False, subgroup_size=12)
    points = run(definition, data[:25], data[25:])
    means, ranges = table.mean(axis=2), np.ptp(table, axis=2)
    batch = group_chart(means, ranges, n=3, n_phase1=25)
    np.testing.assert_allclose(column(points, "statistic"), batch.max_value[25:], rtol=1e-12)
    np.testing.assert_allclose(column(points, "dispersion"), batch.min_value[25:], rtol=1e-12)
    assert (points[0].ucl, points[0].dispersion_lcl) == pytest.approx((batch.ucl, batch.lcl), rel=1e-12)
    leading = signalled(points, Panel.LOCATION, SpecialRule.SAME_STREAM)
    # (4^5 - 1) / 3 = 341 < 370 <= (4^6 - 1) / 3: six times in a row
    streak = [LANES[i] for i in batch.max_stream[25:]]
    expected = [i for i in range(5, len(streak)) if len(set(streak[i - 5 : i + 1])) == 1]
    assert leading == expected and expected
    assert points[leading[0]].details["largest"] == "3"  # type: ignore[index]


def test_group_chart_without_a_stream_is_a_gap_and_starts_counting_anew() -> None:
    chance = rng()
    data = [lanes(row) for row in chance.normal(50, 1, (20, 4, 1))]
    definition = ChartDefinition(ChartKind.GROUP, BEYOND, by_reading=False, subgroup_size=4)
    fewer = SubgroupData((50.0, 51.0), labels=("1", "2"))
    points = run(definition, data, [data[0], fewer, data[1]])
    assert points[1].statistic is None and points[1].details == {"why": "not judged: a stream is missing"}


def test_short_run_is_the_batch_chart_and_an_unknown_part_is_not_judged() -> None:
    chance = rng()
    parts = [str(p) for p in chance.choice(["A", "B"], 60)]
    values = [float(chance.normal(10 if p == "A" else 40, 0.5 if p == "A" else 2)) for p in parts]
    values[50] += 9.0
    data = [SubgroupData((v,), labels=(p,)) for p, v in zip(parts, values, strict=True)]
    definition = ChartDefinition(ChartKind.SHORT_RUN, RULES)
    points = run(definition, data[:40], [*data[40:], SubgroupData((5.0,), labels=("C",))])
    batch = z_chart(parts, values, n_phase1=40)
    np.testing.assert_allclose(column(points[:-1], "statistic"), batch.z[40:], rtol=1e-12)
    assert signalled(points, Panel.LOCATION) == [i - 40 for i in batch.beyond if i >= 40]
    assert points[-1].statistic is None and "freeze again" in points[-1].details["why"]  # type: ignore[index]


def test_deviations_from_nominal_are_the_batch_chart() -> None:
    chance = rng()
    parts = [str(p) for p in chance.choice(["A", "B"], 40)]
    nominal = {"A": 10.0, "B": 40.0}
    values = [float(chance.normal(nominal[p] + 0.1, 0.5)) for p in parts]
    data = [SubgroupData((v,), labels=(p,)) for p, v in zip(parts, values, strict=True)]
    definition = ChartDefinition(ChartKind.SHORT_RUN, RULES, "plot=deviation nominal=A:10,B:40")
    points = run(definition, data[:30], data[30:])
    batch = deviation_chart(parts, values, nominal, n_phase1=30)
    np.testing.assert_allclose(column(points, "statistic"), batch.deviation[30:], rtol=1e-12)
    assert points[0].ucl == pytest.approx(batch.ucl, rel=1e-12)
    with pytest.raises(DefinitionError, match="nominal: deviations need the nominal of every part"):
        check_definition(ChartDefinition(ChartKind.SHORT_RUN, RULES, "plot=deviation"))


@pytest.mark.parametrize(
    ("kind", "batch"), [(ChartKind.TREND, trend_chart), (ChartKind.RESIDUAL, autoregression_chart)]
)
def test_forecast_charts_go_on_from_where_phase_1_ended(kind: ChartKind, batch: object) -> None:
    chance = rng()
    y = [10.0]
    for t in range(1, 60):
        y.append(0.6 * y[-1] + 4.0 + 0.05 * t + float(chance.normal(0, 0.3)))
    y[50] += 4.0
    data = [SubgroupData((value,)) for value in y]
    points = run(ChartDefinition(kind, RULES), data[:40], data[40:])
    expected = batch(y, n_phase1=40)  # type: ignore[operator]
    forecast = np.array(y[40:]) - expected.residuals[40:]
    np.testing.assert_allclose(column(points, "center"), forecast, rtol=1e-12)
    assert signalled(points, Panel.LOCATION) == [i - 40 for i in expected.signals if i >= 40]
    np.testing.assert_allclose(
        column(points[1:], "dispersion"), np.abs(np.diff(expected.residuals[40:])), rtol=1e-9, atol=1e-12
    )


def test_trend_keeps_the_number_of_a_point_over_a_gap() -> None:
    line = [float(2 * t) + (0.1 if t % 2 else -0.1) for t in range(20)]
    data: list[SubgroupData] = [SubgroupData((value,)) for value in line]
    data[5] = MISSING_POINT
    points = run(ChartDefinition(ChartKind.TREND, BEYOND), data[:18], [MISSING_POINT, data[19]])
    assert points[0].statistic is None
    assert points[1].center == pytest.approx(38.0, abs=0.05)


def test_acceptance_limits_follow_from_the_specification_and_the_size() -> None:
    chance = rng()
    data = [SubgroupData(tuple(chance.normal(50, 1, 4).tolist())) for _ in range(25)]
    words = "fraction=0.01 alpha=0.05 lsl=44 usl=56"
    definition = ChartDefinition(ChartKind.ACCEPTANCE, BEYOND, words, by_reading=False, subgroup_size=4)
    fit = estimate(definition, data)
    high = SubgroupData((55.2, 55.0, 55.1, 55.3))
    points = run(definition, data, [data[0], high])
    own = acceptance_limits(lsl=44, usl=56, sigma=fit.sigma or 0, n=4, delta=0.01, alpha=0.05)
    assert (points[0].lcl, points[0].ucl) == pytest.approx((own.lcl, own.ucl), rel=1e-12)
    assert signalled(points, Panel.LOCATION) == [1]
    with pytest.raises(TooFewReadingsError, match="specification with a limit"):
        estimate(ChartDefinition(ChartKind.ACCEPTANCE, BEYOND, by_reading=False, subgroup_size=4), data)
    narrow = ChartDefinition(ChartKind.ACCEPTANCE, BEYOND, "lsl=49 usl=51", by_reading=False, subgroup_size=4)
    with pytest.raises(TooFewReadingsError, match="too narrow for this sigma"):
        estimate(narrow, data)


def units(flags: list[int], hours: list[float] | None = None) -> list[SubgroupData]:
    times = hours or [float(i) for i in range(len(flags))]
    return [
        SubgroupData((float(flag),), size=1.0, at=3600.0 * at) for flag, at in zip(flags, times, strict=True)
    ]


def test_g_chart_counts_units_between_events_across_the_freezing() -> None:
    chance = rng()
    flags = (chance.random(4000) < 0.02).astype(int).tolist()
    flags[3000:3006] = [1] * 6
    data = units(flags)
    points = run(ChartDefinition(ChartKind.G, BEYOND, "limits=probability"), data[:2000], data[2000:])
    at = np.flatnonzero(np.array(flags))
    between = np.diff(at) - 1.0
    first = np.searchsorted(at, 2000) - 1  # intervals that ended in phase 1
    batch = g_chart(between, limits=Limits.PROBABILITY, n_phase1=int(first))
    plotted = [point for point in points if point.statistic is not None]
    assert [point.statistic for point in plotted] == between[first:].tolist()
    assert (plotted[0].lcl, plotted[0].center, plotted[0].ucl) == (batch.lcl, batch.center, batch.ucl)
    runs = [i for i, p in enumerate(plotted) if any(h.rule is SpecialRule.ZERO_RUN for h in p.hits)]
    assert runs == [i - first for i in batch.zero_runs if i >= first] and runs


def test_t_chart_takes_hours_between_events_and_passes_over_readings_without() -> None:
    chance = rng()
    hours = np.cumsum(chance.exponential(20, 60)).tolist()
    between = np.diff(hours)
    data = units([1] * 60, hours)
    quiet = SubgroupData((0.0,), size=1.0, at=3600.0 * (hours[40] + 0.001))
    points = run(ChartDefinition(ChartKind.T, BEYOND), data[:41], [quiet, *data[41:]])
    batch = t_chart(between, n_phase1=40)
    assert points[0].statistic is None
    np.testing.assert_allclose(column(points[1:], "statistic"), between[40:], rtol=1e-9)
    assert points[1].ucl == pytest.approx(batch.ucl, rel=1e-9)
    zero = ChartDefinition(ChartKind.T, BEYOND, "event=zero")
    with pytest.raises(TooFewReadingsError, match="0 intervals between events"):
        estimate(zero, data)


VARIABLES = ("a", "b", "c")


def vectors(rows: np.ndarray) -> list[SubgroupData]:
    return [SubgroupData(tuple(row), labels=VARIABLES) for row in rows.tolist()]


def correlated(n: int) -> np.ndarray:
    mix = np.array([[1, 0, 0], [0.8, 0.6, 0], [0.3, -0.2, 0.9]])
    return np.array(rng().normal(0, 1, (n, 3)) @ mix.T + [10, 20, 30])


def test_t_squared_is_the_batch_chart_and_a_signal_is_decomposed() -> None:
    rows = correlated(80)
    rows[60] += [1.5, -1.5, 0]  # each in its range, their relation broken
    words = "variables=a,b,c confidence=0.9973"
    definition = ChartDefinition(ChartKind.T2, BEYOND, words, by_reading=False)
    points = run(definition, vectors(rows[:50]), vectors(rows[50:]))
    batch = t_squared_individuals(rows[:50])
    np.testing.assert_allclose(column(points, "statistic"), batch.t_squared(rows[50:]), rtol=1e-12)
    assert points[0].ucl == pytest.approx(batch.upl, rel=1e-12)
    assert 10 in signalled(points, Panel.LOCATION)
    parts = {row["name"]: row for row in points[10].details["variables"]}  # type: ignore[index]
    assert [row["contribution"] for row in parts.values()] == pytest.approx(
        batch.contributions(rows[60]).tolist()
    )
    assert parts["a"]["contribution"] > parts["c"]["contribution"]
    gap = SubgroupData((10.0, 20.0), labels=("a", "b"))
    (missing,) = run(definition, vectors(rows[:50]), [gap])
    assert missing.statistic is None and missing.details == {"why": "not judged: a variable is missing"}


def test_mewma_is_the_batch_chart_and_says_since_when() -> None:
    rows = correlated(90)
    rows[65:] += [0.0, 1.2, 0.0]
    words = "variables=a,b,c lambda=0.1 arl=200"
    definition = ChartDefinition(ChartKind.MEWMA, BEYOND, words, by_reading=False)
    points = run(definition, vectors(rows[:50]), vectors(rows[50:]))
    base = t_squared_individuals(rows[:50])
    limit = mewma_limit(200.0, weight=0.1, variables=3)
    assert limit == pytest.approx(10.79, abs=0.03)  # Prabhu and Runger 1997: p = 3, ARL 200
    batch = mewma_chart(rows[50:], center=base.center, covariance=base.covariance, weight=0.1, limit=limit)
    np.testing.assert_allclose(column(points, "statistic"), batch.t_squared, rtol=1e-10)
    found = signalled(points, Panel.LOCATION)
    assert found == list(batch.signals) and found
    (hit,) = points[found[0]].hits
    began = found[0] - max(hit.members)
    assert batch.t_squared[began - 1] <= 3.0 < batch.t_squared[began]
    parts = points[found[-1]].details["variables"]  # type: ignore[index]
    assert max(parts, key=lambda row: row["contribution"])["name"] == "b"


def test_variable_that_does_not_vary_or_follows_from_others_is_refused() -> None:
    definition = ChartDefinition(ChartKind.T2, BEYOND, "variables=a,b,c", by_reading=False)
    rows = correlated(30)
    rows[:, 1] = 5.0
    with pytest.raises(DoesNotVaryError, match="b is the same at all 30 points"):
        estimate(definition, vectors(rows))
    rows[:, 1] = rows[:, 0] + rows[:, 2]
    with pytest.raises(TooFewReadingsError, match="singular"):
        estimate(definition, vectors(rows))
    with pytest.raises(DefinitionError, match="variables: name 2 or more"):
        check_definition(
            ChartDefinition(ChartKind.T2, BEYOND, "variables=a", by_reading=False, subgroup_size=2)
        )
    with pytest.raises(DefinitionError, match="variables: a t2 chart needs it"):
        check_definition(ChartDefinition(ChartKind.T2, BEYOND, by_reading=False, subgroup_size=2))


def test_every_kind_has_a_price() -> None:
    """1 - 0.9973 for T-squared, 1 / ARL for MEWMA, twice the tail for rare events; none is free."""
    vectors_ = {"variables": "a,b"}
    t2 = ChartDefinition(ChartKind.T2, BEYOND, f"variables={vectors_['variables']}", by_reading=False)
    assert false_alarm_rate(t2) == pytest.approx(0.0027)
    mewma = ChartDefinition(ChartKind.MEWMA, BEYOND, "variables=a,b arl=500", by_reading=False)
    assert false_alarm_rate(mewma) == pytest.approx(1 / 500)
    assert false_alarm_rate(ChartDefinition(ChartKind.G, BEYOND)) == pytest.approx(0.0027, abs=1e-5)
    for kind in ChartKind:
        if kind in (ChartKind.T2, ChartKind.MEWMA):
            continue
        definition = ChartDefinition(kind, BEYOND, by_reading=False, subgroup_size=4)
        assert 0.0 < false_alarm_rate(definition) < 0.1
        assert alarm_rate_of(definition, center=0.3).total > 0.0


def test_group_chart_shows_the_largest_and_the_smallest_mean_before_there_are_limits() -> None:
    data = SubgroupData((1.0, 2.0, 4.0, 6.0), labels=("a", "a", "b", "c"))
    shown = statistic_of(ChartKind.GROUP, data)
    assert (shown.statistic, shown.dispersion, shown.size) == (6.0, 1.5, 4.0)
