"""Named gates of a lot, and deviations from one check: asked for, signed by two people, expired."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router

from lots.clock import site_time
from lots.models import Characteristic
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.lookup import lot_of
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import Code, Instant, OptionalCode, Password, Strict, Text
from quality.actions.deviate import request_deviation, sign_deviation
from quality.deviations import Standing, deviation_rows, standing_of
from quality.gates import whole_standing
from quality.models import Deviation, GateCode
from quality.named_gates import Check

router = Router(tags=["Gates"])


class DeviationFilter(Strict):
    lot: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


class DeviationIn(Strict):
    """`expires_at` is on the site's clock, within 30 days."""

    gate: GateCode
    characteristic: Code
    reason: Text
    expires_at: Instant


class SignatureIn(Strict):
    password: Password


@router.get("/lots/{code}/gates", response={200: dict[str, Any], **refusals(404)})
def read_gates(request: HttpRequest, code: Code) -> JsonResponse:
    """The named gates of the lot with the state of each check, its next step and what keeps it from that."""
    lot = lot_of(caller_of(request).site, code)
    found = whole_standing(lot, now=timezone.now())
    return JsonResponse(
        {
            "lot": lot.code,
            "next_step": found.step.step.code if found.step else None,
            "blockers": [blocker.as_dict() for blocker in found.blockers],
            "gates": [
                {
                    "gate": each.gate.code,
                    "passed": each.is_passed,
                    "checks": [_check(check) for check in each.checks],
                }
                for each in found.gates
            ],
        }
    )


@router.get("/deviations", response={200: dict[str, Any], **refusals()})
def list_deviations(request: HttpRequest, wanted: Query[DeviationFilter]) -> JsonResponse:
    """Deviations, newest first, each with its signatures and whether it permits anything now."""
    site = caller_of(request).site
    rows = deviation_rows(site)
    if wanted.lot:
        rows = rows.filter(lot__code=wanted.lot)
    found, following = page(rows, cursor=wanted.cursor, limit=wanted.limit)
    at = site_time(site, timezone.now())
    return JsonResponse({"items": [_out(standing_of(row, at)) for row in found], "next": following})


@router.get("/deviations/{int:deviation_id}", response={200: dict[str, Any], **refusals(404)})
def read_deviation(request: HttpRequest, deviation_id: int) -> JsonResponse:
    """What it permits and until when, who asked and who has signed."""
    site = caller_of(request).site
    row = get_object_or_404(deviation_rows(site), pk=deviation_id)
    return JsonResponse(_out(standing_of(row, site_time(site, timezone.now()))))


@router.post("/lots/{code}/deviations", response={201: dict[str, Any], **writing(404)})
def ask(request: HttpRequest, code: Code, payload: DeviationIn) -> JsonResponse:
    """Ask that the lot may pass one check of one gate without it; it permits nothing until two people have signed."""
    caller = caller_of(request)
    made = request_deviation(
        lot_of(caller.site, code),
        payload.gate,
        get_object_or_404(Characteristic, code=payload.characteristic),
        reason=payload.reason,
        expires_at=payload.expires_at,
        user=caller.user,
        now=timezone.now(),
    )
    answer = read_deviation(request, made.pk)
    answer.status_code = 201
    return answer


@router.post("/deviations/{int:deviation_id}/signature", response={200: dict[str, Any], **writing(404)})
def sign(request: HttpRequest, deviation_id: int, payload: SignatureIn) -> JsonResponse:
    """Sign for one's side with the caller's password; with both sides signed, by two people, it is in force."""
    caller = caller_of(request)
    rows = Deviation.objects.select_related("lot", "site", "characteristic", "requested_by")
    row = get_object_or_404(rows, pk=deviation_id, site=caller.site)
    sign_deviation(row, user=caller.user, password=payload.password, now=timezone.now())
    return read_deviation(request, deviation_id)


def _check(check: Check) -> dict[str, Any]:
    return {
        "characteristic": check.line.characteristic.code,
        "state": check.state.value,
        "blocks": check.blocks,
        "have": check.have,
        "needed": check.needed,
        "deviation": check.deviation.pk if check.deviation else None,
    }


def _out(found: Standing) -> dict[str, Any]:
    row = found.deviation
    return {
        "id": row.pk,
        "lot": row.lot.code,
        "gate": row.gate,
        "characteristic": row.characteristic.code,
        "outside": row.outside.split(", ") if row.outside else [],
        "reason": row.reason,
        "requested_by": row.requested_by.username,
        "requested_at": row.requested_at,
        "expires_at": row.expires_at,
        "state": found.state,
        "missing": found.missing,
        "signatures": [
            {"side": each.side, "signed_by": each.signature.printed_name} for each in found.signatures
        ],
    }
