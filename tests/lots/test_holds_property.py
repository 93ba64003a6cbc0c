"""A hold reaches everything made from what it names, and nothing else: against a walk in plain Python (I7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lots.actions.place_hold import HeldExtent, place_hold
from lots.genealogy import DEEPEST, trace
from lots.models import GateDecision, GenealogyLink, Hold, Lot, MaterialDefinition, Movement
from lots.queries import active_holds
from quality.containment import recount
from tests.support.builders import Plant, make_plant

LENGTH = 1_000


@dataclass(frozen=True)
class Edge:
    """What of a parent went into a child: child = offset + scale · parent ± uncertainty, in millimetres."""

    parent: int
    child: int
    interval: tuple[int, int] | None
    offset: int
    scale: Decimal
    uncertainty: int
    voided: bool


@dataclass(frozen=True)
class Graph:
    """Lots 0..n-1, of which `rolls` have a length; edges go from lower to higher numbers."""

    rolls: tuple[bool, ...]
    edges: tuple[Edge, ...]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Genealogies of up to 9 lots with diamonds, several links between the same two, and flipped rolls."""
    number = draw(st.integers(2, 9))
    rolls = tuple(draw(st.lists(st.booleans(), min_size=number, max_size=number)))
    edges = []
    for _ in range(draw(st.integers(1, 14))):
        child = draw(st.integers(1, number - 1))
        parent = draw(st.integers(0, child - 1))
        interval = None
        if rolls[parent] and draw(st.booleans()):
            low = draw(st.integers(0, LENGTH - 1))
            interval = (low, draw(st.integers(low + 1, LENGTH)))
        edges.append(
            Edge(
                parent,
                child,
                interval,
                draw(st.integers(-300, 1_500)),
                Decimal(draw(st.sampled_from(["1", "-1", "1.05", "0.5", "3"]))),
                draw(st.sampled_from([0, 0, 5, 100])),
                draw(st.integers(0, 9)) == 0,
            )
        )
    return Graph(rolls, _taken_once(edges))


