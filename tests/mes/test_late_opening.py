"""A container whose opening is told afterwards bears what the zone's air was known to be since (see test_late_air)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.models import Lot, OpenInterval, Zone
from lots.queries import active_holds
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.taking import Input
from quality.models import HumiditySpike, ReactionFiring
from spc.models import Chart
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish, specify
from tests.support.worked import evaluate_all, release

pytestmark = pytest.mark.django_db
FROST = "dry_room.frost_point_c"


class Room:
    """A plant with a dry room, and minutes of the last hour."""

    def __init__(self, **chart: object) -> None:
        self.plant: Plant = make_plant()
        if chart:
            add_chart(self.plant, FROST, stratify="", **chart)
        publish(self.plant)
        self.zone = Zone.objects.create(site=self.plant.site, code="DR-1", name="Dry room")
        self.start = timezone.now() - timedelta(minutes=60)
        self.api = ApiClient(self.plant.site, self.plant.operator)

    def at(self, minute: float) -> datetime:
        return self.start + timedelta(minutes=minute)

    def air(self, minute: float, frost: str) -> None:
        self.plant.submit(
            [self.plant.reading(FROST, frost, zone=self.zone.code, measured_at=self.at(minute))]
        )

    def roll(self) -> Lot:
        return self.plant.lot("T-SLIT", quantity=100)

    def open(self, roll: Lot, minute: float, closed: float | None = None) -> list[str]:
        """What holds the roll once it is told that it was opened then, and closed, if it was."""
        sent = {"lot": roll.code, "zone": self.zone.code, "at": self.at(minute).isoformat()}
        if closed is not None:
            sent["closed_at"] = self.at(closed).isoformat()
        answer = self.api.post("/containers/open", sent)
        assert answer.status_code == 201, answer.content
        return [member.hold.reason for member in active_holds([roll.pk])]


def test_reading_out_of_specification_holds_the_lot_and_what_is_made_of_it() -> None:
    room = Room()
    specify(room.plant, FROST, usl="-40")
    for minute, frost in ((10, "-45"), (20, "-39"), (30, "-38"), (40, "-45")):
        room.air(minute, frost)
    wet, later = room.roll(), room.roll()
    room.plant.run(wet, "dry_room")
    cell = room.plant.lot("T-CELL", quantity=1, inputs=[Input(parent=wet.code, quantity=Decimal(1))])
    (reason,) = room.open(wet, 15)
    assert "-39" in reason and "told afterwards" in reason
    assert active_holds([cell.pk]).get().inherited_from_id == wet.pk
    assert room.open(later, 31) == []


def test_closing_that_is_told_with_the_opening_bounds_what_the_lot_bears() -> None:
    room = Room(reaction="contain")
    specify(room.plant, FROST, usl="-40")
    for minute, frost in ((10, "-45"), (20, "-39"), (22, "-38"), (40, "-45")):
        room.air(minute, frost)
    before, within = room.roll(), room.roll()
    assert room.open(before, 5, closed=15) == []
    assert not HumiditySpike.objects.filter(lots__lot=before).exists()
    assert "-39" in room.open(within, 5, closed=20)[0]
    assert room.open(before, 41) == []  # it is closed: it may be opened again
    sent = {"lot": room.roll().code, "zone": room.zone.code, "at": room.at(30).isoformat()}
    for wrong in (room.at(29), room.at(90)):
        refused = room.api.post("/containers/open", sent | {"closed_at": wrong.isoformat()})
        assert (refused.status_code, refused.json()["problems"][0]["field"]) == (422, "closed_at")
    assert OpenInterval.objects.count() == 3


def test_spike_names_the_lot_that_lay_open_in_it() -> None:
    room = Room()
    specify(room.plant, FROST, usl="-40")
    specify(room.plant, "formation.resistance_mohm", usl="1.5", target="1.0")
    for minute, frost in ((10, "-45"), (20, "-39"), (22, "-38"), (24, "-45"), (30, "-39"), (32, "-38")):
        room.air(minute, frost)
    first, second = HumiditySpike.objects.order_by("started_at")
    early, between, late = room.roll(), room.roll(), room.roll()
    for roll, minute in ((early, 21), (between, 25), (late, 33)):
        room.open(roll, minute)
    assert [row.lot for row in first.lots.all()] == [early]
    assert {row.lot for row in second.lots.all()} == {early, between}


def test_signal_that_contains_holds_the_lot_in_its_window() -> None:
    room = Room(reaction="contain")
    for minute in range(12):
        room.air(minute, "-45.1" if minute % 2 else "-44.9")
    evaluate_all()
    chart = Chart.objects.get(stream__zone=room.zone)
    engineer = room.plant.process_engineer
    approve_limits(chart, excluded={}, reason="phase 1", user=engineer, password=PASSWORD, now=timezone.now())
    for minute, frost in ((20, "-45"), (30, "-30"), (40, "-45")):
        room.air(minute, frost)
    evaluate_all()
    firing = ReactionFiring.objects.get(signal__panel="location", reaction="contain")
    assert firing.lots_in_window == 0
    inside, after = room.roll(), room.roll()
    assert len(room.open(inside, 25)) == 1
    assert room.open(after, 31) == []
    assert active_holds([inside.pk]).get().hold.source_id == firing.signal_id
    release(room.plant, inside)
    pipeline.close_container(inside, user=room.plant.operator, at=room.at(35))
    assert room.open(inside, 36) == []
