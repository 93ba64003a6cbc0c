"""Any sequence of making, splitting, merging, consuming, holding, releasing, reporting and correcting (I5, I7).

A model in plain Python goes along; after every step the database must agree with it: material is conserved, no metre is
taken twice, everything made from held material is held, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from lots.actions.correct import Correction
from lots.actions.place_hold import HeldExtent
from lots.models import GenealogyLink, Hold, HoldLot, Lot, Measurement, Supersession
from lots.queries import active_holds, current_measurements
from mes import pipeline
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.produce import NewLot, produce_lots
from quality.actions.report_movement import report_production
from quality.actions.taking import Input, ProductionRefused
from quality.containment import recount
from tests.support.builders import Plant, make_plant, publish
from tests.support.worked import mixing_lot, release

LENGTH = 1_000
Interval = tuple[int, int] | None
INTERVALS = st.none() | st.tuples(st.integers(0, LENGTH - 1), st.integers(1, LENGTH)).map(
    lambda ends: (min(ends), max(ends) if ends[0] != ends[1] else min(ends) + 1)
)


@dataclass
class Modelled:
    """A lot as the model knows it; `held` are the open extents of each hold."""

    lot: Lot
    quantity: Decimal
    used: Decimal = Decimal(0)
    taken: list[Interval] = field(default_factory=list)
    held: dict[int, list[Interval]] = field(default_factory=dict)
    children: list[tuple[Modelled, Interval]] = field(default_factory=list)

    def holds(self, place: Interval) -> set[int]:
        return {hold for hold, extents in self.held.items() if any(_meet(e, place) for e in extents)}


def _meet(one: Interval, other: Interval) -> bool:
    return one is None or other is None or (one[0] < other[1] and other[0] < one[1])


class MaterialMachine(RuleBasedStateMachine):
    """`plant` is set by the test; every example is rolled back."""

    plant: Plant
    ran = 0
    lots: Bundle[Modelled] = Bundle("lots")

    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        self.undo.enter_context(transaction.atomic())
        self.all: list[Modelled] = []

    def teardown(self) -> None:
        type(self).ran += 1
        transaction.set_rollback(True)
        self.undo.close()

    def _add(self, lot: Lot) -> Modelled:
        modelled = Modelled(lot, lot.quantity)
        self.all.append(modelled)
        return modelled

    # --- what people do ------------------------------------------------------------------------------
    @rule(target=lots, roll=st.booleans(), quantity=st.integers(1, 20))
    def receive(self, roll: bool, quantity: int) -> Modelled:
        return self._add(self.plant.lot("T-RAW", quantity=quantity, length_mm=LENGTH if roll else None))

    @rule(target=lots, parent=lots, quantity=st.integers(1, 8), place=INTERVALS, split=st.booleans())
    def take(self, parent: Modelled, quantity: int, place: Interval, split: bool) -> object:
        kind = GenealogyLink.Kind.SPLIT if split else GenealogyLink.Kind.CONSUME
        return self._make([(parent, quantity, self._on(parent, place))], kind, self._produce)

    @rule(target=lots, one=lots, other=lots, quantity=st.integers(1, 8))
    def merge(self, one: Modelled, other: Modelled, quantity: int) -> object:
        parents = [
            (parent, quantity, None) for parent in ({one.lot.pk: one} | {other.lot.pk: other}).values()
        ]
        return self._make(parents, GenealogyLink.Kind.MERGE, self._produce)

    @rule(target=lots, parent=lots, quantity=st.integers(1, 8), place=INTERVALS)
    def report(self, parent: Modelled, quantity: int, place: Interval) -> object:
        return self._make(
            [(parent, quantity, self._on(parent, place))], GenealogyLink.Kind.CONSUME, self._report
        )

    @rule(lot=lots, place=INTERVALS)
    def hold(self, lot: Modelled, place: Interval) -> None:
        place = self._on(lot, place)
        extent = HeldExtent(lot.lot.pk, *(place or (None, None)))
        placed = hold_by_hand(
            [extent], site=self.plant.site, reason="model", user=self.plant.operator, now=timezone.now()
        )
        self._spread(lot, placed.pk, place)
        assert recount(placed).agrees

    @rule(lot=lots)
    def let_go(self, lot: Modelled) -> None:
        """A disposition closes the holds of this lot and of no other."""
        if lot.held:
            release(self.plant, lot.lot)
            lot.held.clear()

    @rule(first=st.sampled_from(["64.5", "65.0"]), then=st.sampled_from(["65.5", "66.0"]))
    def correct(self, first: str, then: str) -> None:
        """A correction supersedes and lifts nothing."""
        lot = mixing_lot(self.plant)
        self._add(lot)
        self.plant.submit([self.plant.reading("mixing.solids_pct", first, lot)])
        held_before = HoldLot.objects.filter(disposition_id__isnull=True).count()
        row = current_measurements(Measurement.objects.filter(lot_id=lot.pk))
        old = row.select_related("site", "characteristic", "gauge", "zone", "equipment", "execution").get()
        pipeline.correct(
            Correction(old=old, reason="model", value=then),
            key=self.plant.code("model"),
            source=self.plant.source,
            user=self.plant.operator,
            now=timezone.now(),
        )
        assert Supersession.objects.get(old_id=old.id).new_id == row.get().id
        assert row.get().value == Decimal(then)
        assert HoldLot.objects.filter(disposition_id__isnull=True).count() == held_before

    # --- how the model follows -----------------------------------------------------------------------
    def _on(self, lot: Modelled, place: Interval) -> Interval:
        return place if lot.lot.length_mm else None

    def _make(
        self,
        parents: list[tuple[Modelled, int, Interval]],
        kind: GenealogyLink.Kind,
        deed: Callable[[NewLot], Lot],
    ) -> object:
        inputs = tuple(
            Input(
                parent=parent.lot.code,
                quantity=Decimal(quantity),
                kind=kind,
                from_mm=place[0] if place else None,
                to_mm=place[1] if place else None,
            )
            for parent, quantity, place in parents
        )
        spec = NewLot(code=self.plant.code("M"), material="T-RAW", quantity=Decimal(5), inputs=inputs)
        enough = all(parent.used + quantity <= parent.quantity for parent, quantity, _ in parents)
        free = not any(
            place is not None and any(taken is not None and _meet(taken, place) for taken in parent.taken)
            for parent, _, place in parents
        )
        held = any(parent.holds(place) for parent, _, place in parents)
        touched = any(parent.held for parent, _, _ in parents)
        reported = deed == self._report
        try:
            child = self._add(deed(spec))
        except GateRefused:
            assert not reported and (touched or not enough), "refused although nothing was held"
            return multiple()
        except ProductionRefused:
            assert not enough or not free
            return multiple()
        assert enough and free, "material from nothing"
        assert reported or not held, "held material moved"
        for parent, quantity, place in parents:
            parent.used += quantity
            parent.taken.append(place)
            parent.children.append((child, place))
            for hold in parent.holds(place):
                child.held[hold] = [None]
        if reported:
            own = active_holds([child.lot.pk]).filter(hold__source=Hold.Source.UNAUTHORISED).latest("hold")
            child.held[own.hold_id] = [None]
        return child

    def _produce(self, spec: NewLot) -> Lot:
        (lot,) = produce_lots([spec], site=self.plant.site, user=self.plant.operator, now=timezone.now())
        return lot

    def _report(self, spec: NewLot) -> Lot:
        done = report_production(
            [spec], reason="model", site=self.plant.site, user=self.plant.operator, now=timezone.now()
        )
        return done.lots[0]

    def _spread(self, lot: Modelled, hold: int, place: Interval) -> None:
        if place in lot.held.get(hold, []):
            return
        lot.held.setdefault(hold, []).append(place)
        for child, taken in lot.children:
            if _meet(taken, place):
                self._spread(child, hold, None)

    # --- what must hold after every step -------------------------------------------------------------
    @invariant()
    def database_agrees_about_holds(self) -> None:
        found: dict[int, set[int]] = {}
        for lot_id, hold_id in active_holds([m.lot.pk for m in self.all]).values_list("lot_id", "hold_id"):
            found.setdefault(lot_id, set()).add(hold_id)
        assert found == {m.lot.pk: set(m.held) for m in self.all if m.held}

    @invariant()
    def material_is_conserved(self) -> None:
        links = GenealogyLink.objects.filter(parent__in=[m.lot.pk for m in self.all])
        used = dict(links.values_list("parent_id").annotate(total=Sum("quantity")).order_by())
        assert used == {m.lot.pk: m.used for m in self.all if m.used}
        assert all(total <= m.quantity for m in self.all if (total := used.get(m.lot.pk)) is not None)
        states = dict(Lot.objects.filter(pk__in=[m.lot.pk for m in self.all]).values_list("pk", "state"))
        for m in self.all:
            assert (states[m.lot.pk] == Lot.State.CONSUMED) == (m.used == m.quantity)


@pytest.mark.slow
@pytest.mark.django_db
def test_any_sequence_conserves_material_and_closes_holds() -> None:
    plant = make_plant()
    publish(plant)
    machine = type("Machine", (MaterialMachine,), {"plant": plant})
    examples = int(os.environ.get("HALITE_MACHINE_EXAMPLES", "25"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert machine.ran >= examples
