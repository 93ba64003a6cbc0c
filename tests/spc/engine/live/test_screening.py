"""Every kind of chart that a plan may choose has its phase 1 screened, by the chart that says which points are out."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from spc.engine import MISSING_POINT, Panel, SubgroupData, TooFewReadingsError
from spc.engine.kinds import ChartKind
from spc.engine.live import ChartDefinition, Screened, estimate, screen, traits
from spc.engine.multivariate import t_squared_individuals

ODD = 17
SIZED = {ChartKind.P, ChartKind.NP, ChartKind.U, ChartKind.LANEY_P, ChartKind.LANEY_U}
SINGLE = {
    ChartKind.IMR,
    ChartKind.SHORT_RUN,
    ChartKind.TREND,
    ChartKind.RESIDUAL,
    ChartKind.MOVING_CENTER,
    ChartKind.G,
    ChartKind.T,
}
PARAMETERS = {
    ChartKind.ACCEPTANCE: "lsl=40 usl=60",
    ChartKind.T2: "variables=A,B,C",
    ChartKind.MEWMA: "variables=A,B,C",
}
LABELS = ("A", "B", "C")


def definition_of(kind: ChartKind) -> ChartDefinition:
    by_reading = kind in SINGLE | SIZED | {ChartKind.C}
    return ChartDefinition(
        kind, (), PARAMETERS.get(kind, ""), by_reading=by_reading, subgroup_size=1 if by_reading else 3
    )


def phase1(kind: ChartKind, *, odd: bool) -> list[SubgroupData]:
    """Forty points of a stable process, and one that is not of it."""
    chance = np.random.default_rng(41)
    if traits(kind).rare:
        return _rare(chance, odd=odd)
    if kind in SIZED or kind is ChartKind.C:
        counts = chance.poisson(25.0, 40).astype(float)
        if odd:
            counts[ODD] = 90.0
        return [SubgroupData((count,), 500.0 if kind in SIZED else None) for count in counts.tolist()]
    labels = ("A",) if kind in SINGLE else LABELS
    table = 50.0 + chance.uniform(-1.5, 1.5, (40, len(labels)))
    if odd:
        table[ODD] += 14.0
    return [SubgroupData(tuple(row), labels=labels) for row in table.tolist()]


def _rare(chance: np.random.Generator, *, odd: bool) -> list[SubgroupData]:
    """About thirty units between two events; the odd one comes after 400."""
    gaps = chance.geometric(1 / 30, 20).tolist()
    if odd:
        gaps[10] = 400
    flags = [1.0] + [flag for gap in gaps for flag in [0.0] * gap + [1.0]]
    return [SubgroupData((flag,), at=3600.0 * i) for i, flag in enumerate(flags)]


def screened(kind: ChartKind, *, odd: bool) -> tuple[Screened, list[SubgroupData]]:
    data = phase1(kind, odd=odd)
    return screen(definition_of(kind), data), data


@pytest.mark.parametrize("kind", list(ChartKind))
def test_point_that_is_not_of_the_process_is_suggested_and_taken_out_of_the_estimate(kind: ChartKind) -> None:
    found, data = screened(kind, odd=True)
    removed = frozenset(one.index for one in found.trail)
    if traits(kind).rare:
        events = [index for index, row in enumerate(data) if row.values[0]]
        _, long = max(pairwise(events), key=lambda pair: pair[1] - pair[0])
        assert long in removed and found.passes == 1
    else:
        assert ODD in removed and len(removed) <= 2
        assert found.passes == max(one.iteration for one in found.trail) + 1
    assert found.fit == estimate(definition_of(kind), data, excluded=removed)
    first = found.trail[0]
    assert first.value > first.ucl if not math.isnan(first.ucl) else first.value < first.lcl


@pytest.mark.parametrize("kind", sorted(set(ChartKind) - {ChartKind.G, ChartKind.T}))
def test_stable_phase_1_has_no_suggestions(kind: ChartKind) -> None:
    found, data = screened(kind, odd=False)
    assert found.trail == () and found.passes == 1
    assert found.fit == estimate(definition_of(kind), data)


def test_t_squared_of_phase_1_is_held_against_the_beta_limit() -> None:
    rows = np.random.default_rng(6).normal(0.0, 1.0, (12, 2))
    rows[5] += 9.0
    limits = t_squared_individuals(rows)
    statistic = float(limits.t_squared(rows[5])[0])
    assert limits.ucl < statistic < limits.upl  # the limit of new points would not have found it
    definition = ChartDefinition(ChartKind.T2, (), "variables=a,b", by_reading=False, subgroup_size=1)
    found = screen(definition, [SubgroupData(tuple(row), labels=("a", "b")) for row in rows.tolist()])
    first = found.trail[0]
    assert (first.index, first.panel) == (5, Panel.LOCATION)
    assert (first.value, first.ucl) == pytest.approx((statistic, limits.ucl), rel=1e-10)


def test_gaps_keep_their_place_and_a_moving_range_removes_nobody() -> None:
    data = phase1(ChartKind.MOVING_CENTER, odd=True)
    data[3] = MISSING_POINT
    found = screen(definition_of(ChartKind.MOVING_CENTER), [MISSING_POINT, *data])
    assert [one.index for one in found.trail][:1] == [ODD + 1]
    assert {one.panel for one in found.trail} == {Panel.LOCATION}


def test_ewma_whose_subgroups_differ_is_screened_by_the_moving_range_of_their_means() -> None:
    chance = np.random.default_rng(3)
    table = chance.normal(50.0, 2.0, (40, 1)) + chance.normal(0.0, 0.1, (40, 3))
    table[ODD] += 20.0
    data = [SubgroupData(tuple(row)) for row in table.tolist()]
    definition = ChartDefinition(ChartKind.EWMA, (), "sigma=moving_range", by_reading=False, subgroup_size=3)
    assert [one.index for one in screen(definition, data).trail] == [ODD]
    within = screen(ChartDefinition(ChartKind.EWMA, (), "", by_reading=False, subgroup_size=3), data)
    assert len(within.trail) > 20  # sigma within flags most of them


def test_point_that_is_all_the_spread_there_is_stays() -> None:
    data = [SubgroupData((65.0,))] * 10 + [SubgroupData((65.3,))]
    found = screen(definition_of(ChartKind.MOVING_CENTER), data)
    assert found.trail == ()
    ewma = screen(ChartDefinition(ChartKind.EWMA, (), ""), data)
    assert ewma.trail == () and ewma.fit == estimate(ChartDefinition(ChartKind.EWMA, (), ""), data)


def test_too_few_points_are_refused_in_words() -> None:
    with pytest.raises(TooFewReadingsError):
        screen(definition_of(ChartKind.CUSUM), [SubgroupData((1.0,))])
