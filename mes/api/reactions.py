"""What reactions have left in force: stops, tightened sampling, the severity of acceptance sampling."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router

from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import Line, Password, Strict
from quality.actions.end_reaction import end_tightening, lift_stop
from quality.actions.switch_sampling import resume_sampling
from quality.lot_sampling import SampledStream, sampled_streams
from quality.models import ControlPlanLine, StreamStop, Tightening
from quality.models.reaction import OfStream
from quality.reactions import STREAM, good_so_far

router = Router(tags=["Reactions"])


class InForceFilter(Strict):
    in_force: bool | None = None
    cursor: Cursor | None = None
    limit: PageSize = 50


class EndIn(Strict):
    """The password is the caller's, given again as a signature."""

    reason: Line
    password: Password


@router.get("/stops", response={200: dict[str, Any], **refusals()})
def list_stops(request: HttpRequest, wanted: Query[InForceFilter]) -> JsonResponse:
    """Stops of streams, newest first; `in_force` are those that nobody has lifted."""
    rows = StreamStop.objects.filter(site=caller_of(request).site).select_related(*STREAM, "lifted_by")
    if wanted.in_force is not None:
        rows = rows.filter(lifted_at__isnull=wanted.in_force)
    found, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [_stop(stop) for stop in found], "next": following})


@router.get("/stops/{int:stop_id}", response={200: dict[str, Any], **refusals(404)})
def read_stop(request: HttpRequest, stop_id: int) -> JsonResponse:
    """Which stream it stops, why, and who lifted it."""
    rows = StreamStop.objects.select_related(*STREAM, "lifted_by")
    return JsonResponse(_stop(get_object_or_404(rows, pk=stop_id, site=caller_of(request).site)))


@router.post("/stops/{int:stop_id}/lift", response={200: dict[str, Any], **writing(404)})
def lift(request: HttpRequest, stop_id: int, payload: EndIn) -> JsonResponse:
    """Let lots start again, under signature; what the stop held stays held."""
    caller = caller_of(request)
    stop = get_object_or_404(StreamStop, pk=stop_id, site=caller.site)
    lift_stop(stop, user=caller.user, now=timezone.now(), **payload.model_dump())
    return read_stop(request, stop_id)


@router.get("/tightenings", response={200: dict[str, Any], **refusals()})
def list_tightenings(request: HttpRequest, wanted: Query[InForceFilter]) -> JsonResponse:
    """Tightened sampling, newest first; `in_force` is what has not ended."""
    rows = Tightening.objects.filter(site=caller_of(request).site).select_related(*STREAM, "ended_by")
    if wanted.in_force is not None:
        rows = rows.filter(ended_at__isnull=wanted.in_force)
    found, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [_tightening(row) for row in found], "next": following})


@router.get("/tightenings/{int:tightening_id}", response={200: dict[str, Any], **refusals(404)})
def read_tightening(request: HttpRequest, tightening_id: int) -> JsonResponse:
    """With `good`, the good subgroups in a row that it has seen, while it is in force."""
    rows = Tightening.objects.select_related(*STREAM, "ended_by", "firing__signal__point")
    row = get_object_or_404(rows, pk=tightening_id, site=caller_of(request).site)
    return JsonResponse(_tightening(row) | {"good": good_so_far(row)})


@router.post("/tightenings/{int:tightening_id}/end", response={200: dict[str, Any], **writing(404)})
def end(request: HttpRequest, tightening_id: int, payload: EndIn) -> JsonResponse:
    """End it before its time, under signature; lots that started under it still owe what was asked of them."""
    caller = caller_of(request)
    row = get_object_or_404(Tightening, pk=tightening_id, site=caller.site)
    end_tightening(row, user=caller.user, now=timezone.now(), **payload.model_dump())
    return read_tightening(request, tightening_id)


@router.get("/sampling", response={200: dict[str, Any], **refusals()})
def list_sampling(request: HttpRequest) -> JsonResponse:
    """Every stream that the newest control plans sample at acceptance, with the severity in force and why."""
    streams = sampled_streams(caller_of(request).site)
    return JsonResponse({"items": [_stream(stream) for stream in streams], "next": None})


@router.post("/sampling/{int:line_id}/resume", response={200: dict[str, Any], **writing(404)})
def resume(request: HttpRequest, line_id: int, payload: EndIn) -> JsonResponse:
    """Let lots be sampled again, tightened, after the cause of the discontinuation was removed; under signature."""
    caller = caller_of(request)
    line = get_object_or_404(
        ControlPlanLine.objects.select_related("revision__plan__site"),
        pk=line_id,
        revision__plan__site=caller.site,
    )
    resume_sampling(line, user=caller.user, now=timezone.now(), **payload.model_dump())
    for stream in sampled_streams(caller.site):
        if stream.line.pk == line.pk:
            return JsonResponse(_stream(stream))
    raise Http404


def _stream_of(row: OfStream) -> dict[str, Any]:
    return {
        "id": row.pk,
        "chart": row.chart_id,
        "characteristic": row.characteristic.code,
        "step": row.step.code,
        "equipment": row.equipment.code if row.equipment else None,
        "material": row.material.code if row.material else None,
        "product": str(row.product_revision) if row.product_revision else None,
        "recipe": str(row.recipe_revision) if row.recipe_revision else None,
    }


def _stop(stop: StreamStop) -> dict[str, Any]:
    return _stream_of(stop) | {
        "reason": stop.reason,
        "stopped_at": stop.stopped_at,
        "lifted_at": stop.lifted_at,
        "lifted_by": stop.lifted_by.username if stop.lifted_by else None,
        "lift_reason": stop.lift_reason,
    }


def _tightening(row: Tightening) -> dict[str, Any]:
    return _stream_of(row) | {
        "factor": row.factor,
        "good_needed": row.good_needed,
        "opened_at": row.opened_at,
        "ended_at": row.ended_at,
        "ended_by": row.ended_by.username if row.ended_by else None,
        "end_reason": row.end_reason,
    }


def _stream(stream: SampledStream) -> dict[str, Any]:
    return {
        "line": stream.line.pk,
        "characteristic": stream.line.characteristic.code,
        "sampling": stream.line.sampling,
        "level": stream.line.inspection_level,
        "aql": stream.line.aql,
        "severity": stream.state.severity.value,
        "standing": stream.standing,
        "events": [
            {"at": event.at, "severity": event.severity, "words": event.words} for event in stream.events
        ],
    }
