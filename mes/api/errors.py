"""Every refusal in one form: a code for programs, words for people, and the field or blocker behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NotRequired

import pydantic
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, RawPostDataException
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from typing_extensions import TypedDict

from lots.actions.clock import ClockRefused
from lots.actions.correct import CorrectionRefused
from lots.actions.exposure import ExposureRefused
from lots.actions.record_submission import IdempotencyConflict
from lots.envelope import InvalidSubmission, Problem
from mes.api.schemas import PATTERN_HELP
from mes.connectors.series.record import RecordRefused
from quality.actions.accept_lot import AcceptanceRefused
from quality.actions.deviate import DeviationRefused
from quality.actions.dispose import DispositionRefused
from quality.actions.end_reaction import EndingRefused
from quality.actions.gate import GateRefused
from quality.actions.hold import HoldRefused
from quality.actions.judge_signal import SignalRefused
from quality.actions.package import PackageRefused
from quality.actions.receive import ReceiptRefused
from quality.actions.report_movement import ReportRefused
from quality.actions.reshape import ReshapeRefused
from quality.actions.run_step import StepRefused
from quality.actions.safety import SafetyRefused
from quality.actions.shift_check import ShiftCheckRefused
from quality.actions.sign import SignatureRefused
from quality.actions.switch_sampling import ResumptionRefused
from quality.actions.taking import ProductionRefused
from quality.permissions import NotPermitted
from spc.actions.exclude import ExclusionRefused
from spc.actions.freeze import FreezeRefused

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 5
MOST_PROBLEMS = 200
GUARD_CODES = {
    "HL001": "held",
    "HL002": "immutable",
    "HL003": "no_permission_to_move",
    "HL004": "hold_not_disposed",
    "HL005": "made_from_itself",
    "HL006": "expired",
}
HTTP_CODES = {400: "unreadable", 401: "unauthenticated", 403: "not_permitted", 404: "not_found"}
DOMAIN: tuple[type[Exception], ...] = (
    InvalidSubmission,
    GateRefused,
    PackageRefused,
    AcceptanceRefused,
    SafetyRefused,
    EndingRefused,
    ResumptionRefused,
    DeviationRefused,
    IdempotencyConflict,
    NotPermitted,
    SignatureRefused,
    ClockRefused,
    StepRefused,
    ExposureRefused,
    SignalRefused,
    FreezeRefused,
    ProductionRefused,
    DispositionRefused,
    HoldRefused,
    CorrectionRefused,
    ExclusionRefused,
    ReportRefused,
    ReshapeRefused,
    ShiftCheckRefused,
    ReceiptRefused,
    RecordRefused,
)
WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this request; remove it",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "timezone_aware": "has no time zone; send an offset such as +00:00",
}


class FieldProblem(TypedDict):
    reading: int | None
    field: str
    message: str


class BlockerOut(TypedDict):
    code: str
    message: str
    kind: str
    key: int


class Refusal(TypedDict):
    """The body of every answer that is not a success."""

    code: str
    message: str
    problems: NotRequired[list[FieldProblem]]
    blockers: NotRequired[list[BlockerOut]]
    lot: NotRequired[str]


def refusals(*statuses: int) -> dict[int, Any]:
    """The error answers of an operation, for its OpenAPI description; these come with any of them."""
    return dict.fromkeys(sorted({401, 403, 422, 503, *statuses}), Refusal)


def writing(*statuses: int) -> dict[int, Any]:
    """The error answers of an operation that takes a body and changes something."""
    return refusals(400, 409, 413, *statuses)


def refusal_of(error: Exception) -> tuple[int, dict[str, Any]] | None:
    """Status and body for a refusal of the domain; None for any other error."""
    match error:
        case InvalidSubmission():
            return 422, _invalid(error.problems)
        case GateRefused():
            blockers = [blocker.as_dict() for blocker in error.blockers]
            return 409, {**_body("gate_refused", error), "lot": error.lot.code, "blockers": blockers}
        case IdempotencyConflict():
            return 409, _body("idempotency_conflict", error)
        case NotPermitted():
            return 403, _body("not_permitted", error)
        case SignatureRefused():
            return 403, _body("signature_refused", error)
        case ClockRefused() | StepRefused() | ExposureRefused() | SignalRefused() | FreezeRefused():
            return 409, _body("refused", error)
        case (
            ProductionRefused()
            | DispositionRefused()
            | PackageRefused()
            | AcceptanceRefused()
            | SafetyRefused()
            | EndingRefused()
            | ResumptionRefused()
            | DeviationRefused()
            | HoldRefused()
            | CorrectionRefused()
            | ExclusionRefused()
            | ReportRefused()
            | ReshapeRefused()
            | ShiftCheckRefused()
            | ReceiptRefused()
            | RecordRefused()
        ):
            return 409, {**_body("refused", error), "problems": [_named(str(error))]}
    return None


def problems_of(errors: Iterable[Any]) -> list[Problem]:
    """Pydantic's findings as problems with the reading, the field and the fix."""
    found = []
    for error in errors:
        path = [part for part in error["loc"] if part not in {"body", "payload", "query", "path", "header"}]
        reading = None
        if "readings" in path[:-1]:
            start = path.index("readings")
            if isinstance(path[start + 1], int):
                reading = path[start + 1]
                path = [*path[:start], *path[start + 2 :]] or ["readings"]
        field = ".".join(str(part) for part in path) or "body"
        found.append(Problem(reading, field, _words(error)))
    return found


