"""What cannot be evaluated is given up after three attempts, and every lot that it concerns is held (I12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from lots.actions.clock import set_site_clock
from lots.models import Lot, StepExecution, Zone
from lots.queries import active_holds
from mes import pipeline
from spc.engine import SubgroupData
from spc.models import OutboxEntry, Point, Subgroup, SubgroupMember
from spc.queries import subgroup_values
from tests.support.builders import Plant, add_chart, make_plant, publish
from tests.support.worked import SOLIDS, evaluate_all, mixing_lot

pytestmark = pytest.mark.django_db
VISCOSITY, FROST = "mixing.viscosity_pa_s", "dry_room.frost_point_c"


class Broken:
    """A chart that can plot nothing until it is mended."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        patch.setattr("spc.actions.evaluate.subgroup_values", self._refuse)

    def _refuse(self, family: object, readings: object) -> object:
        raise ValueError("cannot be plotted")

    def mend(self) -> None:
        self.patch.setattr("spc.actions.evaluate.subgroup_values", subgroup_values)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    return Broken(monkeypatch)


def charted(characteristic: str = SOLIDS, **line: object) -> Plant:
    plant = make_plant(simulated=True)
    add_chart(plant, characteristic, **line)
    publish(plant)
    return plant


def sweep(times: int) -> None:
    for _ in range(times):
        pipeline.sweep_once(now=timezone.now())


def held(*lots: Lot) -> list[str]:
    """What holds each of the lots."""
    sources = {member.lot_id: member.hold.source for member in active_holds([lot.pk for lot in lots])}
    return [sources.get(lot.pk, "") for lot in lots]


def test_reading_of_the_second_variable_holds_its_lot(broken: Broken) -> None:
    plant = charted(chart_family="t2", subgroup_by="execution", parameters=f"variables={SOLIDS},{VISCOSITY}")
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    evaluate_all()
    plant.submit([plant.reading(VISCOSITY, "5", lot)])
    sweep(2)
    assert held(lot) == [""]
    sweep(1)
    assert held(lot) == ["poison"]


def test_reading_that_completes_a_subgroup_holds_the_lots_before_it_too(broken: Broken) -> None:
    plant = charted(chart_family="xbar-r", subgroup_by="consecutive", subgroup_size=2)
    first, second, other = (mixing_lot(plant) for _ in range(3))
    for lot in (first, second):
        plant.submit([plant.reading(SOLIDS, "65", lot)])
        sweep(3)
    assert held(first, second, other) == ["poison", "poison", ""]


def test_reading_of_a_zone_holds_what_lay_open_in_it(broken: Broken) -> None:
    plant = charted(FROST, stratify="")
    zone, elsewhere = (
        Zone.objects.create(site=plant.site, code=code, name="Dry room") for code in ("A", "B")
    )
    now = timezone.now()
    inside, outside, closed = (plant.lot("T-SLIT") for _ in range(3))
    for roll, place in ((inside, zone), (outside, elsewhere), (closed, zone)):
        pipeline.open_container(
            roll, place, user=plant.operator, now=timezone.now(), at=now - timedelta(minutes=30)
        )
    pipeline.close_container(closed, user=plant.operator, at=now - timedelta(minutes=20))
    plant.submit([plant.reading(FROST, "-45", zone=zone.code, measured_at=now - timedelta(minutes=10))])
    sweep(3)
    assert held(inside, outside, closed) == ["poison", "", ""]


def test_finish_without_readings_holds_the_lot_whose_subgroup_it_closes(broken: Broken) -> None:
    plant = charted(chart_family="xbar-r", subgroup_by="execution", subgroup_size=5)
    lot, later = mixing_lot(plant), mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "64.9", lot), plant.reading(SOLIDS, "65.1", lot)])
    evaluate_all()
    plant.finish(StepExecution.objects.get(lot=lot))
    sweep(2)
    assert (held(lot), Subgroup.objects.get().attempts) == ([""], 2)
    sweep(1)
    assert held(lot) == ["poison"]
    broken.mend()
    plant.submit([plant.reading(SOLIDS, value, later) for value in ("64.9", "65", "65.1", "64.8", "65.2")])
    evaluate_all()
    assert Point.objects.get().subgroup.closed_by == "complete"
    assert not OutboxEntry.objects.filter(processed_at__isnull=True).exists()
    assert held(later) == [""]


def test_subgroup_that_fails_takes_no_other_that_is_due_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three have timed out together, as after an outage; the one in the middle cannot be plotted."""
    plant = charted(chart_family="xbar-r", subgroup_by="execution", subgroup_size=5, subgroup_timeout_s=600)
    before, bad, behind = (mixing_lot(plant) for _ in range(3))
    for lot, value in ((before, "65"), (bad, "99"), (behind, "64")):
        plant.submit([plant.reading(SOLIDS, value, lot), plant.reading(SOLIDS, value, lot)])
    evaluate_all()

    def plot(family: str, readings: list[SubgroupMember]) -> SubgroupData:
        if any(reading.value == 99 for reading in readings):
            raise ValueError("cannot be plotted")
        return subgroup_values(family, readings)

    monkeypatch.setattr("spc.actions.evaluate.subgroup_values", plot)
    now = timezone.now()
    set_site_clock(plant.site, to=now + timedelta(minutes=11), now=now)
    sweep(1)
    assert Point.objects.get().subgroup.members.first().lot_id == before.pk
    assert sorted(Subgroup.objects.values_list("attempts", flat=True)) == [0, 0, 1]
    sweep(3)
    assert held(before, bad, behind) == ["", "poison", ""]
    plotted = Point.objects.order_by("sequence").values_list("subgroup__members__lot_id", flat=True)
    assert list(dict.fromkeys(plotted)) == [before.pk, behind.pk]


def test_subgroup_that_times_out_holds_its_lots_and_is_not_tried_again(broken: Broken) -> None:
    plant = charted(chart_family="xbar-r", subgroup_by="consecutive", subgroup_size=5, subgroup_timeout_s=600)
    lots = [mixing_lot(plant) for _ in range(3)]
    for lot in lots:
        plant.submit([plant.reading(SOLIDS, "65", lot)])
    evaluate_all()
    now = timezone.now()
    set_site_clock(plant.site, to=now + timedelta(minutes=11), now=now)
    sweep(2)
    assert held(*lots) == ["", "", ""]
    sweep(1)
    assert held(*lots) == ["poison"] * 3
    subgroup = Subgroup.objects.get()
    assert (subgroup.closed_by, subgroup.attempts) == ("failed", 3)
    sweep(2)
    assert len({member.hold_id for member in active_holds([lot.pk for lot in lots])}) == 1
