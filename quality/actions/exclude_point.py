"""A person decides whether a point counts: it stays plotted, the chart is judged again, holds stay."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import User
from quality.actions.react import react
from quality.permissions import Action, require
from spc.actions.exclude import set_excluded
from spc.models import Point


@transaction.atomic
def exclude_point(point: Point, *, excluded: bool, reason: str, user: User, now: datetime) -> None:
    """Exclude the point from rules and limits, or include it again.

    Signals that the rest of the chart shows without it are judged by the reaction plan. Raises NotPermitted or
    ExclusionRefused.
    """
    act_as(user)
    site = point.chart.stream.plan.site
    require(user, site, Action.EXCLUDE_POINT)
    replayed = set_excluded(point, excluded=excluded, reason=reason, decided_by_id=user.pk, now=now)
    if replayed.signals:
        react(point.chart, replayed.signals, site, now=now, site_now=site_time(site, now))
