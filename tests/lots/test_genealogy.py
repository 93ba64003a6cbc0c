"""Traces keep their place on the rolls: intervals through slits, flips and elongation, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lots.genealogy import count_reached, trace
from lots.models import GenealogyLink, Lot
from quality.actions.taking import Input
from tests.support.builders import Plant, make_plant

SPLIT = GenealogyLink.Kind.SPLIT


@pytest.fixture
def plant(db: None) -> Plant:
    return make_plant()


def by_lot(lot: Lot, **options: object) -> dict[int, tuple[tuple[int, int], ...]]:
    return {node.lot_id: node.intervals_mm for node in trace(lot.pk, **options).nodes}  # type: ignore[arg-type]


def made(plant: Plant, inputs: Sequence[Input] = (), length_mm: int | None = None) -> Lot:
    """Lots of raw material: it runs no steps, so every gate is open."""
    return plant.lot(
        "T-RAW", inputs=inputs, length_mm=length_mm, lanes=2 if length_mm else None, quantity=1_000
    )


def roll(plant: Plant, length_mm: int = 100_000) -> Lot:
    return made(plant, length_mm=length_mm)


def slit(plant: Plant, parent: Lot, from_mm: int, to_mm: int, lane: int = 1, **fields: object) -> Lot:
    item = Input(
        parent.code,
        Decimal(to_mm - from_mm) / 2000,
        SPLIT,
        from_mm=from_mm,
        to_mm=to_mm,
        lane_from=lane,
        lane_to=lane,
        child_offset_mm=-from_mm,
        **fields,  # type: ignore[arg-type]
    )
    return made(plant, [item], length_mm=to_mm - from_mm)


def cell(plant: Plant, parent: Lot, from_mm: int, to_mm: int, **fields: object) -> Lot:
    item = Input(parent.code, Decimal("0.1"), from_mm=from_mm, to_mm=to_mm, **fields)  # type: ignore[arg-type]
    return made(plant, [item])


def test_an_interval_of_a_roll_reaches_the_cells_cut_from_it_and_no_others(plant: Plant) -> None:
    mother = roll(plant)
    daughter = slit(plant, mother, 20_000, 60_000)
    cells = [cell(plant, daughter, start, end) for start, end in pairwise(range(0, 40_001, 10_000))]
    reached = by_lot(mother, forward=True, from_mm=35_000, to_mm=45_000)
    assert reached[daughter.pk] == ((15_000, 25_000),)
    assert {c.pk for c in cells} & reached.keys() == {cells[1].pk, cells[2].pk}
    assert count_reached(mother.pk, forward=True, from_mm=35_000, to_mm=45_000) == 3
    assert count_reached(mother.pk, forward=True) == 5


def test_a_cell_resolves_to_the_metres_of_every_ancestor(plant: Plant) -> None:
    mother = roll(plant)
    daughter = slit(plant, mother, 20_000, 60_000)
    cut = cell(plant, daughter, 10_000, 12_000, uncertainty_mm=50)
    reached = by_lot(cut, forward=False)
    assert reached[daughter.pk] == ((9_950, 12_050),)
    assert reached[mother.pk] == ((29_950, 32_050),)


def test_uncertainty_reaches_no_further_than_the_ends_of_a_roll(plant: Plant) -> None:
    mother = roll(plant)
    daughter = slit(plant, mother, 60_000, 100_000, uncertainty_mm=300)
    last = cell(plant, daughter, 39_000, 40_000, uncertainty_mm=50)
    assert by_lot(last, forward=False)[daughter.pk] == ((38_950, 40_000),)
    assert by_lot(last, forward=False)[mother.pk] == ((98_650, 100_000),)


def test_a_rewound_and_stretched_roll_flips_and_scales(plant: Plant) -> None:
    mother = roll(plant, 10_000)
    # Rewound from its end and two per cent longer: child = 10200 - 1.02 parent.
    item = Input(
        mother.code,
        Decimal(10),
        SPLIT,
        from_mm=0,
        to_mm=10_000,
        child_offset_mm=10_200,
        scale=Decimal("-1.02"),
    )
    rewound = made(plant, [item], length_mm=10_200)
    assert by_lot(mother, forward=True, from_mm=0, to_mm=1_000)[rewound.pk] == ((9_180, 10_200),)
    cut = cell(plant, rewound, 9_180, 10_200)
    assert by_lot(cut, forward=False)[mother.pk] == ((0, 1_000),)


def test_two_ways_to_a_roll_give_two_stretches_of_one_node(plant: Plant) -> None:
    mother = roll(plant)
    left, right = slit(plant, mother, 0, 40_000), slit(plant, mother, 60_000, 100_000)
    inputs = [
        Input(left.code, Decimal("0.1"), from_mm=0, to_mm=1_000),
        Input(right.code, Decimal("0.1"), from_mm=0, to_mm=1_000),
    ]
    cell_lot = made(plant, inputs)
    nodes = [node for node in trace(cell_lot.pk, forward=False).nodes if node.lot_id == mother.pk]
    assert [node.intervals_mm for node in nodes] == [((0, 1_000), (60_000, 61_000))]


def test_a_link_without_an_interval_counts_whole(plant: Plant) -> None:
    slurry = made(plant)
    mother = made(plant, [Input(slurry.code, Decimal(1))], length_mm=50_000)
    assert by_lot(mother, forward=False)[slurry.pk] == ()


def test_a_page_says_that_there_is_more(plant: Plant) -> None:
    mother = roll(plant)
    for start in range(0, 5_000, 1_000):
        slit(plant, mother, start, start + 1_000)
    found = trace(mother.pk, forward=True, limit=3)
    assert found.truncated and len(found.nodes) == 3
    assert not trace(mother.pk, forward=True, limit=6).truncated


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 60_000),
    length=st.integers(2_000, 40_000),
    inner=st.integers(0, 1_000),
    uncertainty=st.integers(0, 200),
    flip=st.booleans(),
)
def test_there_and_back_always_covers_where_it_began(
    plant: Plant, start: int, length: int, inner: int, uncertainty: int, flip: bool
) -> None:
    mother = roll(plant)
    item = Input(
        mother.code,
        Decimal(length) / 1000,
        SPLIT,
        from_mm=start,
        to_mm=start + length,
        child_offset_mm=start + length if flip else -start,
        scale=Decimal(-1 if flip else 1),
        uncertainty_mm=uncertainty,
    )
    daughter = made(plant, [item], length_mm=length)
    cut = cell(plant, daughter, inner, inner + 500)
    (low, high), *others = by_lot(cut, forward=False)[mother.pk]
    assert not others and high - low <= 500 + 2 * uncertainty + 2 * uncertainty
    # What the cell came from, looked at from the mother, holds the cell again.
    assert cut.pk in by_lot(mother, forward=True, from_mm=low, to_mm=high)
