"""Answer a dry room's shift checklist, and set the rule that asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import ProcessStep, User, Zone
from lots.science.humidity_events import ChecklistItem
from lots.shifts import shift_span
from quality.models import ShiftCheck, ZoneRule
from quality.permissions import Action, require

LONGEST = 300
LONGEST_WINDOW_H = 168


class ShiftCheckRefused(Exception):
    """It cannot be stored so; the message begins with the field and says what would be right."""


@transaction.atomic
def answer_checklist(
    zone: Zone, answers: Mapping[ChecklistItem, bool], *, remarks: str = "", user: User, now: datetime
) -> ShiftCheck:
    """Record all seven answers. The latest check of the shift counts, so what failed is checked again when it is put
    right."""
    act_as(user)
    require(user, zone.site, Action.CHECK_SHIFT)
    open_items = [item.value.replace("_", " ") for item in ChecklistItem if item not in answers]
    if open_items:
        raise ShiftCheckRefused(f"answers: {', '.join(open_items)} not answered; answer all seven items")
    if zone.retired_at is not None:
        raise ShiftCheckRefused(f"zone: {zone.code} is no longer in use")
    remarks = remarks.strip()
    if not all(answers.values()) and not remarks:
        raise ShiftCheckRefused("remarks: say what is wrong with the items that failed")
    if len(remarks) > LONGEST:
        raise ShiftCheckRefused(f"remarks: at most {LONGEST} characters")
    here = site_time(zone.site, now)
    return ShiftCheck.objects.create(
        zone=zone,
        shift=shift_span(zone.site, here).name,
        remarks=remarks,
        checked_by=user,
        checked_at=here,
        **{item.value: answers[item] for item in ChecklistItem},
    )


@transaction.atomic
def set_zone_rule(
    zone: Zone, steps: Sequence[str], *, hours: int | None, reason: str, user: User, now: datetime
) -> ZoneRule:
    """From now on these steps start in the zone behind a passed checklist: one of the shift, or not older than `hours`.

    Without steps the zone asks for no checklist any more.
    """
    act_as(user)
    require(user, zone.site, Action.EDIT_MASTERS)
    known = set(ProcessStep.objects.values_list("code", flat=True))
    unknown = [step for step in steps if step not in known]
    if unknown:
        raise ShiftCheckRefused(f"steps: {', '.join(unknown)} is no process step")
    if hours is not None and not 1 <= hours <= LONGEST_WINDOW_H:
        raise ShiftCheckRefused(f"hours: between 1 and {LONGEST_WINDOW_H}, or empty for once a shift")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST:
        raise ShiftCheckRefused(f"reason: say why, in at most {LONGEST} characters")
    return ZoneRule.objects.create(
        zone=zone,
        steps=sorted(set(steps)),
        window=ZoneRule.Window.SHIFT if hours is None else ZoneRule.Window.HOURS,
        hours=hours,
        reason=reason,
        set_by=user,
        set_at=site_time(zone.site, now),
    )
