"""The air of a dry-room zone: an autocorrelated frost point, door openings that let moisture in, and its
gauges.

The true series lives on a grid of one minute. Frost point, air temperature and pressure are each AR(1) on
that grid: they are autocorrelated by nature, and a naive individuals chart of them alarms too often
(SPC.md, 29).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mes.simulator import physics
from mes.simulator.events import ReadingOut, reading
from mes.simulator.faults import FaultBook
from mes.simulator.plant import Plant
from mes.simulator.streams import Streams, ar1

MINUTE = timedelta(minutes=1)
HOUR_MIN = 60

# Mean, standard deviation and AR(1) coefficient per minute of the true series.
FROST_POINT_C = (-45.2, 0.80, 0.985)
AIR_C = (20.0, 0.40, 0.98)
PRESSURE_PA = (11.5, 1.20, 0.90)
FROST_GAUGE_SD_C = 0.30
AIR_GAUGE_SD_C = 0.10
PRESSURE_GAUGE_SD_PA = 0.30
HIGH_SENSOR_C = 0.10  # the air near the ceiling is a little wetter
DOORS_PER_HOUR = {"EARLY": 2.5, "LATE": 2.0, "NIGHT": 1.0}
DOOR_S = (15.0, 4.0)
SHORTEST_DOOR_S = 2.0


@dataclass(frozen=True)
class Opening:
    """A door opening: when it began and for how long the door stood open."""

    opened_at: datetime
    open_s: float


class DryRoomZone:
    """One zone's true air from `origin` on; `begin_hour` must be called for an hour before it is asked
    about.
    """

    def __init__(
        self, code: str, index: int, streams: Streams, plant: Plant, faults: FaultBook, origin: datetime
    ) -> None:
        self.code = code
        self._index = index
        self._streams = streams
        self._plant = plant
        self._faults = faults
        self.origin = origin
        self._dry: list[float] = []  # frost point without doors, Cel, per minute
        self._air: list[float] = []
        self._pressure: list[float] = []
        self._inflow: list[float] = []  # g/m3 let in by doors during each minute
        self._frost: list[float] = []  # true frost point, Cel, as far as computed
        self._pulse = 0.0

    def begin_hour(self) -> tuple[Opening, ...]:
        """Draw the next hour of air and doors; returns its door openings in time order."""
        hour = len(self._dry) // HOUR_MIN
        rng = self._streams.of("dry-room air", self._index, hour)
        for series, (mean, sd, phi) in (
            (self._dry, FROST_POINT_C),
            (self._air, AIR_C),
            (self._pressure, PRESSURE_PA),
        ):
            noise = rng.standard_normal(HOUR_MIN)
            before = series[-1] - mean if series else sd * float(noise[0])
            series.extend((mean + ar1(noise, phi, sd, before)).tolist())
        self._inflow.extend([0.0] * HOUR_MIN)
        starts = self.origin + timedelta(hours=hour)
        doors = self._streams.of("dry-room doors", self._index, hour)
        count = int(doors.poisson(DOORS_PER_HOUR[self._plant.shift_at(starts).code]))
        minutes = np.sort(doors.uniform(0.0, HOUR_MIN, count))
        seconds = doors.normal(*DOOR_S, count)
        openings = []
        for minute, drawn in zip(minutes.tolist(), seconds.tolist(), strict=True):
            at = starts + timedelta(minutes=minute)
            open_s = max(SHORTEST_DOOR_S, drawn) + self._faults.door_extra_s(self.code, at)
            self._inflow[hour * HOUR_MIN + int(minute)] += open_s * physics.DOOR_G_M3_PER_S
            openings.append(Opening(at, open_s))
        return tuple(openings)

    def _at(self, series: list[float], at: datetime) -> float:
        """Linear interpolation between the minutes of a series."""
        minute = (at - self.origin) / MINUTE
        low = min(int(minute), len(series) - 1)
        high = min(low + 1, len(series) - 1)
        return series[low] + (series[high] - series[low]) * min(1.0, minute - low)

    def frost_point_c(self, at: datetime) -> float:
        """The true frost point. A door's moisture mixes in within its minute and decays with the air
        change.
        """
        needed = min(int((at - self.origin) / MINUTE) + 2, len(self._dry))
        keep = math.exp(-1.0 / physics.AIR_CHANGE_MIN)
        for minute in range(len(self._frost), needed):
            self._pulse = self._pulse * keep + self._inflow[minute]
            humidity = float(physics.humidity_g_m3(self._dry[minute])) + self._pulse
            self._frost.append(float(physics.frost_point_c(humidity)))
        return self._at(self._frost, at)

    def dose_g_h_m3(self, opened_at: datetime, closed_at: datetime) -> float:
        """The true moisture dose of an open interval: trapezoids of absolute humidity, a minute wide."""
        steps = max(1, math.ceil((closed_at - opened_at) / MINUTE))
        times = [opened_at + (closed_at - opened_at) * (i / steps) for i in range(steps + 1)]
        humidity = physics.humidity_g_m3(np.array([self.frost_point_c(t) for t in times]))
        hours = (closed_at - opened_at).total_seconds() / 3600.0
        return float(np.trapezoid(humidity, dx=hours / steps))

    def readings(self, gauge: str, times: tuple[datetime, ...]) -> tuple[ReadingOut, ...]:
        """What a gauge of this zone shows at the given instants."""
        out: list[ReadingOut] = []
        for at in times:
            seconds = int((at - self.origin).total_seconds() * 1000)
            noise = self._streams.of(f"gauge {gauge}", seconds).standard_normal(2)
            if gauge.startswith("DP-"):
                value = self._at(self._pressure, at) + PRESSURE_GAUGE_SD_PA * noise[0]
                out.append(reading("dry_room.pressure_pa", value, at, gauge=gauge))
                continue
            height = HIGH_SENSOR_C if gauge.endswith("-HIGH") else 0.0
            frost = self.frost_point_c(at) + height + FROST_GAUGE_SD_C * noise[0]
            frost += self._faults.sensor_offset_c(gauge, at)
            out.append(reading("dry_room.frost_point_c", frost, at, gauge=gauge))
            air = self._at(self._air, at) + AIR_GAUGE_SD_C * noise[1]
            out.append(reading("dry_room.air_temperature_c", air, at, gauge=gauge))
        return tuple(out)
