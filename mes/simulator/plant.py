"""The demo line's masters, read from the data file that the demo loader reads too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path

PLANT_FILE = Path(__file__).resolve().parents[1] / "demo" / "plant.json"
CHANNELS_PER_TRAY = 12


@dataclass(frozen=True)
class Shift:
    """A shift by its start and end in the site's time zone, which for the demo site is UTC."""

    code: str
    starts: time
    ends: time

    def covers(self, at: datetime) -> bool:
        now = at.astimezone(UTC).time()
        if self.starts < self.ends:
            return self.starts <= now < self.ends
        return now >= self.starts or now < self.ends


@dataclass(frozen=True)
class Operator:
    username: str
    badge: str
    name: str
    shift: str | None
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Equipment:
    """A machine, a formation tray or a formation channel (`kind`); channels hang under trays, trays under
    machines.
    """

    code: str
    name: str
    step: str
    kind: str
    parent: str | None


@dataclass(frozen=True)
class Gauge:
    """`resolution` is the decimal text of the smallest step, in `unit`; a zone gauge names its zone and
    height.
    """

    code: str
    name: str
    kind: str
    unit: str
    resolution: str
    zone: str | None
    height_m: float | None
    calibration_interval_d: int


@dataclass(frozen=True)
class Plant:
    site: str
    time_zone: str
    product: str
    product_revision: str
    shifts: tuple[Shift, ...]
    equipment: tuple[Equipment, ...]
    zones: tuple[str, ...]
    gauges: tuple[Gauge, ...]
    operators: tuple[Operator, ...]

    def shift_at(self, at: datetime) -> Shift:
        return next(shift for shift in self.shifts if shift.covers(at))

    def operator_at(self, at: datetime, step: str) -> str:
        """The username of whoever works at `step` in the shift that covers `at`."""
        shift = self.shift_at(at).code
        return next(o.username for o in self.operators if o.shift == shift and step in o.steps)

    def trays(self) -> tuple[str, ...]:
        return tuple(e.code for e in self.equipment if e.kind == "tray")

    def channels(self, tray: str) -> tuple[str, ...]:
        return tuple(e.code for e in self.equipment if e.kind == "channel" and e.parent == tray)


@cache
def demo_plant() -> Plant:
    """The plant of `mes/demo/plant.json`. Raises KeyError or TypeError when the file lacks a field."""
    raw = json.loads(PLANT_FILE.read_text(encoding="utf-8"))
    if not raw["site"]["simulated"]:
        raise ValueError(f"{PLANT_FILE.name}: the simulator only works on a site flagged simulated")
    return Plant(
        site=raw["site"]["code"],
        time_zone=raw["site"]["time_zone"],
        product=raw["product"]["code"],
        product_revision=raw["product"]["revision"],
        shifts=tuple(
            Shift(s["code"], time.fromisoformat(s["starts"]), time.fromisoformat(s["ends"]))
            for s in raw["shifts"]
        ),
        equipment=tuple(Equipment(**row) for row in raw["equipment"]),
        zones=tuple(row["code"] for row in raw["zones"]),
        gauges=tuple(Gauge(**row) for row in raw["gauges"]),
        operators=tuple(Operator(**{**row, "steps": tuple(row["steps"])}) for row in raw["operators"]),
    )
