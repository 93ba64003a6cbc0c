"""Begin a lot at the station: of an order, from what it is made of. Slit rolls and cells come of their steps."""

from __future__ import annotations

import re
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from lots.models import MaterialDefinition, WorkOrder
from mes.api.schemas import LOT_CODE, PATTERN_HELP
from mes.web.site import SiteRequest, site_page
from quality.actions.gate import GateRefused
from quality.actions.produce import NewLot, produce_lots
from quality.actions.receive import ReceiptRefused, decimal_of
from quality.actions.taking import Input, ProductionRefused
from quality.permissions import Action

Kind = MaterialDefinition.Kind
BEGUN = (Kind.COLLECTOR, Kind.SLURRY, Kind.MOTHER_ROLL, Kind.ELECTROLYTE, Kind.CELL_LOT)  # along the line
INPUTS = 4  # rows for what it is made of
MOST_LANES = 99


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.RUN_STEP)
def begin(request: SiteRequest) -> HttpResponse:
    """Make the lot and open its card, where its first step starts."""
    error = ""
    if request.method == "POST":
        try:
            spec = _spec(request.POST)
            produce_lots([spec], site=request.site, user=request.user, now=request.now)
        except (ProductionRefused, ReceiptRefused, GateRefused) as refusal:
            error = str(refusal)
        else:
            messages.success(request, f"{spec.code} is made. Next: start its first step.")
            return redirect("web:station_lot", spec.code)
    entered = request.POST or request.GET
    context = {
        "nav_active": "station",
        "error": error,
        "orders": WorkOrder.objects.filter(site=request.site, closed_at__isnull=True).order_by("-pk"),
        "materials": sorted(
            MaterialDefinition.objects.filter(kind__in=BEGUN, retired_at__isnull=True),
            key=lambda material: (BEGUN.index(Kind(material.kind)), material.code),
        ),
        "entered": entered,
        "inputs": [
            (number, entered.get(f"parent-{number}", ""), entered.get(f"taken-{number}", ""))
            for number in range(1, INPUTS + 1)
        ],
    }
    return render(request, "web/station/begin.html", context, status=422 if error else 200)


def new_code(text: str) -> str:
    """The number of a lot that is to be. Raises ProductionRefused where it cannot be one."""
    code = text.strip()
    if len(code) > 48 or not re.fullmatch(LOT_CODE, code):
        raise ProductionRefused(
            f"code: scan or type the number that the lot is to have; it {PATTERN_HELP[LOT_CODE]}"
        )
    return code


def _spec(post: QueryDict) -> NewLot:
    """The form as a lot. Raises ProductionRefused or ReceiptRefused, naming the field."""
    code = new_code(post.get("code", ""))
    if not post.get("order"):
        raise ProductionRefused("order: choose one; without an order no control plan asks or judges anything")
    length = post.get("length_m", "").strip()
    lanes = post.get("lanes", "").strip()
    if lanes and not (lanes.isascii() and lanes.isdecimal() and 1 <= int(lanes) <= MOST_LANES):
        raise ProductionRefused(f"lanes: a whole number from 1 to {MOST_LANES}")
    inputs = tuple(
        Input(parent=parent, quantity=_amount(post, f"taken-{number}", f"how much of {parent}"))
        for number in range(1, INPUTS + 1)
        if (parent := post.get(f"parent-{number}", "").strip())
    )
    return NewLot(
        code=code,
        material=post.get("material", ""),
        quantity=_amount(post, "quantity", "how much"),
        work_order=post.get("order", ""),
        length_mm=int(decimal_of(length, "length_m") * 1000) if length else None,
        lanes=int(lanes) if lanes else None,
        inputs=inputs,
    )


def _amount(post: QueryDict, name: str, words: str) -> Decimal:
    amount = decimal_of(post.get(name, ""), name)
    if amount <= 0 or amount != round(amount, 3) or amount >= 10**11:
        raise ProductionRefused(f"quantity: say {words}, above zero and with at most 3 decimals")
    return amount
