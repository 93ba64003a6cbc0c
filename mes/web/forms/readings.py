"""From the fields of a step form to readings, and from their problems back to the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from lots.envelope import Problem, ReadingIn
from lots.models import Lot
from mes.web.forms.step_form import Block, Row, Slot, StepForm

QUALIFIERS = ("<", ">")


@dataclass
class Entered:
    """What the form delivers: readings with the field that each came from, and the fields that are wrong."""

    readings: list[ReadingIn] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def add_problems(self, problems: list[Problem]) -> list[str]:
        """Put each problem beside its field; returns those that belong to no field."""
        general = []
        for problem in problems:
            if problem.reading is None:
                general.append(f"{problem.field}: {problem.message}")
            else:
                self.errors[self.names[problem.reading]] = problem.message
        return general


def enter(form: StepForm, data: Mapping[str, str], *, lot: Lot, at: datetime) -> Entered:
    """Every filled field as a reading at `at` (site clock), or an error beside it. Empty fields are left out."""
    entered = Entered()
    selects = {select.kind: select for select in form.gauges}
    for block in form.blocks:
        gauge = data.get(f"gauge-{block.line.gauge_kind}", "") if block.line.gauge_kind else ""
        for row in block.rows:
            filled = [slot for slot in row.slots if data.get(slot.name, "").strip()]
            if not filled:
                continue
            select = selects.get(block.line.gauge_kind)
            if select is not None and not gauge:
                entered.errors[select.name] = f"Choose the {select.words.lower()} that you use"
            place = _roll_position(row, block, data, entered)
            instant = _instant(row, data, form, at, entered)
            for slot in filled:
                reading = _reading(
                    slot, block, data, lot=lot, at=instant, gauge=gauge, place=place, entered=entered
                )
                entered.readings.append(reading)
                entered.names.append(slot.name)
    return entered


def split_qualifier(text: str) -> tuple[str, str]:
    """`<5` is a censored value: its qualifier and its number."""
    text = text.strip()
    return (text[0], text[1:].strip()) if text.startswith(QUALIFIERS) else ("", text)


def number_problem(text: str) -> str:
    """What is wrong with a typed number, in words; empty when it is one."""
    try:
        value = Decimal(split_qualifier(text)[1])
    except InvalidOperation:
        if "," in text:
            return "Use a point for decimals, such as 12.5"
        return "This is not a number; type digits and a point, such as 12.5"
    return "" if value.is_finite() else "This is not a number"


def _reading(
    slot: Slot,
    block: Block,
    data: Mapping[str, str],
    *,
    lot: Lot,
    at: datetime,
    gauge: str,
    place: int | None,
    entered: Entered,
) -> ReadingIn:
    qualifier, text = split_qualifier(data.get(slot.name, ""))
    if problem := number_problem(text):
        entered.errors[slot.name] = problem
    size = data.get(slot.size_name, "").strip() if slot.size_name else ""
    if slot.size_name and not size.isdecimal():
        entered.errors[slot.name] = "Say out of how many, as a whole number"
    return ReadingIn(
        characteristic=block.characteristic.code,
        value=text,
        unit=block.characteristic.unit,
        measured_at=at,
        lot=lot.code,
        gauge=gauge,
        position=slot.position or (data.get(slot.position_name, "").strip() if slot.position_name else ""),
        roll_position_mm=place,
        sample_size=int(size) if size.isdecimal() else None,
        qualifier=qualifier,
    )


def _roll_position(row: Row, block: Block, data: Mapping[str, str], entered: Entered) -> int | None:
    """Millimetres from the typed metres. Needed wherever several places are asked for, to tell them apart."""
    if not row.roll_name:
        return None
    text = data.get(row.roll_name, "").strip()
    if not text:
        if block.required > len(row.slots):
            entered.errors[row.roll_name] = "Say where on the roll, in metres"
        return None
    if problem := number_problem(text):
        entered.errors[row.roll_name] = problem
        return None
    if not text[0].isdigit():
        entered.errors[row.roll_name] = "Metres from the start of the roll, from 0 on"
        return None
    return int((Decimal(text) * 1000).to_integral_value())


def _instant(row: Row, data: Mapping[str, str], form: StepForm, at: datetime, entered: Entered) -> datetime:
    if not row.minutes_name:
        return at
    text = data.get(row.minutes_name, "").strip()
    if not text or number_problem(text) or not text[0].isdigit():
        entered.errors[row.minutes_name] = "Say how many minutes after the start it was weighed or read"
        return at
    instant = form.execution.started_at + timedelta(minutes=float(text))
    if instant > at + timedelta(minutes=5):
        entered.errors[row.minutes_name] = "That minute has not come yet"
    return instant
