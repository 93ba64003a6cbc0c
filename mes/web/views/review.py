"""The quality engineer's queue: what is held, what signalled, what is out of specification."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from lots.models import Hold
from mes.web.chart_json import chart_title
from mes.web.site import SiteRequest, site_page
from quality.cases import overdue_cases
from quality.evidence import open_holds
from quality.permissions import Action, may
from quality.queries import newest_defects
from spc.engine.special_rules import rule_named
from spc.models import Signal
from spc.queries import open_signals

HOLDS_LISTED = 100
SIGNALS_LISTED = 50
DEFECTS_LISTED = 25


@require_GET
@site_page()
def review(request: SiteRequest) -> HttpResponse:
    holds = list(open_holds(request.site).select_related("placed_by")[: HOLDS_LISTED + 1])
    signals = open_signals(request.site.pk)
    judged = list(signals.filter(provisional=False)[: SIGNALS_LISTED + 1])
    learning = list(signals.filter(provisional=True)[:SIGNALS_LISTED])
    defects = list(newest_defects(request.site)[:DEFECTS_LISTED])
    by_source = sorted(holds[:HOLDS_LISTED], key=lambda hold: (_order(hold.source), hold.placed_at))
    return render(
        request,
        "web/review/queue.html",
        {
            "nav_active": "review",
            "hold_groups": [
                (Hold.Source(source).label, list(of))
                for source, of in groupby(by_source, key=lambda hold: hold.source)
            ],
            "overdue": overdue_cases(request.site, request.site_now.date()),
            "holds": len(holds[:HOLDS_LISTED]),
            "more_holds": len(holds) > HOLDS_LISTED,
            "signals": [_signal(signal) for signal in judged[:SIGNALS_LISTED]],
            "more_signals": len(judged) > SIGNALS_LISTED,
            "learning": [_signal(signal) for signal in learning],
            "defects": defects,
            "may_dispose": may(request.user, request.site, Action.DISPOSE),
        },
    )


def _order(source: str) -> int:
    return Hold.Source.values.index(source)


def _signal(signal: Signal) -> dict[str, Any]:
    return {"signal": signal, "title": chart_title(signal.chart), "label": rule_named(signal.rule).label}
