"""A reading of a zone's air that comes late, or is corrected, changes the dose of what lay open in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.correct import Correction
from lots.models import Lot, Measurement, Supersession, Zone
from lots.queries import active_holds, valid_measurements
from mes import pipeline
from quality.actions.produce import NewLot, produce_lots
from quality.actions.run_step import start_step
from quality.actions.taking import Input
from quality.blockers import Code
from quality.gates import can_leave
from quality.models import Judgement
from tests.support.builders import Plant, add_line, make_plant, publish, specify

pytestmark = pytest.mark.django_db
FROST, AIR, DOSE = "dry_room.frost_point_c", "dry_room.air_temperature_c", "dry_room.dose_g_h_m3"
HALF_HOUR_AT_40 = 0.04745  # g.h/m3: 0.09489 g/m3 at -40 Cel (Sonntag 1990) for half an hour


@dataclass
class Room:
    """A plant with one zone, and the half hour in which a roll lies open in it."""

    plant: Plant
    zone: Zone
    opened_at: datetime

    def log(self, minutes: Iterable[float], frost_c: float) -> pipeline.Answer:
        at = [self.opened_at + timedelta(minutes=minute) for minute in minutes]
        readings = [
            self.plant.reading(code, value, zone=self.zone.code, measured_at=when)
            for when in at
            for code, value in ((FROST, frost_c), (AIR, 20.0))
        ]
        return self.plant.submit(readings)

    def stage(self) -> Lot:
        """A roll that lay open from minute 0 to 30 and has finished the step."""
        roll = self.plant.lot("T-SLIT", quantity=100, length_mm=100_000, lanes=1)
        start_step(
            [roll],
            "dry_room",
            user=self.plant.operator,
            equipment=None,
            now=timezone.now(),
            at=self.opened_at,
        )
        closed_at = self.opened_at + timedelta(minutes=30)
        pipeline.open_container(
            roll, self.zone, user=self.plant.operator, now=timezone.now(), at=self.opened_at
        )
        pipeline.close_container(roll, user=self.plant.operator, at=closed_at)
        execution = roll.executions.get()
        pipeline.finish_step(execution, self.plant.envelope([]), now=timezone.now(), at=closed_at)
        return roll


@pytest.fixture
def room() -> Room:
    plant = make_plant()
    add_line(plant, DOSE)
    publish(plant)
    specify(plant, DOSE, usl="0.1")
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Dry room")
    return Room(plant, zone, timezone.now() - timedelta(hours=2))


def doses(lot: Lot) -> list[float]:
    rows = valid_measurements([lot.pk]).filter(characteristic__code=DOSE)
    return [float(row.value) for row in rows]


def test_late_reading_supersedes_the_dose_judges_it_and_holds_what_was_made(room: Room) -> None:
    room.log(range(-4, 35, 2), -40.0)
    roll = room.stage()
    assert doses(roll) == [pytest.approx(HALF_HOUR_AT_40, abs=5e-5)]
    child = produce_lots(
        [
            NewLot(
                code="CHILD",
                material="T-CELL",
                work_order=room.plant.order.code,
                inputs=(Input(roll.code, Decimal(1)),),
            )
        ],
        site=room.plant.site,
        user=room.plant.operator,
        now=timezone.now(),
    )[0]
    answer = room.log([9, 11, 13, 15], -15.0)  # a second sensor's packet, an hour late
    (dose,) = doses(roll)
    assert dose > 0.1
    assert answer.body["superseded"] == 1
    assert [v["characteristic"] for v in answer.body["violations"]] == [DOSE]
    assert [member.lot_id for member in active_holds([roll.pk])] == [roll.pk]
    assert active_holds([child.pk]).get().inherited_from_id == roll.pk
    old = Supersession.objects.get()
    assert old.reason == "its inputs changed"
    verdicts = Judgement.objects.filter(lot_id=roll.pk).order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["conforms", "violates"]


def test_late_reading_completes_a_dose_that_was_unknown(room: Room) -> None:
    room.log([-2, 0, 2, 4], -40.0)
    roll = room.stage()
    assert doses(roll) == []
    room.log(range(6, 31, 2), -40.0)
    assert doses(roll) == [pytest.approx(HALF_HOUR_AT_40, abs=5e-5)]


def test_corrected_frost_point_recomputes_and_its_hold_stays(room: Room) -> None:
    room.log(range(-4, 35, 2), -40.0)
    room.log([10], -5.0)
    wrong = Measurement.objects.get(characteristic__code=FROST, value=-5)
    roll = room.stage()
    assert doses(roll)[0] > 0.1
    (hold,) = active_holds([roll.pk])

    correct(room, wrong, "-40.5")
    assert doses(roll) == [pytest.approx(HALF_HOUR_AT_40, abs=5e-5)]
    assert [member.pk for member in active_holds([roll.pk])] == [hold.pk]


def test_withdrawn_reading_that_leaves_a_gap_withdraws_the_dose(room: Room) -> None:
    room.log([-2, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30], -40.0)
    roll = room.stage()
    at = room.opened_at + timedelta(minutes=12)
    row = Measurement.objects.get(characteristic__code=FROST, measured_at=at)
    assert len(doses(roll)) == 1
    correct(room, row, None)
    assert doses(roll) == []  # from 9 to 15 min nothing is known: unknown, never zero


def test_dose_withdrawn_after_the_roll_was_used_holds_what_was_made(room: Room) -> None:
    room.log([-2, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30], -40.0)
    roll, unused = room.stage(), room.stage()
    cell, other = (room.plant.lot("T-CELL", inputs=[Input(roll.code, Decimal(1))]) for _ in range(2))
    at = room.opened_at + timedelta(minutes=12)
    row = Measurement.objects.get(characteristic__code=FROST, measured_at=at)
    correct(room, row, None)
    held = {member.lot_id: member for member in active_holds([roll.pk, unused.pk, cell.pk, other.pk])}
    assert held.keys() == {roll.pk, cell.pk, other.pk}  # an unused roll is stopped by its own gate
    assert {member.inherited_from_id for member in held.values()} == {None, roll.pk}
    assert held[cell.pk].hold.reason.startswith("withdrawn after the lot was used: ")
    assert Code.HELD in {blocker.code for blocker in can_leave(cell, now=timezone.now())}
    assert Code.MISSING in {blocker.code for blocker in can_leave(unused, now=timezone.now())}


@pytest.mark.parametrize(
    ("minutes", "frost_c"),
    [([31.0, 33.0], -5.0), ([45.0], -5.0), ([-20.0], -5.0), ([10.0], -40.0)],
    ids=["after it was closed", "long after", "long before", "drier than the sensor above it"],
)
def test_reading_that_says_nothing_of_the_exposure_changes_nothing(
    room: Room, minutes: list[float], frost_c: float
) -> None:
    room.log(range(-4, 31, 2), -40.0)
    roll = room.stage()
    before = doses(roll)
    assert room.log(minutes, frost_c).body["superseded"] == 0
    assert doses(roll) == before


def correct(room: Room, row: Measurement, value: str | None) -> None:
    pipeline.correct(
        Correction(row, "sensor was touched", value),
        key=f"correct-{row.pk}",
        source=room.plant.source,
        user=room.plant.operator,
        now=timezone.now(),
    )
