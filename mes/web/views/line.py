"""Line overview: what runs, what is held, what waits for whom, what signals, how dry the air is."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lots.models import Membership
from mes.web.board import board
from mes.web.site import SiteRequest, roles_at, site_page


@require_safe
@site_page()
def overview(request: SiteRequest) -> HttpResponse:
    return render(request, "web/line/overview.html", _context(request))


@require_safe
@site_page()
def board_fragment(request: SiteRequest) -> HttpResponse:
    """The moving part of the overview; fetched every few seconds."""
    return render(request, "web/line/_board.html", _context(request))


def _context(request: SiteRequest) -> dict[str, Any]:
    roles = set(roles_at(request, request.site))
    return {
        "nav_active": "line",
        "board": board(request.site, now=request.now, site_now=request.site_now),
        "is_quality": Membership.Role.QUALITY_ENGINEER in roles,
        "is_process": Membership.Role.PROCESS_ENGINEER in roles,
    }
