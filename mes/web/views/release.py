"""Release of a lot: every blocker on one page, the signature, the certificate, and letting it leave."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import Lot, Movement
from mes.documents.certificate import certificate_pdf
from mes.web.links import blocker_rows
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.gate import GateRefused
from quality.actions.release import let_leave, release_lot
from quality.actions.sign import SignatureRefused, verify
from quality.models import Release
from quality.permissions import Action, may, require
from quality.release_view import (
    current_release,
    learning_streams,
    members_of,
    release_blockers,
    rows_of,
)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def release(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    if request.method != "POST":
        return _page(request, lot)
    action = request.POST.get("action", "")
    try:
        if action == "release":
            done = release_lot(
                lot, user=request.user, password=request.POST.get("password", ""), now=request.now
            )
            messages.success(request, f"Released and signed: {done.certificate}.")
        else:
            require(request.user, request.site, Action.SHIP)
            kind = Movement.Kind.SHIP if action == "ship" else Movement.Kind.PACK
            let_leave([lot], kind, user=request.user, now=request.now)
            messages.success(request, f"{lot.code} is {'shipped' if action == 'ship' else 'packed'}.")
    except GateRefused as refused:
        return _page(request, lot, error=str(refused), status=409)
    except SignatureRefused as refused:
        return _page(request, lot, error=str(refused), status=422)
    return redirect("web:lot_release", lot.code)


@require_safe
@site_page()
def certificate(request: SiteRequest, key: int) -> HttpResponse:
    """The certificate as PDF. Its QR code leads to the lot's release page."""
    found = get_object_or_404(
        Release.objects.select_related("site", "lot", "signature"), pk=key, site=request.site
    )
    if not verify(found.signature, found.content):
        raise Http404("the record is not what was signed")
    link = request.build_absolute_uri(reverse("web:lot_release", args=[found.lot.code]))
    answer = HttpResponse(certificate_pdf(found, link=link), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{found.certificate}.pdf"'
    return answer


def _page(request: SiteRequest, lot: Lot, *, error: str = "", status: int = 200) -> HttpResponse:
    lots = members_of(lot)
    in_force = current_release(lot)
    blockers = [] if in_force else release_blockers(lot, user=request.user, now=request.now)
    releases = Release.objects.filter(lot=lot).select_related("signature", "site").order_by("-id")
    context = {
        "nav_active": "lots",
        "lot": lot,
        "members": lots[1:],
        "blockers": blocker_rows(lot, blockers),
        "rows": rows_of(lots),
        "learning": learning_streams(lots),
        "in_force": in_force,
        "releases": [(row, verify(row.signature, row.content)) for row in releases],
        "may_release": may(request.user, request.site, Action.RELEASE),
        "may_ship": may(request.user, request.site, Action.SHIP),
        "error": error,
    }
    return render(request, "web/lots/release.html", context, status=status)
