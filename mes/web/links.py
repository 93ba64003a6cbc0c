"""Where a thing is shown, and blockers as the pages show them: in words, with the link that resolves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from lots.models import HoldLot, Lot
from quality.blockers import Blocker, Code


@dataclass(frozen=True)
class BlockerRow:
    """One line of `includes/blockers.html`."""

    code: str
    words: str
    url: str
    action: str


# Resolved by measuring, finishing or closing something.
_AT_STATION = {Code.STEP_OPEN, Code.STEP_RUNS, Code.MISSING, Code.CONTAINER_OPEN, Code.UNDETERMINED}


def blocker_rows(lot: Lot, blockers: Iterable[Blocker]) -> list[BlockerRow]:
    """Blockers with the link to the hold, chart or station that resolves them."""
    return [_row(lot, blocker) for blocker in blockers]


def hold_rows(members: Iterable[HoldLot]) -> list[BlockerRow]:
    """The open holds of a lot alone: what stays in force while its step runs on."""
    return [
        BlockerRow(
            Code.HELD.value, member.hold.reason, reverse("web:hold", args=[member.hold_id]), "Open the hold"
        )
        for member in members
    ]


def _row(lot: Lot, blocker: Blocker) -> BlockerRow:
    url, action = "", ""
    if blocker.kind == "hold":
        url, action = reverse("web:hold", args=[blocker.key]), "Open the hold"
    elif blocker.kind == "chart":
        url, action = reverse("web:chart", args=[blocker.key]), "Open the chart"
    elif blocker.kind == "stop":
        url, action = f"{reverse('web:reactions')}#stop-{blocker.key}", "Open the stop"
    elif blocker.kind == "sampling":
        url, action = f"{reverse('web:reactions')}#sampling", "Open the sampling"
    elif blocker.kind == "acceptance":
        url, action = reverse("web:lot_acceptance", args=[lot.code]), "Open its acceptance"
    elif blocker.kind == "gate":
        url, action = f"{reverse('web:lot', args=[lot.code])}#gates", "Open its gates"
    elif blocker.kind == "gauge":
        url, action = reverse("web:gauge", args=[blocker.key]), "Open the gauge"
    elif blocker.code in {Code.EXPIRED, Code.NOT_RECEIVED}:
        url, action = f"{reverse('web:receiving')}?{urlencode({'q': lot.code})}", "Open receiving"
    elif blocker.kind == "zone":
        url, action = reverse("web:zone", args=[blocker.key]), "Fill in the checklist"
    elif blocker.code in _AT_STATION:
        url, action = reverse("web:station_lot", args=[lot.code]), "Go to the station"
    elif blocker.kind == "lot":
        url, action = reverse("web:lot", args=[lot.code]), "Open the lot"
    words = blocker.message[:1].upper() + blocker.message[1:]
    return BlockerRow(code=blocker.code.value, words=words, url=url, action=action)
