"""What requests may contain. Unknown fields are refused, numbers keep the text they were sent as."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    with_config,
)
from typing_extensions import TypedDict

from lots.actions.record_submission import LARGEST_SUBMISSION
from lots.envelope import ReadingIn

DECIMAL_TEXT = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$"
POSITION_TEXT = r"^(-?[0-9]{1,10}(\.[0-9]{1,4})?)?$"
PRINTABLE = r"^\P{Cc}*$"
KEY = r"^[\x21-\x7e]+$"
LOT_CODE = r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$"

PATTERN_HELP = {
    DECIMAL_TEXT: "is not a decimal number; use a point, such as 12.5",
    POSITION_TEXT: "is not a position; send a number with at most 4 decimals, such as 1",
    PRINTABLE: "contains control characters",
    KEY: "may contain printable ASCII characters without spaces only",
    LOT_CODE: "starts with a letter or digit, and has letters, digits and . _ : + - only",
}


def _number_text(value: Any) -> Any:
    """A JSON integer as its text; floats arrive as text already (see `mes.api.parsing`)."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("send ISO 8601 text with a zone, such as 2026-03-01T08:30:00+01:00")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not ISO 8601, such as 2026-03-01T08:30:00+01:00") from None
    if not 2000 <= instant.year < 2200:
        raise ValueError("the year is not between 2000 and 2199")
    return instant


Text = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
Line = Annotated[str, StringConstraints(max_length=300, pattern=PRINTABLE)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=PRINTABLE)]
OptionalCode = Annotated[str, StringConstraints(max_length=64, pattern=PRINTABLE)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=KEY)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant, json_schema_input_type=str)]
Millimetre = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Whole = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Row = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
Lane = Annotated[int, Field(strict=True, ge=1, le=32_000)]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=3)]
DecimalText = Annotated[
    str,
    BeforeValidator(_number_text, json_schema_input_type=str | float),
    StringConstraints(min_length=1, max_length=40, pattern=DECIMAL_TEXT),
]
PositionText = Annotated[
    str,
    BeforeValidator(_number_text, json_schema_input_type=str | float),
    StringConstraints(pattern=POSITION_TEXT),
]


class Strict(BaseModel):
    """A body that refuses what it does not know, so that nobody sets a field we did not offer."""

    model_config = ConfigDict(extra="forbid")


@with_config(ConfigDict(extra="forbid"))
class Reading(TypedDict):
    """One value; exactly one of `lot`, `zone`, `equipment` names what was measured."""

    characteristic: Code
    value: DecimalText
    unit: Annotated[str, StringConstraints(max_length=16, pattern=PRINTABLE)]
    measured_at: Instant
    lot: NotRequired[OptionalCode]
    zone: NotRequired[OptionalCode]
    equipment: NotRequired[OptionalCode]
    gauge: NotRequired[OptionalCode]
    position: NotRequired[PositionText]
    roll_position_mm: NotRequired[Millimetre | None]
    sample_size: NotRequired[Whole | None]
    qualifier: NotRequired[Annotated[str, StringConstraints(max_length=1, pattern=PRINTABLE)]]


Readings = Annotated[list[Reading], Field(min_length=1, max_length=LARGEST_SUBMISSION)]


class SubmissionIn(Strict):
    readings: Readings


class KeyedSubmissionIn(Strict):
    key: Key
    readings: Readings


def to_readings(readings: list[Reading]) -> tuple[ReadingIn, ...]:
    """Validated readings as the domain takes them."""
    return tuple(ReadingIn(**reading) for reading in readings)
