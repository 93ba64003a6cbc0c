"""Receiving: deliveries become lots with their papers, and containers are opened."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from lots.models import CertificateValue, Receipt
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.idempotency import IdempotencyKeyHeader, once
from mes.api.lookup import instant, lot_of
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import (
    LOT_CODE,
    Code,
    DecimalText,
    Instant,
    Line,
    Password,
    Quantity,
    Strict,
)
from quality.actions.extend_life import approve_extension, request_extension
from quality.actions.receive import Delivery, Stated, open_lot, receive
from quality.models import ShelfLifeExtension
from quality.shelf_life import Life, lives_of

router = Router(tags=["Receiving"])
Check = Annotated[bool, Field(strict=True)]


class StatedIn(Strict):
    """A value of the supplier's certificate."""

    name: Code
    value: DecimalText
    unit: Annotated[Code, StringConstraints(max_length=16)]


class DeliveryIn(Strict):
    """What arrived. With a shelf life, `expires_at` or `manufactured_date` is needed; `remarks` when a check fails."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=48, pattern=LOT_CODE)]
    material: Code
    quantity: Quantity
    supplier: Code
    supplier_lot: Code
    label_matches: Check
    packaging_intact: Check
    certificate_matches: Check
    certificate: Annotated[list[StatedIn], Field(max_length=50)] = []
    manufactured_date: date | None = None
    expires_at: Instant | None = None
    remarks: Line = ""
    at: Instant | None = None

    def to_delivery(self) -> Delivery:
        fields = self.model_dump(exclude={"certificate", "at"})
        return Delivery(certificate=tuple(Stated(**s.model_dump()) for s in self.certificate), **fields)


class OpeningIn(Strict):
    at: Instant | None = None


class ExtensionIn(Strict):
    """A re-test and until when it shows the lot to be good."""

    ends_at: Instant
    reason: Line
    values: Annotated[list[StatedIn], Field(min_length=1, max_length=50)]


class SigningIn(Strict):
    password: Password


class ReceiptFilter(Strict):
    cursor: Cursor | None = None
    limit: PageSize = 50


@router.post("/receipts", response={201: dict[str, Any], 200: dict[str, Any], **writing()})
def receive_delivery(
    request: HttpRequest, payload: DeliveryIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Receive a delivery: its lot with papers and incoming checks. What fails is held at once."""
    caller, now = caller_of(request), timezone.now()
    at = instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        receipt = receive(payload.to_delivery(), site=caller.site, user=caller.user, now=now, at=at)
        return receipt_out(receipt, lives_of([receipt.lot], now=now)[receipt.lot_id])

    return once(caller, idempotency_key, request, payload, work)


@router.get("/receipts", response={200: dict[str, Any], **refusals()})
def list_receipts(request: HttpRequest, wanted: Query[ReceiptFilter]) -> JsonResponse:
    """Deliveries of the site, newest first, with how long each is good."""
    rows = (
        Receipt.objects.filter(lot__site=caller_of(request).site)
        .select_related("lot__material", "lot__site", "received_by")
        .prefetch_related("certificate")
        .order_by("-pk")
    )
    receipts, following = page(rows, cursor=wanted.cursor, limit=wanted.limit)
    lives = lives_of([receipt.lot for receipt in receipts], now=timezone.now())
    items = [receipt_out(receipt, lives[receipt.lot_id]) for receipt in receipts]
    return JsonResponse({"items": items, "next": following})


@router.post("/lots/{code}/open", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def open_container_of(
    request: HttpRequest, code: Code, payload: OpeningIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Note that the lot's container was opened for the first time; its life after opening begins."""
    caller, now = caller_of(request), timezone.now()
    lot, at = lot_of(caller.site, code), instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        opening = open_lot(lot, user=caller.user, now=now, at=at)
        return {"lot": lot.code, "opened_at": opening.opened_at, "use_by": opening.use_by}

    return once(caller, idempotency_key, request, payload, work)


@router.post("/lots/{code}/shelf-life", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def ask_for_longer_life(
    request: HttpRequest, code: Code, payload: ExtensionIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Ask, with the values of a re-test, that the lot is good until `ends_at`; another person must sign it."""
    caller, now = caller_of(request), timezone.now()
    lot = lot_of(caller.site, code)

    def work() -> dict[str, Any]:
        values = [Stated(**one.model_dump()) for one in payload.values]
        asked = request_extension(
            lot, values, ends_at=payload.ends_at, reason=payload.reason, user=caller.user, now=now
        )
        return _extension_out(asked)

    return once(caller, idempotency_key, request, payload, work)


@router.get("/lots/{code}/shelf-life", response={200: dict[str, Any], **refusals(404)})
def shelf_life_of(request: HttpRequest, code: Code) -> JsonResponse:
    """Until when the lot is good, and the extensions that were asked for, newest first."""
    lot = lot_of(caller_of(request).site, code)
    rows = ShelfLifeExtension.objects.filter(lot=lot).select_related("requested_by", "approval__signature")
    life = lives_of([lot], now=timezone.now())[lot.pk]
    extensions = [_extension_out(row) for row in rows.prefetch_related("values").order_by("-pk")]
    return JsonResponse({"good_until": life.ends_at, "expired": life.is_over, "extensions": extensions})


@router.post("/lots/{code}/shelf-life/{number}/sign", response={200: dict[str, Any], **writing(404)})
def sign_longer_life(request: HttpRequest, code: Code, number: int, payload: SigningIn) -> JsonResponse:
    """Sign an extension with the caller's password; who asked for it cannot."""
    caller, now = caller_of(request), timezone.now()
    lot = lot_of(caller.site, code)
    rows = ShelfLifeExtension.objects.select_related("lot__site", "requested_by")
    found = get_object_or_404(rows, pk=number, lot=lot)
    approve_extension(found, user=caller.user, password=payload.password, now=now)
    return JsonResponse(_extension_out(rows.get(pk=found.pk)))


def _extension_out(row: ShelfLifeExtension) -> dict[str, Any]:
    approval = getattr(row, "approval", None)
    return {
        "number": row.pk,
        "ends_at": row.ends_at,
        "former_ends_at": row.former_ends_at,
        "reason": row.reason,
        "values": [{"name": v.name, "value": v.entered_text, "unit": v.unit} for v in row.values.all()],
        "requested_by": row.requested_by.username,
        "signed_by": approval.signature.printed_name if approval is not None else None,
    }


def receipt_out(receipt: Receipt, life: Life) -> dict[str, Any]:
    return {
        "lot": receipt.lot.code,
        "material": receipt.lot.material.code,
        "supplier": receipt.supplier,
        "supplier_lot": receipt.supplier_lot,
        "quantity": f"{receipt.lot.quantity.normalize():f}",
        "unit": receipt.lot.material.unit,
        "manufactured_date": receipt.manufactured_date,
        "label_matches": receipt.label_matches,
        "packaging_intact": receipt.packaging_intact,
        "certificate_matches": receipt.certificate_matches,
        "certificate": [_value_out(value) for value in receipt.certificate.all()],
        "remarks": receipt.remarks,
        "received_by": receipt.received_by.username,
        "received_at": receipt.received_at,
        "opened_at": life.opened_at,
        "good_until": life.ends_at,
        "expired": life.is_over,
        "expires_soon": life.is_soon,
    }


def _value_out(value: CertificateValue) -> dict[str, Any]:
    return {
        "name": value.name,
        "value": value.entered_text,
        "unit": value.unit,
        "conforms": value.conforms,
    }
