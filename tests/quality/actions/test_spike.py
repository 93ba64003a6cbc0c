"""A humidity spike tightens the formation limits of what lay open in it and of what is made from that (7.5, 12.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Gauge, Hold, Lot, Zone
from lots.queries import active_holds
from mes import pipeline
from quality.actions.taking import Input
from quality.models import HumiditySpike, Judgement, SourceType, SpikeLot, TightenedLimits
from tests.support.builders import Plant, make_gauge, make_plant, publish, specify
from tests.support.web import field, signed_in
from tests.support.worked import release

pytestmark = pytest.mark.django_db
FROST, RESISTANCE, CUTOFFS = "dry_room.frost_point_c", "formation.resistance_mohm", "formation.final_ce_pct"


class Room:
    """A plant with a dry room and one sensor; readings are minutes apart, the last one now."""

    def __init__(self) -> None:
        self.plant: Plant = make_plant()
        self.line = specify(self.plant, RESISTANCE, usl="1.5", target="1.0")
        specify(self.plant, CUTOFFS, lsl="99")  # without a target: nothing to draw towards
        specify(self.plant, FROST, usl="-40")
        self.zone = Zone.objects.create(site=self.plant.site, code="DR-1", name="Staging room")
        self.gauge: Gauge = make_gauge(self.plant, "frost_point_sensor", zone=self.zone)
        publish(self.plant)

    def air(self, *frost_points: str, end: datetime | None = None) -> None:
        """One reading a minute, the last one at `end`."""
        last = end or timezone.now() - timedelta(seconds=1)
        for number, value in enumerate(frost_points):
            at = last - timedelta(minutes=len(frost_points) - 1 - number)
            self.plant.submit(
                [self.plant.reading(FROST, value, zone=self.zone.code, gauge=self.gauge.code, measured_at=at)]
            )

    def roll(self, *, opened: datetime) -> Lot:
        roll = self.plant.lot("T-SLIT", quantity=100)
        self.plant.start(roll, "dry_room")
        pipeline.open_container(roll, self.zone, user=self.plant.operator, now=timezone.now(), at=opened)
        return roll

    def close(self, roll: Lot) -> None:
        pipeline.close_container(roll, user=self.plant.operator, at=timezone.now())
        if active_holds([roll.pk]).exists():
            release(self.plant, roll)
        self.plant.finish(roll.executions.get())

    def cell(self, roll: Lot | None = None) -> Lot:
        inputs = [] if roll is None else [Input(parent=roll.code, quantity=Decimal(1))]
        cell = self.plant.lot("T-CELL", quantity=1, inputs=inputs)
        for step in ("stacking", "filling"):
            self.plant.run(cell, step)
        self.plant.start(cell, "formation")
        return cell

    def measure(self, cell: Lot, value: str) -> list[dict[str, Any]]:
        answer = self.plant.submit([self.plant.reading(RESISTANCE, value, cell)])
        violations: list[dict[str, Any]] = answer.body["violations"]
        return violations


@pytest.fixture
def room() -> Room:
    return Room()


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def test_cells_of_a_roll_that_lay_open_are_judged_by_the_tightened_limit(room: Room) -> None:
    roll = room.roll(opened=ago(minutes=10))
    room.air("-45", "-39", "-38", "-45")
    room.close(roll)
    spike = HumiditySpike.objects.get()
    assert spike.limit_c == Decimal(-40) and [row.lot for row in spike.lots.all()] == [roll]
    limits = TightenedLimits.objects.get()
    assert (limits.line, limits.lsl, limits.usl) == (room.line, None, Decimal("1.4"))
    assert limits.source_type == SourceType.ASSUMPTION and "7.5" in limits.rule
    wet, dry = room.cell(roll), room.cell()
    (violation,) = room.measure(wet, "1.45")
    assert "above USL 1.4 mΩ" in violation["message"]
    assert "tightened from 1.5 after the humidity spike in DR-1" in violation["message"]
    assert room.measure(dry, "1.45") == []
    judged = Judgement.objects.get(lot_id=wet.pk)
    assert (judged.usl, judged.tightened, judged.line.usl) == (Decimal("1.4"), limits, Decimal("1.5"))
    untouched = Judgement.objects.get(lot_id=dry.pk)
    assert (untouched.usl, untouched.tightened) == (Decimal("1.5"), None)
    assert active_holds([wet.pk]).exists() and not active_holds([dry.pk]).exists()
    assert room.measure(room.cell(roll), "1.4") == []


@pytest.mark.parametrize(
    ("frost_points", "count"),
    [(("-45", "-39", "-45"), 0), (("-40", "-40"), 0), (("-39", "-45", "-39"), 0), (("-39", "-39"), 1)],
)
def test_it_takes_two_readings_in_a_row_above_the_limit(
    room: Room, frost_points: tuple[str, ...], count: int
) -> None:
    room.air(*frost_points)
    assert HumiditySpike.objects.count() == count


def test_a_spike_that_goes_on_is_one_and_gains_the_lots_opened_in_it(room: Room) -> None:
    first = room.roll(opened=ago(minutes=30))
    room.air("-39", "-38", end=ago(minutes=10))
    second = room.roll(opened=ago(minutes=5))
    room.air("-37", "-36")
    spike = HumiditySpike.objects.get()
    assert set(spike.lots.values_list("lot", flat=True)) == {first.pk, second.pk}
    closed = room.roll(opened=timezone.now())  # the last wet reading is a second old
    room.air("-45")
    assert not SpikeLot.objects.filter(lot=closed).exists()


def test_a_lot_that_was_closed_before_it_is_untouched(room: Room) -> None:
    roll = room.roll(opened=ago(minutes=30))
    pipeline.close_container(roll, user=room.plant.operator, at=ago(minutes=5))
    room.air("-39", "-38")
    assert HumiditySpike.objects.count() == 1 and not SpikeLot.objects.exists()


def test_air_that_is_known_late_holds_cells_judged_by_the_wider_limit(room: Room) -> None:
    roll = room.roll(opened=ago(minutes=30))
    room.close(roll)
    outside, inside = room.cell(roll), room.cell(roll)
    assert room.measure(outside, "1.45") == room.measure(inside, "1.4") == []
    room.air("-39", "-38", end=ago(minutes=10))
    reasons = {
        lot: set(Hold.objects.filter(members__lot=lot).values_list("reason", flat=True))
        for lot in (outside, inside)
    }
    assert any("above USL 1.4 mΩ" in reason for reason in reasons[outside])
    assert not any("USL 1.4" in reason for reason in reasons[inside])
    assert Judgement.objects.get(lot_id=outside.pk).usl == Decimal("1.5")


def test_pages_show_event_lots_original_and_tightened_limits(
    room: Room, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = signed_in(room.plant.engineer)
    assert "No humidity spike" in client.get(reverse("web:spikes")).content.decode()
    roll = room.roll(opened=ago(minutes=10))
    room.air("-39", "-38.5")
    room.close(roll)
    cell = room.cell(roll)
    room.measure(cell, "1.45")
    with django_assert_max_num_queries(20):
        page = client.get(reverse("web:spikes")).content.decode()
    assert roll.code in page and "<s>1.5</s> &rarr; <b>1.4</b>" in page and "up to <b>-38.5 °C</b>" in page
    assert "1 value judged by its limits, 1 out of them" in page and "The share is ours" in page
    spike = HumiditySpike.objects.get()
    lot_page = client.get(reverse("web:lot", args=[cell.code])).content.decode()
    assert f"{reverse('web:spikes')}#spike-{spike.pk}" in lot_page and "tightened limits" in lot_page
    name = field(RESISTANCE)
    url = f"{reverse('web:station_judge', args=[cell.code])}?field={name}"
    verdict = signed_in(room.plant.operator).post(url, {name: "1.45"}).content.decode()
    assert "tightened from 1.5" in verdict