def _taken_once(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Drop what takes a metre again: the database refuses it."""
    kept: list[Edge] = []
    for edge in edges:
        clash = any(
            other.parent == edge.parent
            and other.interval
            and edge.interval
            and other.interval[0] < edge.interval[1]
            and edge.interval[0] < other.interval[1]
            for other in kept
        )
        if not clash:
            kept.append(edge)
    return tuple(kept)


def build(plant: Plant, graph: Graph) -> list[Lot]:
    material = MaterialDefinition.objects.get(code="T-RAW")
    now = timezone.now()
    lots = Lot.objects.bulk_create(
        Lot(
            site=plant.site,
            code=plant.code("G"),
            material=material,
            quantity=100,
            length_mm=LENGTH if roll else None,
            created_at=now,
            created_by=plant.operator,
        )
        for roll in graph.rolls
    )
    for edge in graph.edges:
        parent = lots[edge.parent]
        ticket = GateDecision.objects.create(lot=parent, purpose="consume", passed=True, decided_at=now)
        movement = Movement.objects.create(
            lot=parent, kind="consume", gate_decision=ticket, moved_by=plant.operator, moved_at=now
        )
        low, high = edge.interval or (None, None)
        link = GenealogyLink.objects.create(
            parent=parent,
            child=lots[edge.child],
            kind="consume",
            movement=movement,
            quantity=1,
            unit="kg",
            parent_from_mm=low,
            parent_to_mm=high,
            child_offset_mm=edge.offset,
            scale=edge.scale,
            uncertainty_mm=edge.uncertainty,
            linked_at=now,
        )
        if edge.voided:
            link.voided_at, link.voided_by, link.void_reason = now, plant.operator, "wrong lot"
            link.save(update_fields=["voided_at", "voided_by", "void_reason"])
    return lots


Extent = tuple[int, tuple[int, int] | None]


def walk(graph: Graph, start: Iterable[Extent]) -> set[int]:
    """Lots reached from the extents, held interval by held interval."""
    seen: set[Extent] = set()
    waiting = list(start)
    while waiting:
        lot, held = extent = waiting.pop()
        if extent in seen:
            continue
        seen.add(extent)
        for edge in graph.edges:
            if edge.parent != lot or edge.voided:
                continue
            if held is None or edge.interval is None:
                waiting.append((edge.child, None))
                continue
            low, high = max(0, edge.interval[0] - edge.uncertainty), edge.interval[1] + edge.uncertainty
            if held[0] < high and low < held[1]:
                waiting.append((edge.child, mapped(edge, held) if graph.rolls[edge.child] else None))
    return {lot for lot, _ in seen}


def mapped(edge: Edge, held: tuple[int, int]) -> tuple[int, int] | None:
    """Where on the child the held metres are, as wide as the uncertainty; None where that is not on the roll."""
    assert edge.interval is not None
    ends = sorted(
        edge.offset + edge.scale * at
        for at in (max(held[0], edge.interval[0]), min(held[1], edge.interval[1]))
    )
    low = max(0, int(ends[0].to_integral_value(ROUND_FLOOR)) - edge.uncertainty)
    high = int(ends[1].to_integral_value(ROUND_CEILING)) + edge.uncertainty
    return (low, high) if low < min(high, LENGTH) else None


def reachable(graph: Graph, start: int, *, forward: bool) -> dict[int, int]:
    """Lot → shortest distance, over voided links too."""
    near: dict[int, set[int]] = defaultdict(set)
    for edge in graph.edges:
        a, b = (edge.parent, edge.child) if forward else (edge.child, edge.parent)
        near[a].add(b)
    distance, level = {start: 0}, {start}
    while level:
        level = {far for lot in level for far in near[lot]} - distance.keys()
        distance |= dict.fromkeys(level, max(distance.values()) + 1)
    return distance


EXAMPLES = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def plant(db: None) -> Plant:
    return make_plant()


@contextmanager
def undone() -> Iterator[None]:
    """Leave nothing behind: the plant serves every example."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=50)
@given(graph=graphs(), data=st.data())
def test_every_lot_reached_is_held_and_none_else(plant: Plant, graph: Graph, data: st.DataObject) -> None:
    start: list[Extent] = []
    for root in data.draw(
        st.lists(st.integers(0, len(graph.rolls) - 1), min_size=1, max_size=2, unique=True)
    ):
        interval = None
        if graph.rolls[root] and data.draw(st.booleans()):
            low = data.draw(st.integers(0, LENGTH - 1))
            interval = (low, data.draw(st.integers(low + 1, LENGTH)))
        start.append((root, interval))
    with undone():
        lots = build(plant, graph)
        hold = place_hold(
            site=plant.site,
            source=Hold.Source.MANUAL,
            reason="property",
            extents=[HeldExtent(lots[lot].pk, *(interval or (None, None))) for lot, interval in start],
            placed_at=timezone.now(),
        )
        expected = {lots[lot].pk for lot in walk(graph, start)}
        assert set(hold.members.values_list("lot_id", flat=True)) == expected
        counted = recount(hold)
        assert counted.agrees
        assert counted.reached == expected


@settings(EXAMPLES, max_examples=25)
@given(graph=graphs(), forward=st.booleans(), data=st.data())
def test_trace_finds_what_the_walk_finds(
    plant: Plant, graph: Graph, forward: bool, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(graph.rolls) - 1))
    with undone():
        lots = build(plant, graph)
        expected = {lots[lot].pk: depth for lot, depth in reachable(graph, start, forward=forward).items()}
        found = trace(lots[start].pk, forward=forward)
        assert {node.lot_id: node.depth for node in found.nodes} == expected
        assert not found.truncated
        pairs = {(lots[edge.parent].pk, lots[edge.child].pk) for edge in graph.edges}
        assert {(link.parent_id, link.child_id) for link in found.links} == {
            (parent, child) for parent, child in pairs if parent in expected and child in expected
        }


def chain(length: int) -> Graph:
    edges = (Edge(n, n + 1, None, 0, Decimal(1), 0, False) for n in range(length))
    return Graph((False,) * (length + 1), tuple(edges))


@pytest.mark.django_db
def test_a_trace_that_stops_at_its_limit_says_so() -> None:
    lots = build(make_plant(), chain(6))
    for limit, truncated in ((6, True), (7, False)):
        found = trace(lots[0].pk, forward=True, limit=limit)
        assert (len(found.nodes), found.truncated) == (limit, truncated)


@pytest.mark.django_db
def test_a_genealogy_deeper_than_a_trace_goes_is_truncated_aloud_and_held_whole() -> None:
    plant = make_plant()
    lots = build(plant, chain(DEEPEST + 6))
    assert trace(lots[0].pk, forward=True).truncated
    assert not trace(lots[8].pk, forward=True).truncated
    place_hold(
        site=plant.site,
        source=Hold.Source.MANUAL,
        reason="deep",
        extents=[HeldExtent(lots[0].pk)],
        placed_at=timezone.now(),
    )
    assert active_holds([lot.pk for lot in lots]).count() == len(lots)


@pytest.mark.django_db
def test_a_hold_on_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one lot"):
        place_hold(
            site=make_plant().site,
            source=Hold.Source.MANUAL,
            reason="x",
            extents=[],
            placed_at=timezone.now(),
        )