def install(api: NinjaAPI) -> None:
    """Register the handlers on the API."""
    for kind in DOMAIN:
        api.add_exception_handler(kind, _domain)
    api.add_exception_handler(ValidationError, _validation)
    api.add_exception_handler(HttpError, _http)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(RequestDataTooBig, _too_large)
    api.add_exception_handler(RawPostDataException, _not_json)
    api.add_exception_handler(DatabaseError, _database)
    api.add_exception_handler(InterfaceError, _database)


def answered(body: dict[str, Any], *, replayed: bool) -> JsonResponse:
    """201 for what was stored now, 200 with a header for what had been stored before."""
    if replayed:
        return JsonResponse(body, status=200, headers={"Idempotent-Replayed": "true"})
    return JsonResponse(body, status=201)


def unavailable(error: Exception) -> JsonResponse:
    """503 for a database that is down, slow or full: nothing was stored, the same request may be sent again."""
    log.error("database_unavailable", error=str(error))
    message = "the database does not answer; nothing was stored, send the same request again"
    return JsonResponse(
        {"code": "unavailable", "message": message}, status=503, headers={"Retry-After": str(RETRY_AFTER_S)}
    )


def _domain(request: HttpRequest, error: Any) -> HttpResponse:
    answer = refusal_of(error)
    if answer is None:
        raise error
    status, body = answer
    return JsonResponse(body, status=status)


def _validation(request: HttpRequest, error: Any) -> HttpResponse:
    return JsonResponse(_invalid(problems_of(error.errors)), status=422)


def _http(request: HttpRequest, error: Any) -> HttpResponse:
    code = HTTP_CODES.get(error.status_code, "refused")
    return JsonResponse({"code": code, "message": error.message}, status=error.status_code)


def _not_found(request: HttpRequest, error: Any) -> HttpResponse:
    return JsonResponse({"code": "not_found", "message": "not known at your site"}, status=404)


def _too_large(request: HttpRequest, error: Any) -> HttpResponse:
    return JsonResponse({"code": "too_large", "message": "the body is too large; send several"}, status=413)


def _not_json(request: HttpRequest, error: Any) -> HttpResponse:
    return JsonResponse({"code": "unreadable", "message": "send JSON as application/json"}, status=400)


def _database(request: HttpRequest, error: Any) -> HttpResponse:
    """What the database refused, as far as the caller can do something about it; the rest is our fault (500)."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    if state in GUARD_CODES:
        body = {"code": GUARD_CODES[state], "message": cause.diag.message_primary}
        return JsonResponse(body, status=409)
    if isinstance(error, OperationalError | InterfaceError):
        return unavailable(error)
    if isinstance(error, DataError):
        return JsonResponse({"code": "invalid", "message": "a value is out of range"}, status=422)
    if isinstance(error, IntegrityError) and state in {"23505", "23P01"}:
        message = "another request has changed the same record meanwhile; read it again"
        return JsonResponse({"code": "conflict", "message": message}, status=409)
    if isinstance(error, IntegrityError) and state == "23514" and cause is not None:
        message = f"the record would break the rule {cause.diag.constraint_name}; nothing was stored"
        return JsonResponse({"code": "invalid", "message": message}, status=422)
    raise error


def _body(code: str, error: Exception) -> dict[str, Any]:
    return {"code": code, "message": str(error)}


def _invalid(problems: list[Problem]) -> dict[str, Any]:
    shown = [{"reading": p.reading, "field": p.field, "message": p.message} for p in problems[:MOST_PROBLEMS]]
    return {
        "code": "invalid",
        "message": f"{len(problems)} problem{'s' if len(problems) != 1 else ''}; nothing was stored",
        "problems": shown,
    }


def _named(text: str) -> dict[str, Any]:
    """Refusals of the domain begin with the field they are about."""
    field, separator, message = text.partition(": ")
    if separator and field.isidentifier():
        return {"reading": None, "field": field, "message": message}
    return {"reading": None, "field": "", "message": text}


def _words(error: Any) -> str:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        return PATTERN_HELP.get(error["ctx"]["pattern"], "is not well formed")
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    text = WORDS.get(kind) or error["msg"]
    return str(text[0].lower() + text[1:])


def details(error: pydantic.ValidationError) -> list[Problem]:
    """The problems of one validated item."""
    return problems_of(error.errors(include_url=False, include_input=False))
