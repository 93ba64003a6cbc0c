"""Raw records: mass curves, thickness maps and chamber pressures come in, and are read with what follows from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from lots.clock import site_time
from lots.models import CurveFile
from lots.science.raw_records import CODES, MOST_ROWS, RecordKind
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.idempotency import IdempotencyKeyHeader, once
from mes.api.lookup import lot_of
from mes.api.schemas import PRINTABLE, Code, DecimalText, Instant, OptionalCode, Strict
from mes.connectors.series.model import Series
from mes.connectors.series.record import Kept, keep_series
from mes.curves import CurveMissing
from mes.records.dose import dose_json
from mes.records.drying import curve_json
from mes.records.find import described, records_of, values_out
from mes.records.thickness import map_json
from mes.records.vacuum import pressure_json

router = Router(tags=["Raw records"])

SHOWN = {
    CurveFile.Kind.MASS: curve_json,
    CurveFile.Kind.THICKNESS: map_json,
    CurveFile.Kind.PRESSURE: pressure_json,
}
Column = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)] | None], Field(min_length=2, max_length=MOST_ROWS)
]


class RecordIn(Strict):
    """Columns of one length. A map has `metre` and `lane_1` …, with `border_1` … for lanes in the coating border; a
    mass curve `time_min` and `mass_g`; a chamber `time_s` and `pressure_mbar`. null stands for a place of a map that
    was not read. `posted` are derived values as the sender knows them, by code; they are checked."""

    kind: RecordKind
    started_at: Instant
    gauge: Code
    columns: Annotated[dict[Code, Column], Field(min_length=2, max_length=500)]
    equipment: OptionalCode = ""
    step: Literal["", "drying", "coating", "calendering", "filling"] = ""
    posted: Annotated[dict[Code, DecimalText], Field(max_length=20)] = {}
    reason: Annotated[str, StringConstraints(max_length=300, pattern=PRINTABLE)] = ""

    def to_series(self) -> Series:
        fields = self.model_dump(exclude={"columns"})
        rows = {
            name: np.array([np.nan if value is None else value for value in values], dtype=np.float64)
            for name, values in self.columns.items()
        }
        return Series(columns=rows, **fields)


@router.post("/lots/{code}/records", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def keep(
    request: HttpRequest, code: Code, payload: RecordIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Keep a raw record of a step's run. Halite computes what follows from it; where that is another thing than what
    was posted, the record is unresolved and says why. A second record of the same run needs a `reason`."""
    caller = caller_of(request)
    lot = lot_of(caller.site, code)

    def work() -> dict[str, Any]:
        kept = keep_series(
            payload.to_series(), lot=lot, user=caller.user, source=caller.source, now=timezone.now()
        )
        return kept_out(kept)

    return once(caller, idempotency_key, request, payload, work)


@router.get("/lots/{code}/records", response={200: dict[str, Any], **refusals(404)})
def list_records(request: HttpRequest, code: Code) -> JsonResponse:
    """The newest raw records of a lot, superseded ones too, without their points."""
    lot = lot_of(caller_of(request).site, code)
    return JsonResponse({"lot": lot.code, "records": [described(record) for record in records_of(lot)]})


@router.get("/records/{record}", response={200: dict[str, Any], **refusals(404)})
def read_record(request: HttpRequest, record: UUID) -> JsonResponse:
    """One raw record with its points, thinned out evenly, and the values that Halite computes from all of them."""
    site = caller_of(request).site
    row = (
        CurveFile.objects.filter(uuid=record, lot__site=site, kind__in=SHOWN)
        .select_related(
            "lot__material", "lot__work_order", "execution__route_step__step", "execution__equipment"
        )
        .select_related("gauge", "recorded_by", "supersedes", "superseded_by")
        .first()
    )
    if row is None:
        raise Http404
    try:
        return JsonResponse(SHOWN[CurveFile.Kind(row.kind)](row))
    except CurveMissing as error:
        return JsonResponse({"code": "unavailable", "message": str(error)}, status=503)


@router.get("/lots/{code}/dose", response={200: dict[str, Any], **refusals(404)})
def read_dose(request: HttpRequest, code: Code) -> JsonResponse:
    """When the lot lay open to which air: frost points, doors, doses, and the parts that are not known."""
    site = caller_of(request).site
    lot = lot_of(site, code)
    return JsonResponse(dose_json(lot, site_now=site_time(site, timezone.now())))


def kept_out(kept: Kept) -> dict[str, Any]:
    """What the door answers: the record, its values, and whether they can be relied on."""
    missing = [code for code in CODES[RecordKind(kept.record.kind)] if kept.derived.value(code) is None]
    return {
        "record": str(kept.record.uuid),
        "state": "unresolved" if kept.record.unresolved else "resolved",
        "unresolved": kept.record.unresolved,
        "recognised": kept.recognised,
        "readings": kept.readings,
        "values": values_out(kept.derived),
        "missing": missing,
    }
