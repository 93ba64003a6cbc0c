"""A nonconformance through its loop: nothing is skipped, verification is measured, another person signs the end."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Hold, RecipeParameter, Shift
from mes.documents.eight_d import eight_d_content
from mes.documents.pdf import render
from quality.actions.case import add_entry, check_effectiveness, close_case, record_of
from quality.actions.open_case import CaseRefused, open_case
from quality.actions.sign import SignatureRefused, verify
from quality.cases import case_view
from quality.models import CaseEntry, Nonconformance
from quality.pareto import defect_paretos, pareto, shift_of
from quality.permissions import NotPermitted
from spc.models import Chart
from tests.support.builders import PASSWORD, Plant, make_plant, make_user, specify
from tests.support.web import signed_in
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="60", usl="70")
    return plant


@pytest.fixture
def chart(plant: Plant) -> Chart:
    return frozen_chart(plant)


@pytest.fixture
def case(plant: Plant, chart: Chart) -> Nonconformance:
    """Opened from the hold that a signal placed."""
    measure(plant, "67")
    hold = Hold.objects.get(source=Hold.Source.SIGNAL, reason__contains="beyond a control limit")
    return open_case(plant.site, title="Solids too high", hold=hold, user=plant.engineer, now=timezone.now())


def measure(plant: Plant, *values: str) -> None:
    for value in values:
        plant.submit([plant.reading(SOLIDS, value, mixing_lot(plant), measured_at=timezone.now())])
    evaluate_all()


def write(plant: Plant, case: Nonconformance, kind: str, **fields: object) -> CaseEntry:
    return add_entry(case, kind, fields, user=plant.engineer, now=timezone.now())


def correct(plant: Plant, case: Nonconformance) -> None:
    """Everything up to the verification."""
    lever = RecipeParameter.objects.filter(name="solid_density_g_cm3").latest("pk")
    write(plant, case, "owner", owner=plant.engineer.username, due="2027-01-31")
    write(plant, case, "classification", family="coating", reason="solids set too high")
    write(
        plant,
        case,
        "evidence",
        claim="scale reads 2 % high",
        source="check weight",
        falsifier="weight reads right",
    )
    write(plant, case, "why", because="the scale was not tared")
    write(plant, case, "root_cause", statement="taring is not on the checklist")
    action = write(
        plant,
        case,
        "action",
        statement="tare before every batch",
        lever="recipe parameter",
        lever_key=str(lever.pk),
        due="2027-01-15",
    )
    assert action.content["lever_words"].endswith("solid_density_g_cm3 = 3.95000000 1")
    write(plant, case, "action_done", action=str(action.pk), statement="checklist 4 issued")


def closed(plant: Plant, case: Nonconformance, **changes: Any) -> CaseEntry:
    fields = {"statement": "scales drift", "password": PASSWORD, "now": timezone.now()}
    fields["user"] = changes.pop("user", None) or make_user(plant.site, "reviewer")
    return close_case(case, **(fields | changes))


def test_loop_says_at_each_point_what_is_next(plant: Plant, case: Nonconformance) -> None:
    assert [step.complete for step in case_view(case).steps] == [False, True, False, False, False, False]
    assert case_view(case).next_step.missing == "name the owner and the due date"  # type: ignore[union-attr]
    correct(plant, case)
    view = case_view(case)
    assert view.next_step is not None and view.next_step.name == "Verify"
    with pytest.raises(CaseRefused, match="verify: let a confirmation set"):
        closed(plant, case)


def test_confirmation_set_is_asked_of_the_chart(plant: Plant, case: Nonconformance, chart: Chart) -> None:
    def check(points: int = 5) -> CaseEntry:
        return check_effectiveness(case, chart, points=points, user=plant.engineer, now=timezone.now())

    with pytest.raises(CaseRefused, match="carry out every corrective action first"):
        check()
    correct(plant, case)
    with pytest.raises(CaseRefused, match="0 of 5 were plotted since"):
        check()
    measure(plant, "65.05", "64.95", "66.9", "65.0", "65.1")
    failed = check()
    assert not failed.content["passed"] and "signalled" in failed.content["words"]
    assert case_view(case).next_step.name == "Verify"  # type: ignore[union-attr]
    measure(plant, "65.0", "64.9", "65.1", "65.0", "64.9", "65.1")
    with pytest.raises(CaseRefused, match="5 points or more"):
        check(4)
    passed = check().content
    assert passed["passed"] and passed["words"].startswith("5 points of Solids content inside")
    assert case_view(case).next_step is None


def verified(plant: Plant, case: Nonconformance, chart: Chart) -> None:
    correct(plant, case)
    measure(plant, "65.0", "64.9", "65.1", "65.0", "64.9", "65.1", "65.0")
    check_effectiveness(case, chart, points=5, user=plant.engineer, now=timezone.now())


def test_closure_is_signed_by_another_person_and_binds_every_entry(
    plant: Plant, case: Nonconformance, chart: Chart
) -> None:
    verified(plant, case, chart)
    with pytest.raises(CaseRefused, match="you opened it yourself"):
        closed(plant, case, user=plant.engineer)
    with pytest.raises(SignatureRefused):
        closed(plant, case, password="guess")
    with pytest.raises(NotPermitted):
        closed(plant, case, user=plant.operator)
    closure = closed(plant, case)
    case.refresh_from_db()
    assert case.state == Nonconformance.State.CLOSED
    view = case_view(case)
    assert closure.signature is not None
    assert verify(closure.signature, record_of(view) | closure.content)
    with pytest.raises(CaseRefused, match="it is closed"):
        write(plant, case, "why", because="more")
    with pytest.raises(DatabaseError, match="takes no entry"), transaction.atomic():
        CaseEntry.objects.create(
            case=case, kind="why", content={}, entered_by=plant.engineer, entered_at=timezone.now()
        )


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("owner", {"owner": "nobody-here", "due": "2027-01-01"}, "owner: nobody called"),
        ("owner", {"owner": "", "due": "2027-01-01"}, "owner: is needed"),
        ("classification", {"family": "gremlins", "reason": "x"}, "family: one of"),
        ("evidence", {"claim": "x", "source": "y"}, "falsifier: is needed"),
        (
            "action",
            {"statement": "x", "lever": "mood", "lever_key": "1", "due": "2027-01-01"},
            "lever: one of",
        ),
        (
            "action",
            {"statement": "x", "lever": "control-plan line", "lever_key": "999999", "due": "2027-01-01"},
            "lever_key: there is no such control-plan line",
        ),
        ("action_done", {"action": "12345678", "statement": "x"}, "action: choose one of this case"),
        ("effectiveness", {"passed": True}, "kind: there is no such entry"),
        ("why", {"because": "x" * 1001}, "because: at most"),
    ],
)
def test_entry_that_says_nothing_or_refers_to_nothing_is_refused(
    plant: Plant, case: Nonconformance, kind: str, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(CaseRefused, match=message):
        write(plant, case, kind, **fields)
    assert not CaseEntry.objects.exists()


def test_page_takes_a_case_from_hold_to_closure(plant: Plant, case: Nonconformance, chart: Chart) -> None:
    client = signed_in(plant.engineer)
    hold_case = reverse("web:hold_case", args=[case.hold_id])
    assert client.post(hold_case)["Location"] == reverse("web:case", args=[case.pk])  # there is one already
    url = reverse("web:case", args=[case.pk])
    page = client.get(url).content.decode()
    assert "name the owner" in page
    choice = page[page.index('id="owner"') :].partition("</select>")[0]
    assert 'value="" ' not in choice and "selected" not in choice  # nobody is chosen for them
    assert plant.process_engineer.username in choice and plant.operator.username not in choice
    refused = client.post(url, {"kind": "owner", "owner": plant.operator.username, "due": "2027-01-01"})
    assert refused.status_code == 422 and "may work on cases" in refused.content.decode()
    answer = client.post(url, {"kind": "owner", "owner": plant.engineer.username, "due": "soon"})
    assert answer.status_code == 422 and "Give a date" in answer.content.decode()
    verified(plant, case, chart)
    page = client.get(url).content.decode()
    assert "scale reads 2 % high" in page and "weight reads right" in page and "Complete." in page
    reviewer = signed_in(make_user(plant.site, "reviewer"))
    done = reviewer.post(
        url, {"kind": "closure", "statement": "scales drift", "password": PASSWORD}, follow=True
    )
    assert "scales drift" in done.content.decode()
    listed = client.get(reverse("web:cases"), {"state": "closed"}).content.decode()
    assert case.code in listed and "coating" in listed
    pdf = client.get(reverse("web:case_report", args=[case.pk]))
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF-1.")


def test_report_of_an_empty_and_of_a_complete_case_can_be_drawn(
    plant: Plant, case: Nonconformance, chart: Chart
) -> None:
    empty = eight_d_content(case_view(case))
    assert empty["hold"]["covered"] == empty["hold"]["reached"] == 1
    verified(plant, case, chart)
    closed(plant, case)
    case.refresh_from_db()
    whole = eight_d_content(case_view(case))
    assert (whole["family"], len(whole["actions"]), whole["closure"]["content"]["statement"]) == (
        "coating",
        1,
        "scales drift",
    )
    for content in (empty, whole):
        drawn = render("eight_d", content, link="https://halite.example/cases/1/", pages_as="png")
        assert drawn.startswith(b"\x89PNG")


def test_pareto_orders_counts_and_adds_up() -> None:
    bars = pareto(["b", "a", "c", "a", "b", "a"])
    assert [(bar.name, bar.count) for bar in bars] == [("a", 3), ("b", 2), ("c", 1)]
    assert [round(bar.cumulative_pct, 1) for bar in bars] == [50.0, 83.3, 100.0]
    assert pareto([]) == []


def test_shift_across_midnight(plant: Plant) -> None:
    night = Shift.objects.create(site=plant.site, name="night", starts=time(22), ends=time(6))
    early = Shift.objects.create(site=plant.site, name="early", starts=time(6), ends=time(14))
    at = {
        time(22): "night",
        time(3): "night",
        time(5, 59): "night",
        time(6): "early",
        time(14): "outside of shifts",
    }
    assert {moment: shift_of(moment, [night, early]) for moment in at} == at


def test_defects_are_counted_by_step_and_machine(plant: Plant, chart: Chart) -> None:
    measure(plant, "71", "72")
    bars = defect_paretos(plant.site)
    assert [(bar.name, bar.count) for bar in bars["equipment"]] == [(plant.equipment["mixing"].code, 2)]
    assert defect_paretos(plant.site, since=timezone.now() + timedelta(days=1))["step"] == []
