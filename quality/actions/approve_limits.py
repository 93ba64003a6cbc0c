"""Freeze a chart's limits under a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import User
from quality.actions.sign import sign
from quality.permissions import Action, require
from spc.actions.freeze import Seen, basis_of, freeze_limits
from spc.models import Chart, LimitRevision


@transaction.atomic
def approve_limits(
    chart: Chart,
    *,
    excluded: Mapping[int, str],
    reason: str,
    user: User,
    password: str,
    now: datetime,
    seen: Seen | None = None,
) -> LimitRevision:
    """End phase 1: the points become the basis of frozen limits; signed are the points and what they estimate.

    `seen`: what the signer has looked at; None: all there is. Raises FreezeRefused or SignatureRefused.
    """
    act_as(user)
    require(user, chart.stream.plan.site, Action.FREEZE_LIMITS)
    basis = basis_of(chart.pk, excluded=excluded, seen=seen)
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
            "basis": [point.sequence for point in basis.points if point.pk not in excluded],
            "center": repr(basis.fit.center),
            "sigma": repr(basis.fit.sigma),
        },
        now=now,
    )
    return freeze_limits(basis, reason=reason, made_by_id=user.pk, signature_id=signature.pk, now=now)
