"""Where a lot came from and where it went, to the metre."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lots.genealogy import count_reached
from lots.models import Lot
from lots.tracing import trace_document
from mes.web.ruler import ruler_of
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at

LISTED = 500


@require_safe
@site_page()
def trace(request: SiteRequest, code: str) -> HttpResponse:
    """The roll as a ruler, the graph, and every lot reached with its stretch; as JSON with `?format=json`."""
    lot = lot_at(request, code)
    forward = request.GET.get("direction", "forward" if lot.length_mm else "backward") == "forward"
    texts = [request.GET.get(name, "").strip() for name in ("from_m", "to_m")]
    interval, error = _interval(lot, texts)
    from_mm, to_mm = interval or (None, None)
    document = trace_document(lot, forward=forward, from_mm=from_mm, to_mm=to_mm, limit=LISTED)
    if request.GET.get("format") == "json":
        return JsonResponse(document)
    reached = count_reached(lot.pk, forward=forward, from_mm=from_mm, to_mm=to_mm)
    context: dict[str, Any] = {
        "nav_active": "lots",
        "lot": lot,
        "ruler": ruler_of(lot),
        "forward": forward,
        "from_m": texts[0],
        "to_m": texts[1],
        "interval": interval,
        "error": error,
        "nodes": [node for node in document["nodes"] if node["code"] != lot.code],
        "voided": [link for link in document["links"] if link["voided"]],
        "reached": reached,
        "truncated": document["truncated"],
        "query": request.GET.urlencode(),
    }
    return render(request, "web/lots/trace.html", context, status=422 if error else 200)


def _interval(lot: Lot, texts: list[str]) -> tuple[tuple[int, int] | None, str]:
    if not any(texts):
        return None, ""
    if lot.length_mm is None:
        return None, f"{lot.code} has no metre axis: leave both metres empty."
    try:
        start, end = (int(Decimal(text) * 1000) for text in texts)
    except (InvalidOperation, OverflowError, ValueError):
        return None, "Give both ends as numbers, such as 120 and 132.5."
    if not 0 <= start < end <= lot.length_mm:
        return None, f"The interval must lie on the roll: 0 to {lot.length_mm / 1000:g} m."
    return (start, end), ""
