"""Bad lots compared with good ones through their records: the machine, lane and metres that made them are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.correct import Correction
from lots.actions.ensure_source import ensure_personal_source
from lots.models import Characteristic, Equipment, Lot, Measurement, ProcessStep
from mes import pipeline
from quality.actions.run_step import start_step
from quality.actions.taking import Input
from quality.commonality import compare, compare_by_rank, compare_by_specification, factors_of
from tests.support.builders import Plant, make_plant, publish, specify
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    return plant


def batches(plant: Plant) -> list[Lot]:
    """Sixteen batches on two mixers; what the second one mixed is too wet, but for one."""
    step = ProcessStep.objects.get(code="mixing")
    second = Equipment.objects.create(site=plant.site, code="MIXING-2", name="Second mixer", step=step)
    made = []
    for number in range(16):
        machine = second if number % 2 else plant.equipment["mixing"]
        lot = plant.lot()
        start_step([lot], "mixing", user=plant.operator, equipment=machine, now=timezone.now())
        wet = machine is second and number != 15
        plant.submit([plant.reading(SOLIDS, f"{63 if wet else 65}.{number:02}", lot)])
        made.append(lot)
    return made


def test_machine_behind_the_violations_is_found(plant: Plant) -> None:
    batches(plant)
    characteristic = Characteristic.objects.get(code=SOLIDS)
    comparison = compare_by_specification(
        characteristic, plant.site, since=timezone.now() - timedelta(days=1)
    )
    assert (len(comparison.bad), len(comparison.good)) == (7, 9)
    first = comparison.findings[0]
    assert (first.factor, first.level) == ("equipment of mixing", "MIXING-2")
    assert (first.bad_with, first.good_with) == (7, 1) and first.q < 0.01
    words = str([(f.factor, f.level) for f in comparison.findings])
    assert plant.operator.username not in words and plant.operator.printed_name not in words


def test_a_corrected_value_makes_no_lot_bad_and_an_undetermined_one_none_good(plant: Plant) -> None:
    lots = batches(plant)
    row = Measurement.objects.get(lot_id=lots[1].pk)
    correction = Correction(old=row, reason="digits swapped", value="65.0")
    source = ensure_personal_source(plant.operator, plant.site)
    pipeline.correct(correction, key="c1", source=source, user=plant.operator, now=timezone.now())
    plant.submit([replace(plant.reading(SOLIDS, "65", lots[0]), qualifier="<")])
    characteristic = Characteristic.objects.get(code=SOLIDS)
    comparison = compare_by_specification(
        characteristic, plant.site, since=timezone.now() - timedelta(days=1)
    )
    assert lots[1] in comparison.good and lots[1] not in comparison.bad
    assert lots[0] not in (*comparison.good, *comparison.bad)
    assert (len(comparison.bad), len(comparison.good)) == (6, 9)


def test_lowest_values_are_compared_where_nothing_violates(plant: Plant) -> None:
    batches(plant)
    comparison = compare_by_rank(
        Characteristic.objects.get(code=SOLIDS),
        plant.site,
        since=timezone.now() - timedelta(days=1),
        share_pct=25,
        highest=False,
    )
    assert len(comparison.bad) == 4
    assert comparison.findings[0].level == "MIXING-2"


def test_metres_lanes_and_batches_behind_cells_are_factors(plant: Plant) -> None:
    foil = plant.lot("T-RAW", quantity=100, length_mm=100_000, lanes=2)
    cells = [
        plant.lot(
            "T-CELL",
            quantity=1,
            inputs=[
                Input(
                    parent=foil.code,
                    quantity=Decimal(1),
                    from_mm=at,
                    to_mm=at + 5_000,
                    lane_from=lane,
                    lane_to=lane,
                )
            ],
        )
        for at, lane in ((0, 1), (8_000, 2), (95_000, 1))
    ]
    factors = factors_of([cell.pk for cell in cells], plant.site)
    assert factors["metres of T-RAW"] == [
        {f"{foil.code}, 0 to 10 m"},
        {f"{foil.code}, 0 to 10 m", f"{foil.code}, 10 to 20 m"},
        {f"{foil.code}, 90 to 100 m"},
    ]
    assert factors["lane of T-RAW"] == [{"lane 1"}, {"lane 2"}, {"lane 1"}]
    assert factors["lot of T-RAW"] == [{foil.code}] * 3
    assert "lot of T-CELL" not in factors


def test_nothing_to_compare_is_said(plant: Plant) -> None:
    assert compare({}, plant.site).reason == "there must be bad units and good ones to compare"
    lot = plant.lot()
    assert compare({lot.pk: True}, plant.site).findings == ()


def test_page_shows_findings_and_what_they_cannot_be_told_from(plant: Plant) -> None:
    batches(plant)
    client = signed_in(plant.engineer)
    assert "Choose a characteristic" in client.get(reverse("web:commonality")).content.decode()
    page = client.get(reverse("web:commonality"), {"characteristic": SOLIDS}).content.decode()
    assert "<b>7 bad</b> against <b>9 good</b>" in page and "MIXING-2" in page
    lowest = client.get(reverse("web:commonality"), {"characteristic": SOLIDS, "how": "lowest", "share": "x"})
    assert lowest.status_code == 200 and lowest.context["share"] == 10
