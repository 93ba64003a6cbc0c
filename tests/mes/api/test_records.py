"""Raw records through the API: kept by content, computed by Halite, compared with what was posted, superseded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from lots.models import CurveFile, Lot, Measurement, Membership
from lots.queries import active_holds
from mes.curves import load_series
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_gauge, make_plant, make_user, publish
from tests.support.raw import (
    CURVE_G,
    cell_in_filling,
    coated_roll,
    map_body,
    mass_body,
    open_roll,
    pressure_body,
    started,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def api(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.operator)


def keep(api: ApiClient, lot: Lot, body: dict[str, Any], key: str = "k") -> Any:
    return api.post(f"/lots/{lot.code}/records", body, key=key)


def curve_of(plant: Plant, **more: Any) -> dict[str, Any]:
    return mass_body(make_gauge(plant, "balance"), started_at=started(), **more)


def test_curve_is_kept_computed_and_becomes_readings(plant: Plant, api: ApiClient) -> None:
    roll, body = coated_roll(plant), curve_of(plant, posted={"drying.endpoint_min": "22"})
    answer = keep(api, roll, body)
    assert answer.status_code == 201, answer.content
    kept = answer.json()
    assert (kept["state"], kept["unresolved"], kept["missing"]) == ("resolved", "", [])
    assert kept["values"]["drying.endpoint_min"] == 22.0
    assert kept["readings"] == CURVE_G.size
    row = CurveFile.objects.get(lot=roll)
    assert (row.kind, row.gauge.code, row.execution.route_step.step.code) == ("mass", body["gauge"], "drying")
    assert row.execution.equipment.code == "DRYING-1"
    assert row.protocol and row.rows == CURVE_G.size
    assert load_series(row.storage_sha256)["mass_g"].size == CURVE_G.size
    weighed = Measurement.objects.filter(lot_id=roll.pk, characteristic__code="drying.strip_mass_g")
    assert {(one.gauge.code, one.submission_id) for one in weighed} == {(body["gauge"], row.submission_id)}
    plant.finish(row.execution)
    endpoint = Measurement.objects.get(lot_id=roll.pk, characteristic__code="drying.endpoint_min")
    assert float(endpoint.value) == pytest.approx(22.0)


@pytest.mark.parametrize(
    ("posted", "state", "words"),
    [("22.0", "resolved", ""), ("19.5", "unresolved", "was posted as 19.5, the record gives 22")],
)
def test_posted_value_is_compared_with_the_computed_one(
    plant: Plant, api: ApiClient, posted: str, state: str, words: str
) -> None:
    kept = keep(api, coated_roll(plant), curve_of(plant, posted={"drying.endpoint_min": posted})).json()
    assert kept["state"] == state
    assert words in kept["unresolved"]
    (roll,) = Lot.objects.filter(curve_files__isnull=False)
    held = [member.hold.get_source_display() for member in active_holds([roll.pk])]
    assert held == ([] if state == "resolved" else ["Evidence missing or contradictory"])


@pytest.mark.parametrize(("off_g", "state"), [(0.0, "resolved"), (0.004, "unresolved")])
def test_weighings_recorded_one_by_one_must_be_those_of_the_curve(
    plant: Plant, api: ApiClient, off_g: float, state: str
) -> None:
    roll, body = coated_roll(plant), curve_of(plant)
    begin = started()
    body["started_at"] = begin.isoformat()
    plant.submit(
        [
            plant.reading(
                "drying.strip_mass_g",
                f"{CURVE_G[minute] + off_g:.4f}",
                roll,
                measured_at=begin + timedelta(minutes=minute),
                position=str(minute),
            )
            for minute in range(0, 40, 5)
        ]
    )
    kept = keep(api, roll, body).json()
    assert (kept["state"], kept["readings"]) == (state, 0)
    assert ("8 weighings that were recorded differ" in kept["unresolved"]) is (off_g > 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rises": True}, "rises"),
        ({"lapsed": True}, "not in calibration"),
        ({"early": True}, "before the step was started"),
    ],
)
def test_record_that_proves_nothing_is_kept_and_unresolved(
    plant: Plant, api: ApiClient, change: dict[str, bool], words: str
) -> None:
    due = timedelta(days=-1) if change.get("lapsed") else timedelta(days=30)
    begin = started() - timedelta(hours=3 if change.get("early") else 0)
    body = mass_body(make_gauge(plant, "balance", due_in=due), started_at=begin)
    if change.get("rises"):
        body["columns"]["mass_g"][10] += 1.0
    roll = coated_roll(plant)
    kept = keep(api, roll, body).json()
    assert kept["state"] == "unresolved" and words in kept["unresolved"]
    assert CurveFile.objects.get(lot=roll).unresolved == kept["unresolved"]


def test_same_request_replays_and_same_record_is_recognised(plant: Plant, api: ApiClient) -> None:
    roll, body = coated_roll(plant), curve_of(plant)
    first = keep(api, roll, body, "one")
    assert keep(api, roll, body, "one").json() == first.json()
    again = keep(api, roll, body, "two").json()
    assert (again["recognised"], again["record"]) == (True, first.json()["record"])
    assert CurveFile.objects.filter(lot=roll).count() == 1
    other = keep(api, coated_roll(plant), body, "three")
    assert other.status_code == 409 and roll.code in other.json()["message"]


def test_correction_needs_a_reason_and_a_permission_and_supersedes(plant: Plant, api: ApiClient) -> None:
    roll, body = coated_roll(plant), curve_of(plant)
    first = keep(api, roll, body, "one").json()
    body["columns"]["mass_g"][-1] -= 0.0001
    without = keep(api, roll, body, "two")
    assert without.status_code == 409 and without.json()["problems"][0]["field"] == "reason"
    machine = ApiClient(plant.site, make_user(plant.site, Membership.Role.EQUIPMENT))
    assert keep(machine, roll, {**body, "reason": "wrong strip"}, "three").status_code == 403
    assert CurveFile.objects.filter(lot=roll).count() == 1
    kept = keep(api, roll, {**body, "reason": "the balance was not tared"}, "four")
    assert kept.status_code == 201
    listed = api.get(f"/lots/{roll.code}/records").json()["records"]
    assert [(one["superseded"], one["reason"]) for one in listed] == [
        (False, "the balance was not tared"),
        (True, ""),
    ]
    assert listed[0]["supersedes"] == first["record"]
    with pytest.raises(DatabaseError), transaction.atomic():
        CurveFile.objects.filter(lot=roll).update(unresolved="")


@pytest.mark.parametrize(
    ("change", "field", "status"),
    [
        ({"gauge": "NO-SUCH"}, "gauge", 409),
        ({"equipment": "MIXING-1"}, "equipment", 409),
        ({"step": "coating"}, "step", 409),
        ({"posted": {"filling.vacuum_mbar": "1"}}, "posted", 409),
        ({"posted": {"drying.endpoint_min": "soon"}}, "posted.drying.endpoint_min", 422),
        ({"columns": {"time_min": [0, 1], "mass_g": [1, "NaN"]}}, "columns.mass_g.1", 422),
        ({"columns": {"time_min": [1.77e12, 1.78e12], "mass_g": [2, 1]}}, "time_min", 409),
        ({"columns": {"time_min": [0, 1], "mass_g": [1]}}, "columns.mass_g", 422),
        ({"columns": {"time_min": [0, 1], "mass_g": [1, None]}}, "mass_g", 409),
        ({"started_at": "2199-01-01T00:00:00+00:00"}, "started_at", 409),
        ({"kind": "colour"}, "kind", 422),
    ],
)
def test_refusal_names_the_field_and_nothing_is_stored(
    plant: Plant, api: ApiClient, change: dict[str, Any], field: str, status: int
) -> None:
    answer = keep(api, coated_roll(plant), {**curve_of(plant), **change})
    assert answer.status_code == status, answer.content
    assert answer.json()["problems"][0]["field"] == field
    assert not CurveFile.objects.exists()
    assert not Measurement.objects.exists()


def test_record_of_a_step_that_has_not_begun_is_refused(plant: Plant, api: ApiClient) -> None:
    roll = plant.lot("T-ROLL", quantity=400, length_mm=400_000, lanes=10)
    answer = keep(api, roll, curve_of(plant))
    assert answer.status_code == 409 and "has not started drying" in answer.json()["message"]


def test_thickness_map_is_read_back_with_its_pattern(plant: Plant, api: ApiClient) -> None:
    body = map_body(make_gauge(plant, "thickness_gauge"), started_at=started())
    body["columns"]["border_1"][3] = None
    kept = keep(api, coated_roll(plant), body).json()
    assert kept["state"] == "resolved", kept
    shown = api.get(f"/records/{kept['record']}").json()
    assert shown["pattern"]["name"] == "edge"
    assert shown["borders"] == [1, 1] and shown["border"].count(True) == 2
    assert shown["thickness_um"][3][0] is None
    assert sum(shown["split_pct"]) == pytest.approx(100.0, abs=0.2)
    assert shown["values"]["map.edge_centre_um"] < -1


def test_chamber_pressure_gives_the_vacuum_where_nobody_typed_it(plant: Plant, api: ApiClient) -> None:
    cell, gauge = cell_in_filling(plant), make_gauge(plant, "pressure_sensor")
    kept = keep(api, cell, pressure_body(gauge, started_at=started())).json()
    assert (kept["state"], kept["readings"]) == ("resolved", 1)
    row = Measurement.objects.get(lot_id=cell.pk, characteristic__code="filling.vacuum_mbar")
    assert float(row.value) == 10.0
    other = cell_in_filling(plant)
    plant.submit([plant.reading("filling.vacuum_mbar", "12.5", other)])
    body = pressure_body(gauge, started_at=started() + timedelta(seconds=1))
    kept = keep(api, other, body, "other").json()
    assert "filling.vacuum_mbar was posted as 12.5, the record gives 10" in kept["unresolved"]


def test_records_of_another_site_do_not_exist(plant: Plant, api: ApiClient) -> None:
    kept = keep(api, coated_roll(plant), curve_of(plant)).json()
    elsewhere = make_plant()
    stranger = ApiClient(elsewhere.site, elsewhere.operator)
    assert stranger.get(f"/records/{kept['record']}").status_code == 404


def test_dose_timeline_is_the_integral_of_the_zone(plant: Plant, api: ApiClient) -> None:
    """formulas.md 2: 30 min at −40 °C and 20 °C air are 0.0949 · 0.5 g·h/m³."""
    roll = open_roll(plant, api, sensor_until_min=40)
    shown = api.get(f"/lots/{roll.code}/dose").json()
    (interval,) = shown["intervals"]
    assert interval["dose_g_h_m3"] == pytest.approx(0.09489 / 2, rel=1e-3)
    assert shown["total_g_h_m3"] == interval["dose_g_h_m3"]
    assert (interval["gaps"], [door["open_s"] for door in interval["doors"]]) == ([], [12.0])


def test_silent_sensor_makes_the_dose_unknown_and_never_zero(plant: Plant, api: ApiClient) -> None:
    roll = open_roll(plant, api, sensor_until_min=10)
    shown = api.get(f"/lots/{roll.code}/dose").json()
    (interval,) = shown["intervals"]
    assert interval["dose_g_h_m3"] is None and shown["total_g_h_m3"] is None
    ((gap_from, gap_to),) = interval["gaps"]
    assert gap_to == interval["closed_at"] and gap_to - gap_from == pytest.approx(21 * 60)


def test_lot_that_was_never_open_has_no_dose(plant: Plant, api: ApiClient) -> None:
    shown = api.get(f"/lots/{plant.lot().code}/dose").json()
    assert (shown["intervals"], shown["total_g_h_m3"]) == ([], None)
