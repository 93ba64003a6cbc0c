"""A failure investigation keeps its order: measurement first, one variable at a time, confirmed before believed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from quality.actions.case import add_entry
from quality.actions.investigate import (
    diagnose,
    link_control,
)
from quality.actions.open_case import CaseRefused, open_case
from quality.actions.sign import SignatureRefused, verify
from quality.cases import case_view
from quality.investigation import propose_signature
from quality.models import CaseEntry, Defect
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD
from tests.support.frozen_chart import VISCOSITY
from tests.support.guide import SOUND, Guide, guide_of_a_signal

pytestmark = pytest.mark.django_db


@pytest.fixture
def guide() -> Guide:
    return guide_of_a_signal()


def test_chart_and_judgements_propose_the_last_good_and_the_first_bad(
    guide: Guide,
) -> None:
    charted, case = guide.charted, guide.case
    codes = [lot.code for lot in charted.batches]
    proposal = propose_signature(case)
    assert (proposal.good, proposal.bad) == (tuple(codes[-4:-1]), codes[-1])
    assert proposal.characteristic is not None and proposal.characteristic.code == VISCOSITY
    bad = charted.measure("9.5")
    about = open_case(
        charted.plant.site,
        defect=Defect.objects.get(lot=bad),
        user=charted.plant.engineer,
        now=timezone.now(),
    )
    by_judgement = propose_signature(about)
    assert by_judgement.bad == bad.code and by_judgement.good == tuple(codes[-3:])


def test_each_step_says_what_is_next_from_the_signature_to_the_control(guide: Guide) -> None:
    seen = [guide.next]
    guide.sign()
    seen.append(guide.next)
    guide.check()
    seen.append(guide.next)
    guide.observe()
    seen.append(guide.next)
    guide.branch()
    seen.append(guide.next)
    guide.retest()
    seen.append(guide.next)
    guide.report("confirms")
    seen.append(guide.next)
    diagnose(guide.case, statement="worn clamps", **guide.who)
    seen.append(guide.next)
    link_control(guide.case, action=str(guide.act().pk), **guide.who)
    seen.append(guide.next)
    assert seen == [
        *("signature", "integrity", "observation", "branch", "retest", "retest_result"),
        *("diagnosis", "control_link", "done"),
    ]
    assert guide.found.action is not None and guide.found.action.content["statement"] == "new clamps"
    assert guide.found.signature is not None
    values = guide.found.signature.content["values"]
    assert values[guide.codes[-1]] == "6.5 Pa·s" and len(values) == 4


def test_nothing_is_diagnosed_before_the_measurement_is_signed_as_sound(guide: Guide) -> None:
    guide.sign()
    for attempt in (lambda: guide.observe("1"), guide.branch, guide.retest, lambda: guide.report("confirms")):
        with pytest.raises(CaseRefused, match="integrity: sign first"):
            attempt()
    with pytest.raises(SignatureRefused):
        guide.check(password="guess")
    failed = guide.check(SOUND | {"sensor": (False, "reads 3 K high")})
    assert not guide.found.is_sound and guide.next == "integrity"
    assert failed.signature is not None and verify(failed.signature, failed.content)
    with pytest.raises(CaseRefused, match="integrity: sign first"):
        guide.observe("1")
    guide.check()
    assert guide.found.is_sound
    guide.sign(statement="6.5 where 4.9 to 5.1 is usual")  # stated anew: what was checked was something else
    assert not guide.found.is_sound and guide.next == "integrity"
    with pytest.raises(DatabaseError), transaction.atomic():
        CaseEntry.objects.create(
            case=guide.case, kind="integrity", content=failed.content, entered_by=failed.entered_by,
            entered_at=timezone.now(),
        )  # fmt: skip


def test_diagnosis_falls_with_the_measurement_it_rests_on(guide: Guide) -> None:
    guide.to_a_diagnosis()
    assert guide.next == "control_link"
    guide.check(SOUND | {"sensor": (False, "reads 3 K high")})
    assert guide.found.diagnosis is None and guide.next == "integrity"
    assert "finish the investigation: the measurement failed" in guide.untraced
    guide.check()
    assert guide.next == "diagnosis"  # evidence and re-test were of the same cells


def test_stating_the_signature_anew_begins_anew(guide: Guide) -> None:
    guide.to_a_diagnosis()
    link_control(guide.case, action=str(guide.act().pk), **guide.who)
    assert guide.next == "done"
    guide.sign(statement="6.5 where 4.9 to 5.1 is usual")
    guide.check()
    assert (guide.next, guide.found.observations, guide.found.branches) == ("observation", {}, [])
    assert guide.found.diagnosis is None and guide.found.link is None
    assert "finish the investigation" in guide.untraced


def test_check_without_words_is_refused(guide: Guide) -> None:
    with pytest.raises(CaseRefused, match="signature: name the last good lots"):
        guide.check()
    guide.sign()
    with pytest.raises(CaseRefused, match="timing: say what was found"):
        guide.check(SOUND | {"timing": (True, " ")})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"good": []}, "good: name the last 3 good lots"),
        ({"good": ["A", "A", "B"]}, "good: name the last 3 good lots"),
        ({"good": ["NO-1", "NO-2", "NO-3"]}, "good: there is no lot NO-1"),
        ({"bad": ""}, "bad: there is no lot without a code"),
        ({"statement": ""}, "statement: is needed"),
        ({"characteristic": "no.such"}, "characteristic: there is no no.such"),
    ],
)
def test_signature_that_says_nothing_is_refused(guide: Guide, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CaseRefused, match=message):
        guide.sign(**changes)
    assert not CaseEntry.objects.exists()


def test_first_bad_lot_cannot_be_a_good_one(guide: Guide) -> None:
    with pytest.raises(CaseRefused, match="cannot be good and bad"):
        guide.sign(bad=guide.codes[-2])


def test_branch_needs_the_whole_evidence_set(guide: Guide) -> None:
    guide.sign()
    guide.check()
    guide.observe("1", "2", "3")
    with pytest.raises(CaseRefused, match="branch: record evidence 4 first"):
        guide.branch()
    guide.observe("4")
    with pytest.raises(CaseRefused, match="branch: one of A, B, C, D"):
        guide.branch("E")


def test_retest_changes_one_variable_and_two_only_under_signature(guide: Guide) -> None:
    guide.to_the_branch()
    clamp, rest, soc = ("clamp", "old", "new"), ("rest", "1 h", "2 h"), ("charge", "50 %", "60 %")
    for changes, message in (
        ([("", "", "")], "changes: name the variable"),
        ([("clamp", "old", "")], "changes: name the variable"),
        ([clamp, rest, soc], "changes: one variable at a time"),
        ([clamp, ("clamp", "new", "newer")], "changes: one variable at a time"),
        ([clamp, rest], "reason: say why two"),
    ):
        with pytest.raises(CaseRefused, match=message):
            guide.retest(*changes)
    with pytest.raises(SignatureRefused):
        guide.retest(clamp, rest, reason="the new clamp needs the longer rest", password="guess")
    assert not guide.found.branch.retests  # type: ignore[union-attr]
    entry = guide.retest(clamp, rest, reason="the new clamp needs the longer rest", password=PASSWORD)
    assert entry.signature is not None and verify(entry.signature, entry.content)
    for content in ({"changes": [[], []], "reason": "x"}, {"changes": [[], [], []], "reason": "x"}):
        with pytest.raises(DatabaseError, match="case_retest_controlled"), transaction.atomic():
            CaseEntry.objects.create(
                case=guide.case,
                kind="retest",
                content=content,
                entered_by=entry.entered_by,
                entered_at=timezone.now(),
            )


def test_refuted_branch_leads_to_another_and_unclear_ones_stay_open(guide: Guide) -> None:
    guide.to_the_branch()
    guide.retest()
    with pytest.raises(CaseRefused, match="report what the running re-test showed"):
        guide.retest()
    with pytest.raises(CaseRefused, match="report what the running re-test showed"):
        guide.branch("B")
    guide.report("unclear")
    assert guide.found.branch.status == "needs more evidence"  # type: ignore[union-attr]
    assert guide.next == "retest"
    with pytest.raises(CaseRefused, match="diagnosis: the branch is needs more evidence"):
        diagnose(guide.case, statement="clamps", **guide.who)
    guide.retest()
    guide.report("refutes")
    assert guide.next == "branch"
    with pytest.raises(CaseRefused, match="diagnosis: the branch is refuted"):
        diagnose(guide.case, statement="clamps", **guide.who)
    guide.branch("B")
    guide.retest()
    guide.report("confirms")
    assert [node.status for node in guide.found.branches] == ["refuted", "supported"]
    diagnose(guide.case, statement="trapped gas", **guide.who)
    with pytest.raises(CaseRefused, match="action: choose a corrective action"):
        link_control(guide.case, action="1", **guide.who)


def test_begun_investigation_keeps_the_case_open_until_it_is_diagnosed(guide: Guide) -> None:
    add_entry(guide.case, "owner", {"owner": guide.who["user"].username, "due": "2027-01-01"}, **guide.who)
    add_entry(guide.case, "classification", {"family": "contact", "reason": "seen"}, **guide.who)
    add_entry(guide.case, "evidence", {"claim": "a", "source": "b", "falsifier": "c"}, **guide.who)
    add_entry(guide.case, "why", {"because": "worn"}, **guide.who)
    assert case_view(guide.case).next_step.name == "Correct"  # type: ignore[union-attr]
    guide.sign()
    step = case_view(guide.case).next_step
    assert step is not None and step.name == "Trace" and "finish the investigation" in step.missing


def test_operator_may_not_investigate(guide: Guide) -> None:
    guide.who["user"] = guide.charted.plant.operator
    with pytest.raises(NotPermitted):
        guide.sign()
