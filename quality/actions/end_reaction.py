"""End what a reaction left in force, under signature: a stop of a stream, or tightened sampling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import User
from quality.actions.sign import sign
from quality.models import StreamStop, Tightening
from quality.models.reaction import OfStream
from quality.permissions import Action, require


class EndingRefused(Exception):
    """It cannot be ended so; the message names the field and the fix."""


@dataclass(frozen=True)
class _Ending:
    """How one kind ends: who may, its fields (instant, reason, person, signature), and words."""

    action: Action
    fields: tuple[str, str, str, str]
    meaning: str
    record_kind: str
    ended: str
    ask: str


_STOP = _Ending(
    Action.LIFT_STOP,
    ("lifted_at", "lift_reason", "lifted_by", "lift_signature"),
    "Stop lifted",
    "stream_stop",
    "stop: it has been lifted already",
    "reason: say what was found and what was done about it",
)
_TIGHTENING = _Ending(
    Action.END_TIGHTENING,
    ("ended_at", "end_reason", "ended_by", "end_signature"),
    "Tightened sampling ended",
    "tightening",
    "tightening: it has ended already",
    "reason: say why the planned samples are enough again",
)


@transaction.atomic
def lift_stop(stop: StreamStop, *, reason: str, user: User, password: str, now: datetime) -> StreamStop:
    """Let lots start again, under signature. What the stop held stays held."""
    fresh = StreamStop.objects.select_for_update(of=("self",)).select_related("site").get(pk=stop.pk)
    _end(fresh, _STOP, reason=reason, user=user, password=password, now=now)
    return fresh


@transaction.atomic
def end_tightening(
    tightening: Tightening, *, reason: str, user: User, password: str, now: datetime
) -> Tightening:
    """End it before its time, under signature. Lots that started under it still owe what was asked of them."""
    fresh = Tightening.objects.select_for_update(of=("self",)).select_related("site").get(pk=tightening.pk)
    _end(fresh, _TIGHTENING, reason=reason, user=user, password=password, now=now)
    return fresh


def _end(row: OfStream, ending: _Ending, *, reason: str, user: User, password: str, now: datetime) -> None:
    act_as(user)
    require(user, row.site, ending.action)
    if getattr(row, ending.fields[0]) is not None:
        raise EndingRefused(ending.ended)
    if not reason.strip():
        raise EndingRefused(ending.ask)
    signature = sign(
        user=user,
        password=password,
        meaning=ending.meaning,
        record_kind=ending.record_kind,
        record_id=str(row.pk),
        content={ending.ended.partition(":")[0]: row.pk, "chart": row.chart_id, "reason": reason.strip()},
        now=now,
    )
    values = (site_time(row.site, now), reason.strip()[:300], user, signature)
    for name, value in zip(ending.fields, values, strict=True):
        setattr(row, name, value)
    row.save(update_fields=ending.fields)
