"""Raw records as instruments deliver them: a drying strip, a thickness map, a filling chamber."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from lots.envelope import ReadingIn
from lots.models import Gauge, Lot, StepExecution, Zone
from quality.actions.run_step import start_step
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_gauge

# The test curve of formulas.md: 45 % solvent, time constant 6 min, weighed every minute.
MINUTES = np.arange(0.0, 41.0)
CURVE_G = 10.0 * (0.55 + 0.45 * np.exp(-MINUTES / 6.0))


def mass_body(gauge: Gauge, *, started_at: datetime, **more: Any) -> dict[str, Any]:
    body = {
        "kind": "mass",
        "started_at": started_at.isoformat(),
        "gauge": gauge.code,
        "columns": {"time_min": MINUTES.tolist(), "mass_g": np.round(CURVE_G, 4).tolist()},
    }
    return body | more


def edge_map(*, profiles: int = 40, lanes: int = 10, seed: int = 1) -> dict[str, list[float]]:
    """Edges 3 µm thin, 0.002 µm/m of taper, and a border column on each side that is 15 µm too thick."""
    rng = np.random.default_rng(seed)
    metre = np.arange(profiles) * 10.0
    inner = 120.0 + 0.002 * metre[:, None] - 3.0 * np.linspace(-1, 1, lanes)[None, :] ** 2
    inner = inner + 0.2 * rng.standard_normal((profiles, lanes))
    columns = {"metre": metre.tolist(), "border_1": (inner[:, 0] + 15).tolist()}
    columns |= {f"lane_{lane + 1}": inner[:, lane].tolist() for lane in range(lanes)}
    return columns | {f"border_{lanes + 2}": (inner[:, -1] + 15).tolist()}


def map_body(gauge: Gauge, *, started_at: datetime, **more: Any) -> dict[str, Any]:
    body = {
        "kind": "thickness",
        "started_at": started_at.isoformat(),
        "gauge": gauge.code,
        "columns": edge_map(),
    }
    return body | more


def chamber() -> tuple[list[float], list[float]]:
    """Two evacuations, to 10 and to 20 mbar, each held about 60 s, 120 s of soak after the first."""
    time = np.arange(0.0, 400.0)
    pressure = np.full(time.size, 1013.0)
    pressure[20:80] = 10.0
    pressure[200:260] = 20.0
    return time.tolist(), pressure.tolist()


def pressure_body(gauge: Gauge, *, started_at: datetime, **more: Any) -> dict[str, Any]:
    time, pressure = chamber()
    body = {
        "kind": "pressure",
        "started_at": started_at.isoformat(),
        "gauge": gauge.code,
        "columns": {"time_s": time, "pressure_mbar": pressure},
    }
    return body | more


def table(body: dict[str, Any], *, separator: str = ",", decimal: str = ".") -> bytes:
    """The same record as the text table that an instrument's computer writes."""
    columns: dict[str, list[float]] = body["columns"]
    head = [f"# started: {body['started_at']}", f"# gauge: {body['gauge']}"]
    head += [f"# {code}: {text}" for code, text in body.get("posted", {}).items()]
    rows = [separator.join(columns)]
    rows += [
        separator.join(f"{value:.6f}".replace(".", decimal) for value in values)
        for values in zip(*columns.values(), strict=True)
    ]
    return ("\n".join([*head, *rows]) + "\n").encode()


def coated_roll(plant: Plant) -> Lot:
    """A mother roll whose coating has ended and whose drying runs."""
    roll = plant.lot("T-ROLL", quantity=400, length_mm=400_000, lanes=10)
    for step in ("coating", "drying"):
        execution = _since_morning(plant, roll, step)
        if step == "coating":
            plant.finish(execution)
    return roll


def cell_in_filling(plant: Plant) -> Lot:
    cell = plant.lot("T-CELL", quantity=1)
    plant.run(cell, "stacking")
    _since_morning(plant, cell, "filling")
    return cell


def _since_morning(plant: Plant, lot: Lot, step: str) -> StepExecution:
    """Start a step two hours ago, so that a record of it can have ended by now."""
    now = timezone.now()
    machine = plant.equipment[step]
    return start_step(
        [lot], step, user=plant.operator, equipment=machine, now=now, at=now - timedelta(hours=2)
    )[0]


def started() -> datetime:
    """When a record began: after its run, and long enough ago to have ended."""
    return timezone.now() - timedelta(hours=1)


def zone_with_air(plant: Plant, *, at: list[datetime], frost_c: float = -40.0) -> Zone:
    """A zone whose sensor read `frost_c` at each instant and whose door stood open for 12 s in the middle."""
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Staging")
    gauge = make_gauge(plant, "frost_point_sensor", zone=zone)
    readings = []
    for instant in at:
        for code, value, unit in (
            ("dry_room.frost_point_c", f"{frost_c:.2f}", "Cel"),
            ("dry_room.air_temperature_c", "20.0", "Cel"),
        ):
            readings.append(
                ReadingIn(code, value, unit, measured_at=instant, zone=zone.code, gauge=gauge.code)
            )
    door = at[len(at) // 2]
    readings.append(ReadingIn("dry_room.door_open_s", "12", "s", measured_at=door, zone=zone.code))
    plant.submit(readings)
    return zone


def open_roll(plant: Plant, api: ApiClient, *, sensor_until_min: int, minutes: int = 30) -> Lot:
    """A slit roll that lay open an hour ago, while the sensor read every minute up to some minute."""
    roll = plant.lot("T-SLIT", quantity=100, length_mm=100_000)
    now = timezone.now()
    begin = now - timedelta(minutes=60)
    zone = zone_with_air(plant, at=[begin + timedelta(minutes=m) for m in range(-5, sensor_until_min)])
    start_step([roll], "dry_room", user=plant.operator, equipment=None, now=now, at=begin)
    for verb, at in (("open", begin), ("close", begin + timedelta(minutes=minutes))):
        body = {"lot": roll.code, "at": at.isoformat()} | ({"zone": zone.code} if verb == "open" else {})
        answer = api.post(f"/containers/{verb}", body)
        assert answer.status_code < 300, answer.content
    return roll
