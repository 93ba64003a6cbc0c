"""Write the safety chain: records in versions, and what the tests showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import Lot, Product, Site, User
from quality.actions.sign import sign
from quality.models import (
    FailureMode,
    Hazard,
    Observable,
    ObservableMode,
    Requirement,
    SafetyCriterion,
    SafetyMethod,
    SafetyRecord,
    SafetyResult,
    SafetySetAside,
    SourceType,
)
from quality.permissions import Action, require
from quality.safety_chain import newest

Operator = SafetyCriterion.Operator


class SafetyRefused(Exception):
    """It cannot be written so; the message begins with the field and says what would be right."""


@dataclass(frozen=True)
class Kind:
    """A kind of record: its model, the field that names its parent, and its own fields."""

    model: type[SafetyRecord]
    parent: str
    parent_model: type[Any]
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "hazard": Kind(Hazard, "requirement", Requirement),
    "mode": Kind(FailureMode, "hazard", Hazard),
    "method": Kind(
        SafetyMethod,
        "",
        SafetyMethod,
        ("protocol", "stop_leakage"),
        ("stop_temperature_c", "stop_force_n", "stop_time_s"),
    ),
    "observable": Kind(
        Observable, "method", SafetyMethod, ("unit", "instrument"), ("resolution", "sampling_hz")
    ),
    "criterion": Kind(
        SafetyCriterion,
        "observable",
        Observable,
        ("operator", "unit"),
        ("limit", "tolerance", "shortest_s"),
    ),
}
# A limit may be anything; these measure something and are above zero.
POSITIVE = frozenset({"stop_force_n", "stop_time_s", "resolution", "sampling_hz", "tolerance", "shortest_s"})


@transaction.atomic
def write_record(
    product: Product, kind: str, fields: Mapping[str, str], *, site: Site, user: User, now: datetime
) -> SafetyRecord:
    """Write a record, or the next version of one that has the code already.

    `fields` has code, title, source_type, source, change_reason, the parent's code under its name, and those of
    KINDS. An observable also has `modes`, the codes of the failure modes that it speaks of. Raises SafetyRefused.
    """
    act_as(user)
    require(user, site, Action.SAFETY)
    record, _ = put_record(product, kind, fields, user=user, now=now)
    return record


def put_record(
    product: Product, kind: str, fields: Mapping[str, str], *, user: User | None, now: datetime
) -> tuple[SafetyRecord, bool]:
    """The record with these fields, and whether it was written now: the same again is the row that is there.

    A person's hazard with a reason is a review: a version is written although nothing else changes.
    """
    if kind not in KINDS:
        raise SafetyRefused(f"kind: one of {', '.join(KINDS)}")
    of = KINDS[kind]
    text = {name: str(value).strip() for name, value in fields.items()}
    content: dict[str, Any] = {name: _text(text, name) for name in ("title", "source", *of.texts)}
    content |= {name: _number(text, name) for name in of.numbers}
    if text.get("source_type") not in SourceType.values:
        raise SafetyRefused(f"source_type: one of {', '.join(SourceType.values)}")
    if kind == "criterion" and content["operator"] not in Operator.values:
        raise SafetyRefused(f"operator: one of {', '.join(Operator.values)}")
    content["source_type"] = text["source_type"]
    code = _text(text, "code")[:24]
    if of.parent:
        content[of.parent] = _parent(product, of, text.get(of.parent, ""))
    modes = _modes(product, text.get("modes", "")) if kind == "observable" else []
    lock_name(f"safety:{product.pk}")
    latest = of.model._default_manager.filter(product=product, code=code).order_by("-version").first()
    if latest is not None:
        review = kind == "hazard" and user is not None and bool(text.get("change_reason"))
        if not review and _same(latest, content, modes):
            return latest, False
        if not text.get("change_reason"):
            raise SafetyRefused(f"change_reason: {code} exists; say why it changes, or take another code")
    record = of.model._default_manager.create(
        product=product,
        code=code,
        version=latest.version + 1 if latest is not None else 1,
        change_reason=text.get("change_reason", "")[:300] or "first issue",
        entered_by=user,
        entered_at=now,
        **content,
    )
    ObservableMode.objects.bulk_create(
        ObservableMode(observable_id=record.pk, failure_mode=mode) for mode in modes
    )
    return record, True


@transaction.atomic
def record_result(
    criterion: SafetyCriterion,
    lot: Lot,
    *,
    value: str,
    stop_reason: str = "",
    raw_sha256: str = "",
    raw_name: str = "",
    user: User,
    now: datetime,
) -> SafetyResult:
    """Record what a test showed on a cell. `stop_reason` says why the test was stopped before its end.

    The verdict is decimal, so that a value exactly at the limit passes. Without raw data it is recorded, and blocks.
    The same value with the same raw data is the result that is there.
    """
    act_as(user)
    require(user, lot.site, Action.SAFETY)
    if lot.product_revision is None or lot.product_revision.product_id != criterion.product_id:
        raise SafetyRefused(f"lot: {lot.code} is not of product {criterion.product}")
    newer = SafetyCriterion.objects.filter(
        product=criterion.product_id, code=criterion.code, version__gt=criterion.version
    )
    if newer.exists():
        raise SafetyRefused(f"criterion: {criterion} was changed; test against its newest version")
    number = _number({"value": value.strip()}, "value")
    passed = (
        number <= criterion.limit if criterion.operator == Operator.AT_MOST else number >= criterion.limit
    )
    lock_name(f"safety:{criterion.product_id}")
    same = SafetyResult.objects.filter(criterion=criterion, lot=lot, value=number, raw_sha256=raw_sha256)
    if raw_sha256 and (known := same.first()) is not None:
        return known
    return SafetyResult.objects.create(
        site=lot.site,
        criterion=criterion,
        lot=lot,
        value=number,
        passed=passed,
        stopped_early=bool(stop_reason.strip()),
        stop_reason=stop_reason.strip()[:300],
        raw_sha256=raw_sha256,
        raw_name=raw_name[:120],
        recorded_by=user,
        recorded_at=site_time(lot.site, now),
    )


@transaction.atomic
def set_aside(
    result: SafetyResult, *, reason: str, user: User, password: str, now: datetime
) -> SafetySetAside:
    """Let a failure not count, such as of a test that was run wrongly: with a reason, signed by a second person.

    Raises SafetyRefused, SignatureRefused. The failure stays on record, and stands in every package.
    """
    act_as(user)
    require(user, result.site, Action.SAFETY)
    lock_name(f"safety:{result.criterion.product_id}")
    if result.passed:
        raise SafetyRefused("result: it passed; only a failure is set aside")
    if SafetySetAside.objects.filter(result=result).exists():
        raise SafetyRefused("result: it is set aside already")
    if result.recorded_by_id == user.pk:
        raise SafetyRefused("signer: you recorded it: another person must set it aside")
    words = _text({"reason": reason.strip()}, "reason")
    signature = sign(
        user=user,
        password=password,
        meaning="Set aside: the failed test does not count",
        record_kind="safety_result",
        record_id=str(result.pk),
        content={
            "criterion": f"{result.criterion} version {result.criterion.version}",
            "lot": result.lot.code,
            "value": result.value,
            "raw_sha256": result.raw_sha256,
            "reason": words,
        },
        now=now,
    )
    return SafetySetAside.objects.create(
        result=result, reason=words, signature=signature, set_aside_at=site_time(result.site, now)
    )


def _text(fields: Mapping[str, str], name: str) -> str:
    text = fields.get(name, "")
    if not text:
        raise SafetyRefused(f"{name}: is needed")
    if len(text) > 300:
        raise SafetyRefused(f"{name}: at most 300 characters")
    return text


def _number(fields: Mapping[str, str], name: str) -> Decimal:
    try:
        number = Decimal(fields.get(name, ""))
    except InvalidOperation:
        raise SafetyRefused(f"{name}: give a number") from None
    if not number.is_finite() or (name in POSITIVE and number <= 0) or abs(number) >= 10**7:
        raise SafetyRefused(
            f"{name}: give a number{' above zero' if name in POSITIVE else ''} below 10,000,000"
        )
    return number


def _parent(product: Product, of: Kind, code: str) -> Any:
    """The newest version of the parent, or the requirement."""
    if of.parent_model is Requirement:
        found = Requirement.objects.filter(code=code).first()
    else:
        rows = of.parent_model._default_manager.filter(product=product, code=code)
        found = rows.order_by("-version").first()
    if found is None:
        raise SafetyRefused(
            f"{of.parent}: there is no {of.parent} {code or 'without a code'}; write it first"
        )
    return found


def _modes(product: Product, codes: str) -> list[FailureMode]:
    known = newest(FailureMode.objects.filter(product=product))
    wanted = codes.split()
    for code in wanted:
        if code not in known:
            raise SafetyRefused(f"modes: there is no failure mode {code}; write it first")
    return [known[code] for code in dict.fromkeys(wanted)]


def _same(latest: SafetyRecord, content: Mapping[str, Any], modes: list[FailureMode]) -> bool:
    if any(_plain(getattr(latest, name)) != _plain(value) for name, value in content.items()):
        return False
    if not isinstance(latest, Observable):
        return True
    return set(latest.modes.values_list("failure_mode__code", flat=True)) == {mode.code for mode in modes}


def _plain(value: Any) -> Any:
    """A parent counts by its code: a newer version of it changes nothing here."""
    return value.code if isinstance(value, (SafetyRecord, Requirement)) else value
