"""A person looks at a signal and names its cause."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import User
from quality.permissions import Action, require
from spc.models import Signal


class SignalRefused(Exception):
    """The cause cannot be assigned so; the message says why."""


@transaction.atomic
def assign_cause(signal: Signal, *, cause: str, user: User, now: datetime) -> Signal:
    """Record who looked at the signal, when, and what caused it. Once; the hold stays until it is disposed of."""
    act_as(user)
    fresh = (
        Signal.objects.select_for_update(of=("self",))
        .select_related("chart__stream__plan__site")
        .get(pk=signal.pk)
    )
    require(user, fresh.chart.stream.plan.site, Action.JUDGE_SIGNAL)
    if fresh.acknowledged_at is not None:
        raise SignalRefused("signal: somebody has assigned its cause already")
    if not cause.strip():
        raise SignalRefused("cause: say what caused it, or that none was found")
    fresh.cause, fresh.acknowledged_by, fresh.acknowledged_at = cause.strip()[:300], user, now
    fresh.save(update_fields=["cause", "acknowledged_by", "acknowledged_at"])
    return fresh
