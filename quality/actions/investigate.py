"""Investigate a failure, one step at a time and in the order that keeps it honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from lots.models import Characteristic, Lot, User
from quality.actions.case_entries import store_entry, texts_of, work_on
from quality.actions.open_case import CaseRefused
from quality.actions.sign import sign
from quality.cases import case_view
from quality.investigation import (
    CHECKS,
    EVIDENCE,
    GOOD_LOTS,
    Branch,
    Investigation,
    Kind,
    Outcome,
    investigation_of,
    values_of,
)
from quality.models import CaseEntry, Nonconformance

MOST_CHANGES = 2


@transaction.atomic
def state_signature(
    case: Nonconformance,
    *,
    statement: str,
    good: Sequence[str],
    bad: str,
    characteristic: str = "",
    user: User,
    now: datetime,
) -> CaseEntry:
    """State what went wrong: a measurable sentence, the last three good lots and the first bad one.

    Raises CaseRefused for other than three good lots, for a lot that is not of the site, or one that is both.
    """
    work_on(case, user)
    content = texts_of(("statement",), {"statement": statement})
    named = list(dict.fromkeys(code.strip() for code in good if code.strip()))
    if len(named) != GOOD_LOTS:
        raise CaseRefused(f"good: name the last {GOOD_LOTS} good lots, each once")
    if bad in named:
        raise CaseRefused(f"bad: {bad} cannot be good and bad")
    lots = {lot.code: lot for lot in Lot.objects.filter(site=case.site, code__in=[*named, bad])}
    for name, codes in (("good", named), ("bad", [bad])):
        for code in codes:
            if code not in lots:
                raise CaseRefused(f"{name}: there is no lot {code or 'without a code'} at {case.site.code}")
    measured = Characteristic.objects.filter(code=characteristic).first() if characteristic else None
    if characteristic and measured is None:
        raise CaseRefused(f"characteristic: there is no {characteristic}")
    content |= {
        "good": named,
        "bad": bad,
        "characteristic": measured.code if measured is not None else "",
        "values": values_of(measured, list(lots.values())),
    }
    return store_entry(case, Kind.SIGNATURE, content, user=user, now=now)


@transaction.atomic
def sign_integrity(
    case: Nonconformance,
    checks: Mapping[str, tuple[bool, str]],
    *,
    user: User,
    password: str,
    now: datetime,
) -> CaseEntry:
    """Sign what was checked of the measurement: check → whether it is sound, and what was found.

    A check that failed is recorded too; the diagnosis stays blocked until one is signed in which all are sound.
    """
    work_on(case, user)
    found = _found(case)
    if found.signature is None:
        raise CaseRefused("signature: name the last good lots and the first bad one first")
    content: dict[str, Any] = {"checks": {}}
    for name in CHECKS:
        ok, words = checks.get(name, (False, ""))
        if not words.strip():
            raise CaseRefused(f"{name}: say what was found")
        content["checks"][name] = {"ok": ok, "found": words.strip()[:300]}
    signature = sign(
        user=user,
        password=password,
        meaning="Measurement checked before diagnosis",
        record_kind="measurement integrity",
        record_id=case.code,
        content=content,
        now=now,
    )
    return store_entry(case, Kind.INTEGRITY, content, user=user, now=now, signature=signature)


@transaction.atomic
def observe(
    case: Nonconformance, *, part: str, found: str, reference: str, user: User, now: datetime
) -> CaseEntry:
    """Record one part of the evidence set: what was found, and where it can be seen."""
    work_on(case, user)
    _sound(case)
    if part not in EVIDENCE:
        raise CaseRefused(f"part: one of {', '.join(EVIDENCE)}")
    content = texts_of(("found", "reference"), {"found": found, "reference": reference}) | {"part": part}
    return store_entry(case, Kind.OBSERVATION, content, user=user, now=now)


@transaction.atomic
def choose_branch(
    case: Nonconformance, *, branch: str, because: str, against: str, user: User, now: datetime
) -> CaseEntry:
    """Follow a branch of the decision tree; `against` says what does not fit it."""
    work_on(case, user)
    found = _sound(case)
    missing = [part for part in EVIDENCE if part not in found.observations]
    if missing:
        raise CaseRefused(f"branch: record evidence {', '.join(missing)} first")
    if branch not in set(Branch):
        raise CaseRefused(f"branch: one of {', '.join(Branch)}")
    if found.branch is not None and found.branch.retests and found.branch.retests[-1].result is None:
        raise CaseRefused("branch: report what the running re-test showed first")
    content = texts_of(("because", "against"), {"because": because, "against": against}) | {"branch": branch}
    return store_entry(case, Kind.BRANCH, content, user=user, now=now)


@transaction.atomic
def plan_retest(
    case: Nonconformance,
    *,
    lot: str,
    changes: Sequence[tuple[str, str, str]],
    kept: str,
    expected: str,
    falsifier: str,
    reason: str = "",
    user: User,
    password: str = "",
    now: datetime,
) -> CaseEntry:
    """Plan a controlled re-test of a lot. `changes` are (variable, from, to): one of them.

    Two variables may change together only for a reason and under signature, because the result will not say which of
    them it was; three never.
    """
    work_on(case, user)
    branch = _sound(case).branch
    if branch is None:
        raise CaseRefused("branch: choose one before a re-test")
    if branch.retests and branch.retests[-1].result is None:
        raise CaseRefused("retest: report what the running re-test showed first")
    if not Lot.objects.filter(site=case.site, code=lot).exists():
        raise CaseRefused(f"lot: there is no lot {lot or 'without a code'} at {case.site.code}")
    varied = [
        tuple(part.strip() for part in change) for change in changes if any(part.strip() for part in change)
    ]
    if not varied or not all(all(change) for change in varied):
        raise CaseRefused("changes: name the variable, what it was and what it will be")
    if len(varied) > MOST_CHANGES or len({change[0] for change in varied}) < len(varied):
        raise CaseRefused("changes: one variable at a time, two at the very most")
    fields = {"kept": kept, "expected": expected, "falsifier": falsifier}
    content = texts_of(("kept", "expected", "falsifier"), fields) | {
        "lot": lot,
        "changes": [list(change) for change in varied],
        "reason": reason.strip()[:300],
    }
    signature = None
    if len(varied) > 1:
        if not reason.strip():
            raise CaseRefused("reason: say why two variables must change together")
        signature = sign(
            user=user,
            password=password,
            meaning="Two variables changed together in a re-test",
            record_kind="re-test",
            record_id=case.code,
            content=content,
            now=now,
        )
    return store_entry(case, Kind.RETEST, content, user=user, now=now, signature=signature)


@transaction.atomic
def report_retest(case: Nonconformance, *, outcome: str, found: str, user: User, now: datetime) -> CaseEntry:
    """Say what the planned re-test showed, and whether that confirms or refutes the branch."""
    work_on(case, user)
    branch = _sound(case).branch
    if branch is None or not branch.retests or branch.retests[-1].result is not None:
        raise CaseRefused("retest: plan one first")
    if outcome not in set(Outcome):
        raise CaseRefused(f"outcome: one of {', '.join(Outcome)}")
    content = texts_of(("found",), {"found": found}) | {
        "outcome": outcome,
        "retest": branch.retests[-1].plan.pk,
    }
    return store_entry(case, Kind.RETEST_RESULT, content, user=user, now=now)


@transaction.atomic
def diagnose(case: Nonconformance, *, statement: str, user: User, now: datetime) -> CaseEntry:
    """Write the diagnosis. A branch that no re-test confirmed cannot be one."""
    work_on(case, user)
    branch = _sound(case).branch
    if branch is None or branch.status != "supported":
        status = branch.status if branch is not None else "not chosen"
        raise CaseRefused(f"diagnosis: the branch is {status}; a re-test must confirm it first")
    content = texts_of(("statement",), {"statement": statement}) | {"branch": branch.entry.pk}
    return store_entry(case, Kind.DIAGNOSIS, content, user=user, now=now)


@transaction.atomic
def link_control(case: Nonconformance, *, action: str, user: User, now: datetime) -> CaseEntry:
    """Tie the diagnosis to a corrective action of the case, which changes a parameter or a line of the plan."""
    work_on(case, user)
    if _sound(case).diagnosis is None:
        raise CaseRefused("diagnosis: write it first")
    actions = CaseEntry.objects.filter(case=case, kind=Kind.ACTION)
    if not action.isdecimal() or not actions.filter(pk=int(action)).exists():
        raise CaseRefused("action: choose a corrective action of this case; add one there first")
    return store_entry(case, Kind.CONTROL_LINK, {"action": int(action)}, user=user, now=now)


def _found(case: Nonconformance) -> Investigation:
    return investigation_of(case_view(case).entries)


def _sound(case: Nonconformance) -> Investigation:
    found = _found(case)
    if not found.is_sound:
        raise CaseRefused(
            "integrity: sign first that the measurement is sound; until then nothing is diagnosed"
        )
    return found
