"""Control plans are drafted, compared, approved by another person and published; running orders keep theirs."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, WorkOrder, WorkOrderRecipe
from lots.queries import active_holds
from mes import pipeline
from mes.documents.plan_xlsx import plan_xlsx, read_plan
from quality.actions.approve_limits import approve_limits
from quality.actions.draft_plan import approve_plan, change_line, draft_revision, open_order, plan_content
from quality.actions.produce import NewLot, produce_lots
from quality.actions.sign import SignatureRefused, verify
from quality.gates import can_leave
from quality.models import ControlPlanRevision
from quality.permissions import NotPermitted
from quality.plan_table import PlanRefused, difference, lines_of, rows_of
from spc.models import Chart
from tests.support.builders import (
    PASSWORD,
    Plant,
    add_chart,
    make_gauge,
    make_plant,
    make_user,
    publish,
    specify,
)
from tests.support.web import field, signed_in
from tests.support.worked import evaluate_all

pytestmark = pytest.mark.django_db
SOLIDS, VISCOSITY = "mixing.solids_pct", "mixing.viscosity_pa_s"


@pytest.fixture
def plant() -> Plant:
    """Published: one solids value a batch, charted, signals alert; nothing asks for the viscosity."""
    plant = make_plant()
    line = specify(plant, SOLIDS, lsl="60", usl="70")
    for kind in ("moisture_balance", "rheometer"):
        make_gauge(plant, kind)
    add_chart(
        plant,
        SOLIDS,
        required_count=1,
        reaction="alert",
        specification=line.specification,
        gauge_kind="moisture_balance",
    )
    publish(plant)
    return plant


def change(
    plant: Plant, key: tuple[str, str], changes: dict[str, str] | None, **more: object
) -> ControlPlanRevision:
    newest = ControlPlanRevision.objects.filter(plan=plant.plan.plan).latest("number")
    fields: dict[str, object] = {
        "change_reason": "audit finding",
        "user": plant.process_engineer,
        "now": timezone.now(),
    }
    return change_line(newest, key, changes, **(fields | more))  # type: ignore[arg-type]


def approve(plant: Plant, draft: ControlPlanRevision, **more: object) -> ControlPlanRevision:
    fields: dict[str, object] = {"user": plant.engineer, "password": PASSWORD, "now": timezone.now()}
    return approve_plan(draft, **(fields | more))  # type: ignore[arg-type]


def batch(plant: Plant, order: WorkOrder) -> Lot:
    spec = NewLot(code=plant.code("SL"), material="T-SLURRY", quantity=Decimal(100), work_order=order.code)
    (lot,) = produce_lots([spec], site=plant.site, user=plant.operator, now=timezone.now())
    plant.start(lot, "mixing")
    return lot


def test_publishing_changes_the_next_orders_form_charts_and_reactions_and_no_running_one(
    plant: Plant,
) -> None:
    """Without a restart: what processes remember of master data is renewed by its stamp."""
    running = batch(plant, plant.order)
    operator = signed_in(plant.operator)
    page = operator.get(reverse("web:station_lot", args=[running.code])).content.decode()
    assert field(SOLIDS) in page and field(VISCOSITY) not in page
    draft = change(plant, (VISCOSITY, ""), {"required_count": "1", "frequency": "each batch"})
    draft = change(plant, (SOLIDS, ""), {"required_count": "2", "reaction": "hold", "rules": "beyond_limits"})
    approve(plant, draft)
    order = open_order(
        plant.site, plant.product, "WO-NEXT", Decimal(10), user=plant.process_engineer, now=timezone.now()
    )
    later = batch(plant, order)
    page = operator.get(reverse("web:station_lot", args=[later.code])).content.decode()
    assert field(SOLIDS) in page and field(VISCOSITY) in page
    page = operator.get(reverse("web:station_lot", args=[running.code])).content.decode()
    assert field(VISCOSITY) not in page
    for lot in (running, later):
        plant.submit([plant.reading(SOLIDS, "65", lot)])
        plant.finish(lot.executions.get())
    evaluate_all()
    assert can_leave(running, now=timezone.now()) == []
    words = [blocker.message for blocker in can_leave(later, now=timezone.now())]
    assert any("1 of 2 values" in word for word in words) and any("0 of 1 values" in word for word in words)
    plans = {chart.stream.plan.rules for chart in Chart.objects.select_related("stream__plan")}
    assert plans == {"beyond_limits run_one_side", "beyond_limits"}


def test_published_reaction_acts_on_the_next_signal(plant: Plant) -> None:
    approve(plant, change(plant, (SOLIDS, ""), {"reaction": "hold", "phase1_subgroups": "10"}))
    order = open_order(
        plant.site, plant.product, "WO-2", Decimal(1), user=plant.process_engineer, now=timezone.now()
    )
    for number in range(20):
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", batch(plant, order))])
    evaluate_all()
    (chart,) = Chart.objects.all()
    approve_limits(
        chart,
        excluded={},
        reason="steady",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    lot = batch(plant, order)
    plant.submit([plant.reading(SOLIDS, "67", lot)])
    pipeline.sweep_once(now=timezone.now())
    assert active_holds([lot.pk]).exists()


def test_draft_says_what_differs_and_approval_binds_it(plant: Plant) -> None:
    draft = change(plant, (SOLIDS, ""), {"rules": "beyond_limits", "phase1_subgroups": "30"})
    (found,) = difference(lines_of(plant.plan), lines_of(draft))
    assert (found.kind, found.fields) == (
        "changed",
        (("rules", "beyond_limits run_one_side", "beyond_limits"), ("phase1_subgroups", "10", "30")),
    )
    with pytest.raises(PlanRefused, match="you drafted it yourself"):
        approve(plant, draft, user=plant.process_engineer)
    with pytest.raises(SignatureRefused):
        approve(plant, draft, password="guess")
    with pytest.raises(NotPermitted):
        approve(plant, draft, user=plant.operator)
    published = approve(plant, draft)
    assert published.published_by == plant.engineer and published.approval is not None
    assert verify(published.approval, plan_content(published))
    with pytest.raises(PlanRefused, match="published already"):
        approve(plant, draft)


def test_only_the_newest_draft_is_approved(plant: Plant) -> None:
    older = change(plant, (SOLIDS, ""), {"frequency": "each batch, twice"})
    change(plant, (VISCOSITY, ""), {"frequency": "each batch"})
    newer = change(plant, (SOLIDS, ""), None)
    with pytest.raises(PlanRefused, match="there is a newer draft"):
        approve(plant, older)
    assert [c.kind for c in difference(lines_of(plant.plan), lines_of(newer))] == ["added", "removed"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"required_count": "-1"}, "row 2, required_count: '-1' is no whole number from 0 to 10000"),
        ({"frequency": ""}, "row 2, frequency: say how often"),
        ({"chart_family": "pie"}, "row 2, chart_family: 'pie' is none of"),
        ({"rules": "hunch"}, "row 2, rules: name rules of"),
        ({"stratify": "mood"}, "row 2, stratify: only equipment"),
        ({"reaction": "shrug"}, "row 2, reaction: 'shrug' is none of"),
        ({"phase1_subgroups": "1"}, "row 2, phase1_subgroups"),
        ({"parameters": "lambda=0.2"}, "row 2, parameters: lambda: a imr chart takes span"),
        (
            {"chart_family": "ewma", "rules": "beyond_limits", "parameters": "lambda=2"},
            "row 2, parameters: lambda: 2 is out of range; it must be above 0 and at most 1",
        ),
        ({"chart_family": "cusum", "rules": "trend"}, "row 2, rules: trend: a chart of kind cusum takes"),
        (
            {"chart_family": "acceptance", "rules": "beyond_limits", "parameters": "lsl=60"},
            "row 2, parameters: lsl and usl are the specification's",
        ),
        (
            {"chart_family": "short-run", "rules": "beyond_limits"},
            "row 2, stratify: not by product and recipe: the parts of a short-run chart",
        ),
        (
            {
                "chart_family": "t2",
                "rules": "beyond_limits",
                "subgroup_by": "execution",
                "parameters": f"variables={SOLIDS},coating.thickness_um",
            },
            "row 2, parameters: variables: 'coating.thickness_um' is no characteristic of the same step",
        ),
        ({"chart_family": "xbar-s"}, "row 2, subgroup_by: a chart of kind xbar-s plots subgroups"),
    ],
)
def test_bad_line_names_row_field_and_fix(plant: Plant, changes: dict[str, str], words: str) -> None:
    with pytest.raises(PlanRefused) as caught:
        change(plant, (SOLIDS, ""), changes)
    assert [str(problem)[: len(words)] for problem in caught.value.problems] == [words]
    assert ControlPlanRevision.objects.filter(plan=plant.plan.plan).count() == 1


def test_family_and_its_parameters_go_through_a_workbook_and_are_versioned_with_the_plan(
    plant: Plant,
) -> None:
    draft = change(
        plant, (SOLIDS, ""), {"chart_family": "ewma", "rules": "beyond_limits", "parameters": "L=3"}
    )
    (line,) = (line for line in lines_of(draft) if line.chart_family)
    assert line.parameters == "lambda=0.2 L=3 sigma=within"
    rows = read_plan(plan_xlsx(rows_of(lines_of(draft)), title="plan"))
    assert {row["characteristic"]: row["parameters"] for row in rows}[SOLIDS] == line.parameters
    approve(plant, draft)
    line.refresh_from_db()
    assert (line.chart_plan.family, line.chart_plan.parameters) == ("ewma", line.parameters)
    (before,) = (line for line in lines_of(plant.plan) if line.chart_family)
    assert before.chart_plan_id != line.chart_plan_id
    assert plan_content(draft)["lines"][0]["parameters"] == line.parameters


def test_draft_that_changes_nothing_or_says_no_reason_is_refused(plant: Plant) -> None:
    with pytest.raises(PlanRefused, match="nothing differs"):
        change(plant, (SOLIDS, ""), {})
    with pytest.raises(PlanRefused, match="change_reason"):
        change(plant, (SOLIDS, ""), None, change_reason=" ")
    with pytest.raises(PlanRefused, match="no such line"):
        change(plant, (VISCOSITY, ""), None)
    with pytest.raises(PlanRefused, match="no rows"):
        draft_revision(plant.plan.plan, [], change_reason="x", user=plant.engineer, now=timezone.now())
    rows = rows_of(lines_of(plant.plan))
    with pytest.raises(PlanRefused) as caught:
        draft_revision(plant.plan.plan, rows * 2, change_reason="x", user=plant.engineer, now=timezone.now())
    assert "stands in row 2 already" in str(caught.value.problems[0])


def test_workbook_goes_there_and_back(plant: Plant) -> None:
    rows = rows_of(lines_of(plant.plan))
    assert read_plan(plan_xlsx(rows, title="plan")) == rows
    with pytest.raises(PlanRefused, match="cannot be read as a workbook"):
        read_plan(b"no workbook")
    with pytest.raises(PlanRefused, match="lacks"):
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
            book.add_worksheet().write_row(0, 0, ["characteristic"])
        read_plan(buffer.getvalue())


def test_workbook_that_unfolds_or_spans_a_huge_table_is_refused_before_it_is_built() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 30_000_000)
    wide = io.BytesIO()
    with xlsxwriter.Workbook(wide, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "characteristic")
        sheet.write_string(1_048_575, 16_383, "far")
    for content, words in (
        (bomb.getvalue(), "unpacks to far more"),
        (wide.getvalue(), "at most 2000 rows"),
        (b"PK\x03\x04 no more", "cannot be read as a workbook"),
    ):
        with pytest.raises(PlanRefused, match=words):
            read_plan(content)


def test_order_needs_a_new_code_and_a_published_plan(plant: Plant) -> None:
    def order(code: str, quantity: str = "5") -> WorkOrder:
        return open_order(
            plant.site,
            plant.product,
            code,
            Decimal(quantity),
            user=plant.process_engineer,
            now=timezone.now(),
        )

    with pytest.raises(PlanRefused, match="code: give"):
        order("WO-1")
    for quantity in ("0", "NaN", "Infinity", "1e20", "0.0001"):
        with pytest.raises(PlanRefused, match="quantity: must be above zero, with at most 3 decimals"):
            order("WO-9", quantity)
    with pytest.raises(PlanRefused, match="at most 32 characters"):
        order("W" * 33)
    made = order("WO-9")
    assert made.control_plan.revision == plant.plan
    pinned = WorkOrderRecipe.objects.filter(work_order=made).count()
    assert pinned == WorkOrderRecipe.objects.filter(work_order=plant.order).count() > 0


def test_engineer_changes_a_line_and_another_publishes_it_on_the_pages(plant: Plant) -> None:
    editor, approver = signed_in(plant.process_engineer), signed_in(plant.engineer)
    (line,) = lines_of(plant.plan)
    form = editor.get(reverse("web:plan_line", args=[plant.plan.pk, line.pk]))
    sent = dict(form.context["row"]) | {
        "frequency": "every 50 m, after set-up",
        "change_reason": "tighter",
        "action": "save",
    }
    page = editor.post(reverse("web:plan_line", args=[plant.plan.pk, line.pk]), sent, follow=True)
    draft = ControlPlanRevision.objects.latest("pk")
    assert "every 50 m, after set-up" in page.content.decode() and draft.published_at is None
    book = editor.get(reverse("web:plan_workbook", args=[draft.pk])).content
    rows = read_plan(book)
    rows[0]["special"] = "SC"
    file = SimpleUploadedFile("plan.xlsx", plan_xlsx(rows, title="x"))
    editor.post(reverse("web:plan_upload", args=[draft.pk]), {"file": file, "change_reason": "symbol"})
    newest = ControlPlanRevision.objects.latest("pk")
    assert newest.number == draft.number + 1 and newest.lines.get().special == "SC"
    bad = editor.post(
        reverse("web:plan_line", args=[newest.pk, newest.lines.get().pk]), sent | {"rules": "hunch"}
    )
    assert bad.status_code == 422 and "Row 2, rules" in bad.content.decode()
    approver.post(reverse("web:plan_approve", args=[newest.pk]), {"password": PASSWORD})
    newest.refresh_from_db()
    assert newest.published_by == plant.engineer
    opened = editor.post(
        reverse("web:plan_order", args=[newest.pk]), {"code": "WO-77", "quantity": "12"}, follow=True
    )
    assert "WO-77 is open and runs on" in opened.content.decode()
    assert (
        signed_in(make_user(plant.site, "auditor"))
        .get(reverse("web:plan_line", args=[newest.pk, newest.lines.get().pk]))
        .status_code
        == 403
    )
