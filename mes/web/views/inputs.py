"""What a lot was made from, put right: the wrong link is voided, what really went in stands instead."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from lots.models import GenealogyLink
from lots.queries import active_holds
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.correct_input import InputCorrectionRefused, correct_input
from quality.actions.sign import SignatureRefused
from quality.actions.taking import ProductionRefused
from quality.permissions import Action

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.CORRECT_INPUT)
def inputs(request: SiteRequest, code: str) -> HttpResponse:
    """What was consumed into the lot, what of it was corrected, and the form that corrects one."""
    lot, error = lot_at(request, code), ""
    links = GenealogyLink.objects.filter(child=lot, kind=GenealogyLink.Kind.CONSUME)
    if request.method == "POST":
        try:
            made = _correct(request, links)
        except (InputCorrectionRefused, ProductionRefused, SignatureRefused) as refusal:
            error = str(refusal)
        else:
            held = " It is held." if active_holds([lot.pk]).exists() else ""
            stands = f"{made.parent.code} stands instead." if made else "Nothing stands instead."
            messages.success(request, f"Signed. The link is voided and stays as evidence. {stands}{held}")
            return redirect("web:lot", lot.code)
    rows = links.select_related("parent__material", "voided_by").order_by("pk")[:SHOWN]
    context = {
        "nav_active": "lots",
        "lot": lot,
        "standing": [link for link in rows if link.voided_at is None],
        "voided": [link for link in rows if link.voided_at is not None],
        "error": error,
        "entered": request.POST,
    }
    return render(request, "web/lots/inputs.html", context, status=422 if error else 200)


def _correct(request: SiteRequest, links: QuerySet[GenealogyLink]) -> GenealogyLink | None:
    post = request.POST
    chosen = post.get("link", "")
    known = links.select_related("child__site", "parent__material")
    link = known.filter(pk=chosen).first() if chosen.isdecimal() else None
    if link is None:
        raise InputCorrectionRefused("input: choose which one is wrong")
    if not post.get("instead", "").strip() and post.get("nothing") != "yes":
        raise InputCorrectionRefused("instead: scan what really went in, or tick that nothing did")
    return correct_input(
        link,
        instead="" if post.get("nothing") == "yes" else post.get("instead", ""),
        reason=post.get("reason", ""),
        user=request.user,
        password=post.get("password", ""),
        now=request.now,
    )
