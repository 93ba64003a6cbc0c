"""A gauge found wrong: its history is judged again, what surely violates is held, the rest is proposed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Calibration, Gauge, Hold, Lot, Zone
from lots.queries import active_holds
from mes import pipeline
from quality.actions.calibrate import CalibrationRefused, hold_in_doubt, record_calibration
from quality.doubt import lots_in_doubt
from quality.permissions import NotPermitted
from quality.specifications import compare
from tests.support.builders import Plant, make_gauge, make_plant, publish, specify
from tests.support.web import signed_in
from tests.support.worked import mixing_lot

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"
FROST = "dry_room.frost_point_c"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    return plant


@pytest.fixture
def gauge(plant: Plant) -> Gauge:
    return make_gauge(plant, "balance")


def measured(plant: Plant, gauge: Gauge, value: str, *, ago: timedelta = timedelta(minutes=5)) -> Lot:
    lot = mixing_lot(plant)
    at = timezone.now() - ago
    plant.submit([plant.reading(SOLIDS, value, lot, gauge=gauge.code, measured_at=at)])
    return lot


def fail(plant: Plant, gauge: Gauge, error: str | None, **changes: object) -> tuple[Calibration, Hold | None]:
    now = timezone.now()
    fields: dict[str, object] = {
        "calibrated_at": now,
        "due_at": now + timedelta(days=1),
        "passed": False,
        "certificate": "C-2",
        "as_found_error": None if error is None else Decimal(error),
        "user": plant.engineer,
        "now": now,
    }
    return record_calibration(gauge, **(fields | changes))  # type: ignore[arg-type]


def test_reading_that_violates_without_the_error_is_held_at_once(plant: Plant, gauge: Gauge) -> None:
    """The gauge read 1.5 % too much: 65.4 was 63.9, below 64; 65.5 was exactly 64."""
    bad, edge = measured(plant, gauge, "65.4"), measured(plant, gauge, "65.5")
    calibration, hold = fail(plant, gauge, "1.5")
    assert hold is not None and hold.source == Hold.Source.CALIBRATION and "+1.5 off" in hold.reason
    assert active_holds([bad.pk]).exists() and not active_holds([edge.pk]).exists()
    doubts = {doubt.lot: doubt for doubt in lots_in_doubt(calibration)}
    assert (doubts[bad].violating, doubts[bad].held) == (1, True)
    assert (doubts[edge].conforming, doubts[edge].proposed) == (1, False)


@pytest.mark.parametrize(("lsl", "usl"), [("64", "66"), ("64", None), (None, "66")])
def test_the_database_judges_again_as_values_are_judged(lsl: str | None, usl: str | None) -> None:
    """Beside, on and between the limits, exact and censored, each read 0.1 % too high."""
    plant = make_plant()
    specify(plant, SOLIDS, lsl=lsl, usl=usl)
    publish(plant)
    gauge = make_gauge(plant, "balance")
    limits = tuple(None if limit is None else Decimal(limit) for limit in (lsl, usl))
    expected = {}
    for sign in ("", "<", ">"):
        lot = mixing_lot(plant)
        true = [Decimal(value) for value in ("63.9", "64", "65", "66", "66.1")]
        plant.submit(
            [
                plant.reading(SOLIDS, str(value + Decimal("0.1")), lot, gauge=gauge.code, qualifier=sign)
                for value in true
            ]
        )
        expected[lot] = Counter(compare(value, sign, *limits) for value in true)
    calibration, _ = fail(plant, gauge, "0.1")
    found = {
        doubt.lot: (doubt.violating, doubt.conforming, doubt.undetermined)
        for doubt in lots_in_doubt(calibration)
    }
    assert found == {
        lot: tuple(verdicts[one] for one in ("violates", "conforms", "undetermined"))
        for lot, verdicts in expected.items()
    }
    assert len({verdict for verdicts in expected.values() for verdict in verdicts}) == 3


def test_unknown_error_proposes_everything_and_holds_nothing(plant: Plant, gauge: Gauge) -> None:
    lot = measured(plant, gauge, "65")
    calibration, hold = fail(plant, gauge, None)
    assert hold is None
    (doubt,) = lots_in_doubt(calibration)
    assert doubt.proposed and doubt.undetermined == 1 and not doubt.held
    placed = hold_in_doubt(calibration, [lot], reason="no margin", user=plant.engineer, now=timezone.now())
    assert active_holds([lot.pk]).get().hold == placed
    with pytest.raises(CalibrationRefused, match="did not measure"):
        hold_in_doubt(calibration, [mixing_lot(plant)], reason="", user=plant.engineer, now=timezone.now())


def test_only_readings_since_the_last_good_calibration_are_in_doubt(plant: Plant, gauge: Gauge) -> None:
    before = measured(plant, gauge, "65", ago=timedelta(hours=3))
    now = timezone.now()
    record_calibration(
        gauge,
        calibrated_at=now - timedelta(hours=2),
        due_at=now + timedelta(days=9),
        passed=True,
        certificate="C-1b",
        as_found_error=None,
        user=plant.engineer,
        now=now,
    )
    after = measured(plant, gauge, "65", ago=timedelta(hours=1))
    calibration, _ = fail(plant, gauge, "0.1")
    assert [doubt.lot for doubt in lots_in_doubt(calibration)] == [after]
    assert before not in [doubt.lot for doubt in lots_in_doubt(calibration)]


def test_readings_taken_for_good_before_the_failure_was_known_are_in_doubt(
    plant: Plant, gauge: Gauge
) -> None:
    """Calibrated two hours ago, typed in now; from the next good calibration on nothing is in doubt."""
    now = timezone.now()
    bad, edge = (measured(plant, gauge, value, ago=timedelta(hours=1)) for value in ("65.4", "65.5"))
    calibration, hold = fail(plant, gauge, "1.5", calibrated_at=now - timedelta(hours=2))
    assert hold is not None and [member.lot for member in hold.members.all()] == [bad]
    later = measured(plant, gauge, "65.4", ago=timedelta(minutes=40))  # stored as suspect: in nobody's trust
    assert [doubt.lot for doubt in lots_in_doubt(calibration)] == [bad, edge]
    fail(plant, gauge, None, passed=True, calibrated_at=now - timedelta(minutes=30))
    again = measured(plant, gauge, "65.4", ago=timedelta(minutes=20))
    assert {bad, edge} == {doubt.lot for doubt in lots_in_doubt(calibration)}
    assert not active_holds([later.pk, again.pk]).exists()


def test_wrong_zone_sensor_puts_what_lay_open_in_its_air_in_doubt(plant: Plant) -> None:
    """It read 3 °C too dry: of -46, -42 and -44 °C the second was -39 °C, above -40 °C."""
    zone, other = (Zone.objects.create(site=plant.site, code=code, name="Dry room") for code in ("A", "B"))
    specify(plant, FROST, usl="-40")
    sensor = make_gauge(plant, "frost_point_sensor", zone=zone)
    start = timezone.now() - timedelta(minutes=60)

    def opened(place: Zone, since: int, until: int) -> Lot:
        roll, (first, last) = plant.lot("T-SLIT"), (start + timedelta(minutes=m) for m in (since, until))
        pipeline.open_container(roll, place, user=plant.operator, now=timezone.now(), at=first)
        pipeline.close_container(roll, user=plant.operator, at=last)
        return roll

    wet, beside, dry = opened(zone, 15, 25), opened(zone, 22, 41), opened(zone, 38, 42)
    elsewhere, unread = opened(other, 0, 50), opened(zone, 47, 50)
    on_closing, on_opening = opened(zone, 10, 20), opened(zone, 20, 24)
    for minute, value in ((0, "-46"), (20, "-42"), (40, "-44")):
        at = start + timedelta(minutes=minute)
        plant.submit([plant.reading(FROST, value, zone=zone.code, gauge=sensor.code, measured_at=at)])
    calibration, hold = fail(plant, sensor, "-3", calibrated_at=start + timedelta(minutes=30))
    assert hold is not None and {member.lot for member in hold.members.all()} == {wet, on_closing, on_opening}
    found = {doubt.lot: doubt for doubt in lots_in_doubt(calibration)}
    assert set(found) == {wet, on_closing, on_opening, beside, dry}
    assert [found[lot].proposed for lot in (wet, beside, dry)] == [True, True, False]
    assert (found[beside].violating, found[beside].undetermined, found[beside].conforming) == (0, 1, 1)
    placed = hold_in_doubt(calibration, [beside], reason="", user=plant.engineer, now=timezone.now())
    assert active_holds([beside.pk]).get().hold == placed
    assert not active_holds([dry.pk, elsewhere.pk, unread.pk]).exists()


def test_other_gauges_readings_and_corrected_ones_are_not_in_doubt(plant: Plant, gauge: Gauge) -> None:
    measured(plant, make_gauge(plant, "balance"), "65")
    calibration, _ = fail(plant, gauge, "2")
    assert lots_in_doubt(calibration) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"certificate": " "}, "certificate: name"),
        (
            {"calibrated_at": datetime(2100, 1, 1, tzinfo=timezone.get_default_timezone())},
            "lies in the future",
        ),
        ({"due_at": datetime(2000, 1, 1, tzinfo=timezone.get_default_timezone())}, "due_at: must lie after"),
        ({"passed": True}, "as_found_error: belongs"),
    ],
)
def test_impossible_calibration_is_refused(
    plant: Plant, gauge: Gauge, changes: dict[str, object], message: str
) -> None:
    before = Calibration.objects.count()
    with pytest.raises(CalibrationRefused, match=message):
        fail(plant, gauge, "1", **changes)
    with pytest.raises(NotPermitted):
        fail(plant, gauge, "1", user=plant.operator)
    assert Calibration.objects.count() == before


def test_engineer_records_a_failed_calibration_and_holds_the_lots_in_doubt(
    plant: Plant, gauge: Gauge
) -> None:
    lot = measured(plant, gauge, "65")
    client = signed_in(plant.engineer)
    assert gauge.code in client.get(reverse("web:gauges")).content.decode()
    url = reverse("web:gauge", args=[gauge.pk])
    today = timezone.localtime(timezone=ZoneInfo(plant.site.time_zone))
    sent = {
        "action": "calibrate",
        "calibrated_at": today.strftime("%Y-%m-%dT%H:%M"),
        "due_at": (today + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M"),
        "result": "failed",
        "as_found_error": "x",
        "certificate": "K-9",
    }
    assert client.post(url, sent).status_code == 422
    sent["calibrated_at"] = (today + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M")
    answer = client.post(url, sent | {"as_found_error": ""}, follow=True)
    page = answer.content.decode()
    assert "K-9" in page and lot.code in page
    calibration = Calibration.objects.get(certificate="K-9")
    client.post(url, {"action": "hold", "calibration": calibration.pk, "lot": lot.code, "reason": "in doubt"})
    assert active_holds([lot.pk]).exists()


def test_operator_sees_gauges_and_records_nothing(plant: Plant, gauge: Gauge) -> None:
    client = signed_in(plant.operator)
    assert client.get(reverse("web:gauge", args=[gauge.pk])).status_code == 200
    assert client.post(reverse("web:gauge", args=[gauge.pk]), {"action": "calibrate"}).status_code == 403
