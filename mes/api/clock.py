"""The site clock; only a simulated site's can be set."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router

from lots.actions.acting import act_as
from lots.actions.clock import set_site_clock
from lots.clock import site_time
from lots.models import Site
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.schemas import Instant, Strict
from quality.permissions import Action, require

router = Router(tags=["Clock"])


class ClockIn(Strict):
    site_time: Instant


@router.get("/clock", response={200: dict[str, Any], **refusals()})
def read_clock(request: HttpRequest) -> JsonResponse:
    """The site's time. On a real site it is real time."""
    return JsonResponse(_clock(caller_of(request).site))


@router.post("/clock", response={200: dict[str, Any], **writing()})
def set_clock(request: HttpRequest, payload: ClockIn) -> JsonResponse:
    """Move the clock of a simulated site forward."""
    caller = caller_of(request)
    with transaction.atomic():
        act_as(caller.user)
        require(caller.user, caller.site, Action.SET_CLOCK)
        site = set_site_clock(caller.site, to=payload.site_time, now=timezone.now())
    return JsonResponse(_clock(site))


def _clock(site: Site) -> dict[str, Any]:
    return {"site": site.code, "simulated": site.simulated, "site_time": site_time(site, timezone.now())}
