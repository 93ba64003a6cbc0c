"""Freeze a chart's limits under a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import User
from quality.actions.sign import sign
from quality.permissions import Action, require
from spc.actions.freeze import freeze_limits
from spc.models import Chart, LimitRevision


@transaction.atomic
def approve_limits(
    chart: Chart, *, excluded: Mapping[int, str], reason: str, user: User, password: str, now: datetime
) -> LimitRevision:
    """End phase 1: the points named become the basis of frozen limits. Raises FreezeRefused or SignatureRefused."""
    act_as(user)
    require(user, chart.stream.plan.site, Action.FREEZE_LIMITS)
    signature = sign(
        user=user,
        password=password,
        meaning="Control limits approved",
        record_kind="limit_revision",
        record_id=f"chart:{chart.pk}",
        content={
            "chart": chart.pk,
            "excluded": {str(key): excluded[key] for key in sorted(excluded)},
            "reason": reason,
        },
        now=now,
    )
    return freeze_limits(
        chart.pk, excluded=excluded, reason=reason, made_by_id=user.pk, signature_id=signature.pk, now=now
    )
