"""Stop a stream: no new lot starts its step on it until a quality engineer lifts the stop by signature."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import Site, User
from quality.actions.sign import sign
from quality.actions.tighten import stratum
from quality.models import ReactionFiring, StreamStop
from quality.permissions import Action, require
from spc.models import Chart


class StopRefused(Exception):
    """It cannot be lifted so; the message names the field and the fix."""


def stop_on(chart: Chart) -> StreamStop | None:
    """The stop in force on the chart, read under the chart's lock."""
    return StreamStop.objects.filter(chart=chart, lifted_at__isnull=True).first()


def stop_stream(
    chart: Chart, firing: ReactionFiring, site: Site, *, reason: str, site_now: datetime
) -> StreamStop:
    """Put it in force; there is none yet. Runs in the evaluation, which holds the chart's lock."""
    return StreamStop.objects.create(
        firing=firing, reason=reason, stopped_at=site_now, **stratum(chart, site)
    )


@transaction.atomic
def lift_stop(stop: StreamStop, *, reason: str, user: User, password: str, now: datetime) -> StreamStop:
    """Let lots start again, under signature. What the stop held stays held."""
    act_as(user)
    fresh = StreamStop.objects.select_for_update(of=("self",)).select_related("site").get(pk=stop.pk)
    require(user, fresh.site, Action.LIFT_STOP)
    if fresh.lifted_at is not None:
        raise StopRefused("stop: it has been lifted already")
    if not reason.strip():
        raise StopRefused("reason: say what was found and what was done about it")
    fresh.lift_signature = sign(
        user=user,
        password=password,
        meaning="Stop lifted",
        record_kind="stream_stop",
        record_id=str(fresh.pk),
        content={"stop": fresh.pk, "chart": fresh.chart_id, "reason": reason.strip()},
        now=now,
    )
    fresh.lifted_at, fresh.lifted_by = site_time(fresh.site, now), user
    fresh.lift_reason = reason.strip()[:300]
    fresh.save(update_fields=["lifted_at", "lift_reason", "lifted_by", "lift_signature"])
    return fresh
