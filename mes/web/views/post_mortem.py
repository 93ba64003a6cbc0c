"""The post-mortem of a cell: custody, layers with photographs, and hypotheses that name their evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import Lot
from mes.photos import MAX_BYTES, NoPhoto, keep_photo, load_photo
from mes.storage import FileLost
from mes.web.forms.upload import CappedUpload
from mes.web.site import SiteRequest, site_page
from mes.web.views.investigation import case_of_site
from quality.actions.open_case import CaseRefused
from quality.actions.post_mortem import (
    VERDICTS,
    begin_post_mortem,
    examine_layer,
    judge_hypothesis,
    pose_hypothesis,
    take_custody,
)
from quality.cases import case_view
from quality.models import CaseEntry, CasePhoto, Nonconformance
from quality.permissions import Action, may
from quality.post_mortem import EVENTS, LAYERS, timeline_of

MOST_PHOTOS = 4
READINGS = 3
EVENT_WORDS = {
    "last_good_at": "Last known good",
    "first_sign_at": "First sign of the failure",
    "removed_at": "Taken off the line or the channel",
    "opened_at": "Opened, or to be opened",
}


@csrf_exempt  # the token lies in the body, which must not be read before the cap stands; checked in `_framed`
@require_http_methods(["GET", "HEAD", "POST"])
def post_mortem(request: HttpRequest, key: int) -> HttpResponseBase:
    if request.method == "POST":
        request.upload_handlers = [CappedUpload(request, max_bytes=MOST_PHOTOS * MAX_BYTES)]
    return _framed(request, key)


@require_safe
@site_page()
def photo(request: SiteRequest, key: int) -> HttpResponse:
    """A photograph as it was stored; its digest is checked."""
    row = get_object_or_404(CasePhoto, pk=key, case__site=request.site)
    try:
        content = load_photo(row.sha256)
    except FileLost as lost:
        return HttpResponse(f"Photograph {lost}.", status=410, content_type="text/plain")
    answer = HttpResponse(content, content_type=row.media_type)
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


@csrf_protect
@site_page(posts=(Action.WORK_CASE,))
def _framed(request: SiteRequest, key: int) -> HttpResponse:
    case = case_of_site(request, key)
    if request.method != "POST":
        return _page(request, case)
    write = WRITERS.get(request.POST.get("kind", ""))
    try:
        if write is None:
            raise CaseRefused("kind: there is no such step, or the photographs are too large")
        entry = write(request, case)
    except (CaseRefused, NoPhoto) as refusal:
        return _page(request, case, error=str(refusal), status=422)
    messages.success(request, f"Recorded: {entry.get_kind_display().lower()}.")
    return redirect("web:post_mortem", case.pk)


def _begin(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    events = {name: _instant(name, request.POST.get(name, "")) for name in EVENTS}
    lot, statement = request.POST.get("lot", "").strip(), request.POST.get("statement", "")
    return begin_post_mortem(
        case, lot=lot, statement=statement, events=events, user=request.user, now=request.now
    )


def _instant(name: str, text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CaseRefused(f"{name}: give the instant")
    return found if found.tzinfo is not None else timezone.make_aware(found)


def _custody(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    place, condition = request.POST.get("place", ""), request.POST.get("condition", "")
    return take_custody(case, place=place, condition=condition, user=request.user, now=request.now)


def _layer(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    layer, files = request.POST.get("layer", ""), request.FILES.getlist("photos")
    if len(files) > MOST_PHOTOS:
        raise CaseRefused(f"photo: at most {MOST_PHOTOS} at once")
    rows = [request.POST.getlist(name) for name in ("what", "value", "unit")]
    return examine_layer(
        case,
        layer=layer,
        notes=request.POST.get("notes", ""),
        readings=list(zip(*rows, strict=False)),
        photos=[keep_photo(file.read()) for file in files],
        user=request.user,
        now=request.now,
    )


def _hypothesis(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    return pose_hypothesis(
        case,
        statement=request.POST.get("statement", ""),
        needs=request.POST.getlist("needs"),
        falsifier=request.POST.get("falsifier", ""),
        next_test=request.POST.get("next_test", ""),
        user=request.user,
        now=request.now,
    )


def _verdict(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    key, verdict = request.POST.get("hypothesis", ""), request.POST.get("verdict", "")
    because = request.POST.get("because", "")
    return judge_hypothesis(
        case, hypothesis=key, verdict=verdict, because=because, user=request.user, now=request.now
    )


WRITERS: dict[str, Callable[[SiteRequest, Nonconformance], CaseEntry]] = {
    "begin": _begin,
    "custody": _custody,
    "layer": _layer,
    "hypothesis": _hypothesis,
    "verdict": _verdict,
}


def _page(request: SiteRequest, case: Nonconformance, *, error: str = "", status: int = 200) -> HttpResponse:
    found = case_view(case).post_mortem
    lot = None
    if found.begun is not None:
        lot = Lot.objects.filter(site=case.site, code=found.begun.content["lot"]).first()
    holder = found.holder
    context = {
        "nav_active": "cases",
        "case": case,
        "found": found,
        "next": found.next,
        "lot": lot,
        "timeline": timeline_of(lot) if lot is not None else [],
        "events": [
            (name, EVENT_WORDS[name], parse_datetime(found.begun.content[name]) if found.begun else None)
            for name in EVENTS
        ],
        "layers": [
            (name, words, destructive, found.layers.get(name))
            for name, (words, destructive) in LAYERS.items()
        ],
        "layer_words": {name: words for name, (words, _) in LAYERS.items()},
        "holds_it": holder is not None and holder.entered_by_id == request.user.pk,
        "reading_rows": range(READINGS),
        "verdicts": VERDICTS,
        "may_work": case.state == Nonconformance.State.OPEN
        and may(request.user, request.site, Action.WORK_CASE),
        "error": error,
        "entered": request.POST,
    }
    return render(request, "web/cases/post_mortem.html", context, status=status)
