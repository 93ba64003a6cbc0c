"""Cut, trim, wind or splice a roll at the station: new rolls, whose metres map onto those of the old ones."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from lots.models import Lot
from lots.queries import active_holds
from mes.web.site import SiteRequest, site_page
from mes.web.views.begin import new_code
from mes.web.views.station import lot_at
from quality.actions.gate import GateRefused
from quality.actions.receive import ReceiptRefused, decimal_of
from quality.actions.reshape import Piece, ReshapeRefused, cut, rewind, splice
from quality.actions.taking import ProductionRefused
from quality.permissions import Action

JOINED = 3  # rolls that one splice adds
LONGEST_M = 10**9


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.RUN_STEP)
def reshape(request: SiteRequest, code: str) -> HttpResponse:
    """One act on the roll; then the card of what was made of it."""
    roll, error = lot_at(request, code), ""
    if request.method == "POST":
        try:
            made = _made(request, roll)
        except (ReshapeRefused, ProductionRefused, ReceiptRefused, GateRefused) as refusal:
            error = str(refusal)
        else:
            kept = [lot.code for lot in made if lot.state != Lot.State.SCRAPPED]
            scrap = [lot.code for lot in made if lot.state == Lot.State.SCRAPPED]
            thrown = f" Scrap: {', '.join(scrap)}." if scrap else ""
            messages.success(request, f"Made: {', '.join(kept)}. Label what you keep.{thrown}")
            return redirect("web:station_lot", kept[0])
    context = {
        "nav_active": "station",
        "roll": roll,
        "held": active_holds([roll.pk]).exists(),
        "error": error,
        "entered": request.POST,
        "next": [(number, request.POST.get(f"roll-{number}", "").strip()) for number in range(1, JOINED + 1)],
    }
    return render(request, "web/station/reshape.html", context, status=422 if error else 200)


def _made(request: SiteRequest, roll: Lot) -> list[Lot]:
    post, user, now = request.POST, request.user, request.now
    match post.get("act"):
        case "wind":
            return [rewind(roll, new_code(post.get("code", "")), user=user, now=now)]
        case "splice":
            rolls = [roll, *_others(request)]
            overlap = _millimetres(post, "overlap_m")
            return [splice(rolls, new_code(post.get("code", "")), overlap_mm=overlap, user=user, now=now)]
        case "cut":
            give = _millimetres(post, "give_m")
            pieces = _pieces(post, roll)
            return cut(roll, pieces, uncertainty_mm=give, reason=post.get("reason", ""), user=user, now=now)
    raise ReshapeRefused("act: choose what was done to the roll")


def _others(request: SiteRequest) -> list[Lot]:
    codes = [
        code for number in range(1, JOINED + 1) if (code := request.POST.get(f"roll-{number}", "").strip())
    ]
    found = Lot.objects.select_related("site", "material", "work_order").filter(
        site=request.site, code__in=codes
    )
    by_code = {lot.code: lot for lot in found}
    unknown = [code for code in codes if code not in by_code]
    if unknown:
        raise ReshapeRefused(f"rolls: there is no lot {', '.join(unknown)[:100]} at {request.site.code}")
    return [by_code[code] for code in codes]


def _pieces(post: QueryDict, roll: Lot) -> list[Piece]:
    """The ends that are thrown away, under numbers of their own, and one or two rolls between them."""
    length = roll.length_mm or 0
    start, end = _millimetres(post, "start_m"), length - _millimetres(post, "end_m")
    across = _millimetres(post, "cut_m")
    if not 0 <= start < end <= length:
        raise ReshapeRefused(f"pieces: nothing would be left of {length / 1000:g} m")
    if across and not start < across < end:
        raise ReshapeRefused(
            f"pieces: the cut must lie between {start / 1000:g} and {end / 1000:g} m, where the roll is kept"
        )
    if not across and (start, end) == (0, length):
        raise ReshapeRefused("pieces: say what is thrown away, or where the roll is cut")
    ends = [start, across, end] if across else [start, end]
    codes = [new_code(post.get(name, "")) for name in ("code", "second")[: len(ends) - 1]]
    pieces = [Piece(*part) for part in zip(codes, ends, ends[1:], strict=False)]
    if start:
        pieces.append(Piece(new_code(f"{codes[0]}-HEAD"), 0, start, scrap=True))
    if end < length:
        pieces.append(Piece(new_code(f"{codes[-1]}-TAIL"), end, length, scrap=True))
    return pieces


def _millimetres(post: QueryDict, name: str) -> int:
    """Metres as typed, in whole millimetres; 0 where nothing is."""
    text = post.get(name, "").strip()
    metres = decimal_of(text, name) if text else decimal_of("0", name)
    if not 0 <= metres < LONGEST_M or metres * 1000 != int(metres * 1000):
        raise ReshapeRefused(f"{name}: {text} is no length in metres; from 0, to the millimetre")
    return int(metres * 1000)
