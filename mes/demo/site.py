"""Site, shifts, machines, zones and gauges of the demo line, from `plant.json`."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from lots.clock import site_time
from lots.models import Calibration, Equipment, Gauge, ProcessStep, Shift, Site, User, Zone
from quality.actions.shift_check import set_zone_rule

PLANT_FILE = Path(__file__).with_name("plant.json")
# The demo's clock starts sixty days back, so that simulated history lies before today.
STARTS_AGO = timedelta(days=60)
CALIBRATED_AGO = timedelta(days=7)
FROST_POINT_SENSOR = "frost_point_sensor"
Rows = list[dict[str, Any]]


def plant() -> dict[str, Any]:
    """The content of the plant file, which the simulator reads too."""
    content: dict[str, Any] = json.loads(PLANT_FILE.read_text(encoding="utf-8"))
    return content


def load_site(content: dict[str, Any]) -> Site:
    """The site with its shifts. An existing site keeps its clock."""
    row = content["site"]
    site, _ = Site.objects.get_or_create(
        code=row["code"],
        defaults={
            "name": row["name"],
            "time_zone": row["time_zone"],
            "production_day_starts": time.fromisoformat(row["production_day_starts"]),
            "simulated": row["simulated"],
            "clock_offset_s": -STARTS_AGO.total_seconds(),
        },
    )
    for shift in content["shifts"]:
        Shift.objects.get_or_create(
            site=site,
            name=shift["code"],
            defaults={
                "starts": time.fromisoformat(shift["starts"]),
                "ends": time.fromisoformat(shift["ends"]),
            },
        )
    return site


def load_equipment(site: Site, content: dict[str, Any]) -> int:
    """Machines, then trays, then channels: a parent stands before its parts in the file."""
    steps = {step.code: step for step in ProcessStep.objects.all()}
    known: dict[str, Equipment] = {}
    for row in content["equipment"]:
        known[row["code"]], _ = Equipment.objects.get_or_create(
            site=site,
            code=row["code"],
            defaults={
                "name": row["name"],
                "step": steps[row["step"]],
                "parent": known[row["parent"]] if row["parent"] else None,
            },
        )
    for row in content["zones"]:
        Zone.objects.get_or_create(site=site, code=row["code"], defaults={"name": row["name"]})
    return len(known)


def load_zone_rules(site: Site, content: dict[str, Any], *, user: User, now: datetime) -> None:
    """Steps start in a dry room behind its shift checklist; a zone that has a rule keeps it."""
    zones = {zone.code: zone for zone in site.zones.select_related("site").filter(rules__isnull=True)}
    for row in content["zones"]:
        if row["code"] in zones:
            set_zone_rule(
                zones[row["code"]],
                row["checked_before"],
                hours=None,
                reason="daily checklist of the handbook, 7.2",
                user=user,
                now=now,
            )


def load_gauges(site: Site, gauges: Rows, *, user: User, now: datetime) -> int:
    """Gauges, each with one calibration that is fresh when the demo begins."""
    zones = {zone.code: zone for zone in site.zones.all()}
    calibrated_at = site_time(site, now) - CALIBRATED_AGO
    for row in gauges:
        frost = row["kind"] == FROST_POINT_SENSOR
        gauge, created = Gauge.objects.get_or_create(
            site=site,
            code=row["code"],
            defaults={
                "name": row["name"],
                "kind": row["kind"],
                "unit": row["unit"],
                "resolution": Decimal(row["resolution"]),
                "zone": zones[row["zone"]] if row["zone"] else None,
                "height_m": Decimal(str(row["height_m"])) if row["height_m"] is not None else None,
                "moisture_reading": Gauge.MoistureReading.FROST_POINT if frost else "",
            },
        )
        if created:
            Calibration.objects.create(
                gauge=gauge,
                calibrated_at=calibrated_at,
                due_at=calibrated_at + timedelta(days=row["calibration_interval_d"]),
                passed=True,
                certificate=f"DEMO-{row['code']} (simulated)",
                recorded_by=user,
            )
    return len(gauges)
