"""The dry-room logger: packets of gauge readings, a poll at every container scan, and door openings."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from mes.simulator.dry_room import DryRoomZone, Opening
from mes.simulator.events import DoorOpened, ZoneLogged, reading
from mes.simulator.schedule import AIR, LOG, Agenda, Step

LOGGER = "logger.dryroom"


class ZoneLogger:
    """Logs every zone from the first call of `begin` until no lot is left that could meet its air."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._zones: dict[str, DryRoomZone] = {}
        self._logged_to: dict[str, datetime] = {}
        self._gauges = {
            zone: tuple(
                g.code for g in agenda.plant.gauges if g.zone == zone and not g.code.startswith("DOOR-")
            )
            for zone in agenda.plant.zones
        }

    def begin(self, at: datetime) -> None:
        """Start logging; later calls do nothing."""
        if self._zones:
            return
        a = self._agenda
        period = timedelta(seconds=a.settings.log_period_s)
        for index, code in enumerate(a.plant.zones):
            self._zones[code] = DryRoomZone(code, index, a.streams, a.plant, a.faults, at)
            a.push(at, partial(self._hour, zone=code), order=AIR)
            for gauge in self._gauges[code]:
                self._logged_to[gauge] = at - period
                a.push(at, partial(self._packet, zone=code, gauge=gauge), order=LOG)

    def zone(self, code: str) -> DryRoomZone:
        return self._zones[code]

    def poll(self, at: datetime, zone: str) -> None:
        """Have the zone's frost-point sensors logged up to and at an instant."""
        for gauge in self._gauges[zone]:
            if gauge.startswith("FP-"):
                self._agenda.push(
                    at, partial(self._flush, zone=zone, gauge=gauge), order=LOG, before_seal=True
                )

    def _hour(self, at: datetime, zone: str) -> None:
        a = self._agenda
        for opening in self._zones[zone].begin_hour():
            closed_at = opening.opened_at + timedelta(seconds=opening.open_s)
            a.push(closed_at, partial(self._door, zone=zone, opening=opening))
        if a.dry_room_work:
            a.push(at + timedelta(hours=1), lambda t: self._hour(t, zone), order=AIR)

    def _packet(self, at: datetime, zone: str, gauge: str) -> Step | None:
        if not self._agenda.dry_room_work:
            return None
        again = at + timedelta(minutes=self._agenda.settings.log_packet_min)
        self._agenda.push(again, lambda t: self._packet(t, zone, gauge), order=LOG)
        return self._flush(at, zone, gauge)

    def _flush(self, at: datetime, zone: str, gauge: str) -> Step | None:
        """One packet: a reading each period since the last packet, and one now."""
        period = timedelta(seconds=self._agenda.settings.log_period_s)
        since = self._logged_to[gauge]
        if at <= since:
            return None
        if at - since > timedelta(minutes=self._agenda.settings.log_packet_min):
            since = at - period  # this line's log had ended: another one tells of the time between
        times = [since + period * (i + 1) for i in range(int((at - since) / period))]
        if not times or times[-1] < at:
            times.append(at)
        self._logged_to[gauge] = at
        air = self._zones[zone]
        head = self._agenda.head(at, times[0], "dry_room", zone, None, by=LOGGER)
        event = ZoneLogged(**head, readings=air.readings(gauge, tuple(times)), zone=zone, gauge=gauge)  # type: ignore[arg-type]
        return Step(event, lambda: self._agenda.note(zone, at, true_frost_point_c=air.frost_point_c(at)))

    def _door(self, at: datetime, zone: str, opening: Opening) -> Step | None:
        gauge = f"DOOR-{zone.removeprefix('DR-')}"
        head = self._agenda.head(at, opening.opened_at, "dry_room", zone, None, by=LOGGER)
        shown = reading("dry_room.door_open_s", opening.open_s, at, gauge=gauge)
        event = DoorOpened(**head, readings=(shown,), zone=zone, open_s=opening.open_s)  # type: ignore[arg-type]
        return Step(event, lambda: None)
