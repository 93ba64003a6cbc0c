"""A step starts in a dry room only behind its checklist and with its humidity sensors in calibration."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lots.masters import steady
from lots.models import Gauge, Lot, Shift, StepExecution, Zone
from lots.science.humidity_events import ChecklistItem
from quality.actions.gate import GateRefused
from quality.actions.run_step import start_step
from quality.actions.shift_check import ShiftCheckRefused, answer_checklist, set_zone_rule
from quality.gates import can_proceed, start_blockers
from quality.models import ShiftCheck, ZoneRule
from quality.permissions import NotPermitted
from tests.support.builders import Plant, make_gauge, make_plant, publish

pytestmark = pytest.mark.django_db
GOOD = dict.fromkeys(ChecklistItem, True)
NOW = datetime.fromisoformat("2026-03-10T12:00:00+00:00")  # 13:00 in Berlin


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    Shift.objects.create(site=plant.site, name="EARLY", starts="06:00", ends="14:00")
    Shift.objects.create(site=plant.site, name="LATE", starts="14:00", ends="22:00")
    return plant


@pytest.fixture
def zone(plant: Plant) -> Zone:
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Staging room")
    rule(plant, zone)
    sensor(plant, zone, due_at=NOW + timedelta(days=30))
    return zone


@pytest.fixture
def roll(plant: Plant) -> Lot:
    return plant.lot("T-SLIT", quantity=100, length_mm=100_000, lanes=1)


def rule(plant: Plant, zone: Zone, *steps: str, hours: int | None = None) -> ZoneRule:
    return set_zone_rule(
        zone, steps or ["dry_room"], hours=hours, reason="7.2", user=plant.process_engineer, now=NOW
    )


def sensor(plant: Plant, zone: Zone, *, due_at: datetime) -> Gauge:
    gauge = make_gauge(plant, "frost_point_sensor", zone=zone)
    gauge.calibrations.create(
        calibrated_at=NOW - timedelta(days=1),
        due_at=due_at,
        passed=True,
        certificate="C-2",
        recorded_by=plant.process_engineer,
    )
    return gauge


def check(plant: Plant, zone: Zone, now: datetime, **failed: bool) -> ShiftCheck:
    answers = GOOD | {ChecklistItem(name): value for name, value in failed.items()}
    remarks = "" if all(answers.values()) else "torn"
    return answer_checklist(zone, answers, remarks=remarks, user=plant.operator, now=now)


def reasons(roll: Lot, now: datetime) -> list[str]:
    return [blocker.message for blocker in can_proceed(roll, "dry_room", now=now)]


def test_step_does_not_start_without_the_checklist_and_starts_behind_it(
    plant: Plant, zone: Zone, roll: Lot
) -> None:
    blockers = can_proceed(roll, "dry_room", now=NOW)
    assert [(b.code.value, b.kind, b.key) for b in blockers] == [("shift_check", "zone", zone.pk)]
    assert blockers[0].message == "Staging room: the checklist is not filled in for shift EARLY"
    with pytest.raises(GateRefused, match="not filled in"):
        start_step([roll], "dry_room", user=plant.operator, equipment=None, now=NOW)
    assert not StepExecution.objects.exists()
    check(plant, zone, NOW)
    (execution,) = start_step([roll], "dry_room", user=plant.operator, equipment=None, now=NOW)
    assert execution.lot_id == roll.pk


def test_check_counts_until_its_shift_ends_and_not_into_the_next(plant: Plant, zone: Zone, roll: Lot) -> None:
    check(plant, zone, NOW)
    ends = datetime.fromisoformat("2026-03-10T13:00:00+00:00")  # 14:00 in Berlin
    assert reasons(roll, ends - timedelta(microseconds=1)) == []
    assert reasons(roll, ends) == ["Staging room: the checklist is not filled in for shift LATE"]


def test_window_of_hours_reaches_across_shifts(plant: Plant, zone: Zone, roll: Lot) -> None:
    rule(plant, zone, "dry_room", hours=4)
    check(plant, zone, NOW)
    assert reasons(roll, NOW + timedelta(hours=4)) == []
    late = NOW + timedelta(hours=4, seconds=1)
    assert reasons(roll, late) == ["Staging room: the checklist is not filled in for the last 4 h"]


@pytest.mark.parametrize("item", list(ChecklistItem))
def test_each_failed_item_blocks_until_it_is_checked_again(
    plant: Plant, zone: Zone, roll: Lot, item: ChecklistItem
) -> None:
    check(plant, zone, NOW, **{item.value: False})
    assert reasons(roll, NOW) == [f"Staging room: {item.value.replace('_', ' ')} failed"]
    check(plant, zone, NOW + timedelta(minutes=5))
    assert reasons(roll, NOW + timedelta(minutes=5)) == []
    check(plant, zone, NOW + timedelta(minutes=9), **{item.value: False})
    assert (
        len(reasons(roll, NOW + timedelta(minutes=9))) == 1
    )  # a later failure counts more than an earlier pass


def test_humidity_sensor_out_of_calibration_blocks_behind_a_passed_checklist(
    plant: Plant, zone: Zone, roll: Lot
) -> None:
    check(plant, zone, NOW)
    sensor(plant, zone, due_at=NOW + timedelta(hours=1))
    assert reasons(roll, NOW + timedelta(minutes=59)) == []
    lapsed = ["Staging room: calibration of a humidity sensor has lapsed"]
    at = NOW + timedelta(hours=1)
    check(plant, zone, at)
    assert reasons(roll, at) == lapsed


def test_zone_without_a_humidity_sensor_is_not_fit(plant: Plant, zone: Zone, roll: Lot) -> None:
    Gauge.objects.filter(zone=zone).update(retired_at=NOW)
    check(plant, zone, NOW)
    assert reasons(roll, NOW) == ["Staging room: no humidity sensor stands in the zone"]


def test_other_steps_and_other_sites_are_not_asked(plant: Plant, zone: Zone, roll: Lot) -> None:
    assert can_proceed(plant.lot(), "mixing", now=NOW) == []
    rule(plant, zone, "stacking")
    assert reasons(roll, NOW) == []
    rule(plant, zone, "dry_room")
    elsewhere = make_plant()
    publish(elsewhere)
    assert can_proceed(elsewhere.lot("T-SLIT", quantity=1), "dry_room", now=NOW) == []


def test_rule_without_steps_asks_for_nothing(plant: Plant, zone: Zone, roll: Lot) -> None:
    set_zone_rule(zone, [], hours=None, reason="out of use", user=plant.process_engineer, now=NOW)
    assert reasons(roll, NOW) == []


@pytest.mark.parametrize(
    ("answers", "remarks", "field"),
    [
        ({}, "", "answers: calibration, pressure"),
        (dict.fromkeys(list(ChecklistItem)[:-1], True), "", "answers: desiccant and seals"),
        (GOOD | {ChecklistItem.GLOVES: False}, " ", "remarks: say what is wrong"),
        (GOOD, "x" * 301, "remarks: at most 300"),
    ],
)
def test_incomplete_answers_are_refused_and_nothing_is_stored(
    plant: Plant, zone: Zone, answers: Any, remarks: str, field: str
) -> None:
    with pytest.raises(ShiftCheckRefused, match=field):
        answer_checklist(zone, answers, remarks=remarks, user=plant.operator, now=NOW)
    assert not ShiftCheck.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": ["mixing", "nonsense"]}, "steps: nonsense"),
        ({"hours": 0}, "hours: between 1 and 168"),
        ({"hours": 169}, "hours: between 1 and 168"),
        ({"reason": " "}, "reason: say why"),
    ],
)
def test_impossible_rules_are_refused(plant: Plant, zone: Zone, change: Any, field: str) -> None:
    before = ZoneRule.objects.count()
    wanted: dict[str, Any] = {"steps": ["dry_room"], "hours": None, "reason": "7.2"}
    with pytest.raises(ShiftCheckRefused, match=field):
        set_zone_rule(zone, **(wanted | change), user=plant.process_engineer, now=NOW)
    assert ZoneRule.objects.count() == before


def test_who_may_answer_and_who_may_set_the_rule(plant: Plant, zone: Zone) -> None:
    with pytest.raises(NotPermitted):
        answer_checklist(zone, GOOD, user=plant.engineer, now=NOW)
    with pytest.raises(NotPermitted):
        set_zone_rule(zone, [], hours=None, reason="x", user=plant.operator, now=NOW)


def test_failure_without_a_word_is_refused_by_the_database_too(plant: Plant, zone: Zone) -> None:
    answers = {item.value: item is not ChecklistItem.GLOVES for item in ChecklistItem}
    with pytest.raises(DatabaseError, match="shift_check_failure_explained"), transaction.atomic():
        ShiftCheck.objects.create(
            zone=zone, shift="EARLY", checked_by=plant.operator, checked_at=timezone.now(), **answers
        )


def test_many_lots_cost_no_more_queries_than_one(
    plant: Plant, zone: Zone, django_assert_num_queries: Any
) -> None:
    rolls = [plant.lot("T-SLIT", quantity=1) for _ in range(5)]
    start_blockers(rolls, "dry_room", now=NOW)  # masters are remembered from here
    with steady(), CaptureQueriesContext(connection) as one:
        start_blockers(rolls[:1], "dry_room", now=NOW)
    with steady(), django_assert_num_queries(len(one)):
        found = start_blockers(rolls, "dry_room", now=NOW)
    assert all(len(blockers) == 1 for blockers in found.values())
