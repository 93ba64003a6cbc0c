"""The window behind a signal: since the last accepted point, else all; a zone's air; what nobody measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.models import Hold, Lot, Zone
from lots.queries import active_holds
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.exclude_point import exclude_point
from quality.actions.taking import Input
from quality.containment import recount
from quality.containment_sheet import containment_sheet
from quality.models import ReactionFiring
from spc.models import Chart
from spc.queries import current_points
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db
FROST = "dry_room.frost_point_c"


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def held(*lots: Lot) -> set[str]:
    return {member.lot.code for member in active_holds([lot.pk for lot in lots]).select_related("lot")}


@pytest.mark.parametrize(("excluded", "begins"), [(10, 0), (4, 6), (0, 10)])
def test_without_a_good_point_the_window_begins_where_the_stream_does(
    plant: Plant, excluded: int, begins: int
) -> None:
    """An excluded point does not say that the process was good; what lies behind it is suspect like the rest."""
    add_chart(plant, SOLIDS, reaction="contain")
    publish(plant)
    lots = [mixing_lot(plant) for _ in range(11)]
    for number, lot in enumerate(lots[:10]):
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", lot)])
    evaluate_all()
    chart = Chart.objects.get(stream__plan__site=plant.site)
    now = timezone.now()
    approve_limits(
        chart, excluded={}, reason="phase 1", user=plant.process_engineer, password=PASSWORD, now=now
    )
    for point in current_points(chart.pk).order_by("-sequence")[:excluded]:
        exclude_point(point, excluded=True, reason="wrong sampler", user=plant.engineer, now=now)
    assert held(*lots) == set()
    plant.submit([plant.reading(SOLIDS, "67", lots[10])])
    evaluate_all()
    firing = ReactionFiring.objects.get(signal__panel="location", hold__isnull=False)
    assert firing.window_from_sequence == begins
    assert held(*lots) == {lot.code for lot in lots[begins:]}


@pytest.mark.parametrize("reaction", ["contain", "hold"])
def test_what_the_stream_made_unmeasured_between_good_and_bad_is_contained(
    plant: Plant, reaction: str
) -> None:
    """A hold is of the point's own lots; only a containment reaches back to where the stream was good."""
    chart = frozen_chart(plant, reaction=reaction)
    assert current_points(chart.pk).count() == 20
    early, good, skipped, running, bad, late = (plant.lot() for _ in range(6))
    plant.run(early, "mixing")
    plant.run(good, "mixing", [plant.reading(SOLIDS, "65", good, measured_at=timezone.now())])
    plant.run(skipped, "mixing")
    cell = plant.lot("T-CELL", quantity=1, inputs=[Input(parent=skipped.code, quantity=Decimal(1))])
    plant.start(running, "mixing")
    plant.start(bad, "mixing")
    plant.submit([plant.reading(SOLIDS, "67", bad, measured_at=timezone.now())])
    plant.run(late, "mixing")
    evaluate_all()
    between = {skipped.code, cell.code} if reaction == "contain" else set()
    assert held(early, good, skipped, cell, running, bad, late) == {*between, bad.code}
    hold = Hold.objects.get(source="signal")
    assert recount(hold).agrees and len(recount(hold).reached) == 1 + len(between)


def test_signal_of_a_zone_holds_what_lay_open_to_its_air_since_the_last_good_reading(plant: Plant) -> None:
    add_chart(plant, FROST, stratify="", reaction="contain")
    publish(plant)
    zone, other = (
        Zone.objects.create(site=plant.site, code=code, name="Dry room") for code in ("DR-1", "DR-2")
    )
    start = timezone.now() - timedelta(minutes=60)

    def at(minute: float) -> datetime:
        return start + timedelta(minutes=minute)

    def opened(zone: Zone, since: float, until: float | None) -> Lot:
        roll = plant.lot("T-SLIT", quantity=100)
        plant.start(roll, "dry_room")
        pipeline.open_container(roll, zone, user=plant.operator, now=timezone.now(), at=at(since))
        if until is not None:
            pipeline.close_container(roll, user=plant.operator, at=at(until))
        return roll

    def air(minute: float, frost: str) -> None:
        plant.submit([plant.reading(FROST, frost, zone=zone.code, measured_at=at(minute))])

    for minute in range(12):
        air(minute, "-45.1" if minute % 2 else "-44.9")
    evaluate_all()
    chart = Chart.objects.get(stream__zone=zone)
    approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    air(20, "-45")
    before, between, during, elsewhere, after = (
        opened(zone, 15, 19),
        opened(zone, 22, 28),
        opened(zone, 18, None),
        opened(other, 22, None),
        opened(zone, 31, 32),
    )
    plant.finish(between.executions.get())
    cell = plant.lot("T-CELL", quantity=1, inputs=[Input(parent=between.code, quantity=Decimal(1))])
    air(30, "-30")
    evaluate_all()
    firing = ReactionFiring.objects.get(hold__isnull=False)
    assert (firing.signal.chart_id, firing.lots_in_window) == (chart.pk, 2)
    assert held(before, between, during, elsewhere, after, cell) == {between.code, during.code, cell.code}
    assert firing.hold is not None
    sheet = containment_sheet(firing.hold)
    assert sheet.recount.agrees and sheet.precision.time == 2
