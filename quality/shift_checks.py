"""Whether a dry room is fit to start work in: its shift checklist and its humidity sensors. Fails closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lots.actions.validate import calibrated_at
from lots.catalogue import calibrations_of, gauges_of
from lots.clock import site_time
from lots.masters import remembered
from lots.models import Lot, Site, Zone
from lots.science.humidity_events import ChecklistItem, checklist_blocks
from lots.shifts import ShiftSpan, shift_span
from quality.blockers import Blocker, Code
from quality.models import ShiftCheck, ZoneRule

WORDS = {
    ChecklistItem.CALIBRATION: "Sensors are in calibration",
    ChecklistItem.PRESSURE: "Overpressure holds",
    ChecklistItem.STAGING: "Material is staged where it belongs",
    ChecklistItem.SEALED_CONTAINERS: "Containers are sealed",
    ChecklistItem.OPEN_TIME_LOGGING: "Open times are logged",
    ChecklistItem.GLOVES: "Gloves are sound",
    ChecklistItem.DESICCANT_AND_SEALS: "Desiccant and door seals are good",
}


@dataclass(frozen=True)
class ZoneStanding:
    """A zone with the rule in force, the latest check that counts now, and why no step may start there."""

    zone: Zone
    rule: ZoneRule | None
    span: ShiftSpan
    check: ShiftCheck | None
    reasons: tuple[str, ...]

    @property
    def fit(self) -> bool:
        return not self.reasons


def shift_blockers(lots: Iterable[Lot], step_code: str, *, now: datetime) -> dict[int, list[Blocker]]:
    """What the zones in which the step starts say against starting it now, by site."""
    found: dict[int, list[Blocker]] = {}
    for site in {lot.site for lot in lots}:
        zones = [
            zone for zone, rule in _rules(site.pk).items() if rule is not None and step_code in rule.steps
        ]
        found[site.pk] = [
            Blocker(Code.SHIFT_CHECK, f"{state.zone.name}: {'; '.join(state.reasons)}", "zone", state.zone.pk)
            for state in (_standing(site, zones, now) if zones else ())
            if not state.fit
        ]
    return found


def standing_of_zones(site: Site, *, now: datetime) -> list[ZoneStanding]:
    """Every zone of the site that is in use, by code."""
    return _standing(site, list(_rules(site.pk)), now)


def _standing(site: Site, zones: Sequence[Zone], now: datetime) -> list[ZoneStanding]:
    here, rules = site_time(site, now), _rules(site.pk)
    span = shift_span(site, here)
    latest = (
        ShiftCheck.objects.filter(zone__in=zones, checked_at__lte=here)
        .select_related("checked_by")
        .order_by("zone", "-checked_at", "-pk")
        .distinct("zone")
    )
    by_zone = {check.zone_id: check for check in latest}
    found = []
    for zone in zones:
        rule, check = rules[zone], by_zone.get(zone.pk)
        if check is not None and check.checked_at < _since(rule, span, here):
            check = None
        reasons = _reasons(rule, check, zone, span, here)
        found.append(ZoneStanding(zone, rule, span, check, reasons))
    return found


def _since(rule: ZoneRule | None, span: ShiftSpan, here: datetime) -> datetime:
    if rule is not None and rule.hours is not None:
        return here - timedelta(hours=rule.hours)
    return span.starts_at


def _reasons(
    rule: ZoneRule | None, check: ShiftCheck | None, zone: Zone, span: ShiftSpan, here: datetime
) -> tuple[str, ...]:
    if rule is None or not rule.steps:
        return ()
    missing: list[str] = []
    if check is None:
        window = f"shift {span.name}" if rule.hours is None else f"the last {rule.hours} h"
        missing = [f"the checklist is not filled in for {window}"]
    due_in_s = _calibration_due_in_s(zone, here)
    if due_in_s is None:
        missing.append("no humidity sensor stands in the zone")
    answers = dict.fromkeys(ChecklistItem, True) if check is None else check.answers
    said = checklist_blocks(answers, calibration_due_in_s=1.0 if due_in_s is None else due_in_s)
    return (*missing, *(words.replace("_", " ") for words in said))


def _calibration_due_in_s(zone: Zone, here: datetime) -> float | None:
    """Seconds until the first of the zone's humidity sensors is due, 0 when one may not be used; None without one."""
    sensors = [
        gauge
        for gauge in gauges_of(zone.site_id).values()
        if gauge.zone_id == zone.pk and gauge.moisture_reading and gauge.retired_at is None
    ]
    due = []
    for sensor in sensors:
        calibrations = calibrations_of(sensor.pk)
        if not calibrated_at(calibrations, here):
            return 0.0
        due.append((calibrations[-1].due_at - here).total_seconds())
    return min(due, default=None)


@remembered(ZoneRule, Zone)
def _rules(site_id: int) -> dict[Zone, ZoneRule | None]:
    """The site's zones in use with the rule in force."""
    rules = ZoneRule.objects.filter(zone__site=site_id).order_by("zone", "-pk").distinct("zone")
    by_zone = {rule.zone_id: rule for rule in rules}
    zones = Zone.objects.filter(site=site_id, retired_at__isnull=True).order_by("code")
    return {zone: by_zone.get(zone.pk) for zone in zones}
