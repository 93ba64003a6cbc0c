"""Acceptance sampling by the standards on real lots: numbers required, verdicts, switching, discontinuation."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, MaterialDefinition
from quality.acceptance import Rules, Verdict
from quality.actions.accept_lot import AcceptanceRefused, decide_lot, freeze_plan
from quality.actions.draft_plan import change_line
from quality.actions.switch_sampling import ResumptionRefused, resume_sampling
from quality.blockers import Code
from quality.gates import can_proceed
from quality.lot_sampling import Scheme, schemes_of, state_of
from quality.models import AcceptancePlan, ControlPlanLine, SamplingEvent
from quality.permissions import NotPermitted
from quality.plan_table import PlanRefused
from quality.release_view import members_of, release_blockers
from quality.sample_verdict import combine, judge_schemes
from spc.engine.sampling_standards import Severity, Switching
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, publish, specify
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
LEAK, CAPACITY = "acceptance.leak_free", "acceptance.capacity_ah"
CELLS = 4


@pytest.fixture
def plant() -> Plant:
    """Leak tightness is sampled by attributes at AQL 6.5: of four cells, two; tightened, three."""
    plant = make_plant()
    specify(plant, LEAK, lsl="1", material="T-CELL")
    specification = plant.product.specifications.get()
    add_line(
        plant,
        LEAK,
        specification=specification,
        sampling="reducible",
        inspection_level="II",
        aql="6.5",
        required_count=0,
        material=MaterialDefinition.objects.get(code="T-CELL"),
    )
    publish(plant)
    return plant


def line_of(plant: Plant) -> ControlPlanLine:
    return plant.plan.lines.select_related("revision__plan__site").get()


def cell_lot(plant: Plant, cells: int = CELLS) -> Lot:
    group = plant.lot("T-CELL-LOT", quantity=cells)
    for _ in range(cells):
        plant.lot("T-CELL", quantity=1, group=group.code)
    return group


def frozen(plant: Plant, lot: Lot, sample_size: int = 3) -> AcceptancePlan:
    rules = Rules(Decimal("19.2"), Decimal(0), Decimal("2.4"))
    return freeze_plan(lot, rules, sample_size=sample_size, seed=3, user=plant.engineer, now=timezone.now())


def rejected(plant: Plant) -> AcceptancePlan:
    """A lot whose sample leaks."""
    plan = frozen(plant, cell_lot(plant))
    leaking(plant, plan)
    decide_lot(plan, user=plant.engineer, password=PASSWORD, now=timezone.now())
    return plan


def leaking(plant: Plant, plan: AcceptancePlan) -> None:
    """One cell of the scheme leaks; that is enough to reject."""
    measured(plant, Scheme.from_content(plan.sampling[0]).cells[:1], leak="0")


def measured(plant: Plant, codes: Sequence[str], *, leak: str = "1") -> None:
    plant.submit([plant.reading(LEAK, leak, in_acceptance(plant, code)) for code in codes])


def in_acceptance(plant: Plant, code: str) -> Lot:
    """The cell, in its acceptance test."""
    cell = Lot.objects.get(code=code)
    if not cell.executions.exists():
        for step in ("stacking", "filling", "formation"):
            plant.run(cell, step)
        plant.start(cell, "acceptance")
    return cell


def scheme_of(plant: Plant, cells: int = CELLS) -> Scheme:
    lot = cell_lot(plant, cells)
    (found,) = schemes_of(lot, members_of(lot)[1:], now=timezone.now())
    return found


def test_sample_and_numbers_come_from_the_standard_and_the_size_of_the_lot(plant: Plant) -> None:
    scheme = scheme_of(plant)
    assert (scheme.letter, scheme.n, scheme.ac, scheme.re) == ("A", 2, 0, 1)
    assert scheme.severity == "normal" and (scheme.lsl, scheme.usl) == ("1", None)
    assert (one := scheme_of(plant, 1)).n == 1 and one.ac == 0
    lot = cell_lot(plant)
    with pytest.raises(
        AcceptanceRefused, match="sample_size: at least 2, for the sampling plan of leak test"
    ):
        frozen(plant, lot, sample_size=1)
    (kept,) = frozen(plant, lot, sample_size=4).sampling
    assert len(kept["cells"]) == 2 and Scheme.from_content(kept).content() == kept


def test_a_lot_without_a_frozen_plan_is_not_released_where_the_control_plan_samples(plant: Plant) -> None:
    lot = cell_lot(plant)
    words = [b.message for b in release_blockers(lot, user=None, now=timezone.now())]
    assert (
        "its control plan samples leak test passed: freeze an acceptance plan before the cells are tested"
        in words
    )
    frozen(plant, lot)
    words = [b.message for b in release_blockers(lot, user=None, now=timezone.now())]
    assert not any("freeze an acceptance plan" in word for word in words)


def test_missing_values_leave_the_scheme_undecided_and_exactly_ac_accepts(plant: Plant) -> None:
    plan = frozen(plant, cell_lot(plant))
    scheme = Scheme.from_content(plan.sampling[0])
    first, second = scheme.cells
    measured(plant, [first])
    (undecided,) = judge_schemes([scheme])
    assert undecided.verdict is Verdict.UNDECIDED and f"{second}: leak test" in undecided.reason
    measured(plant, [second])
    (accepted,) = judge_schemes([scheme])
    assert accepted.verdict is Verdict.ACCEPT and accepted.failed == 0 and not accepted.in_gap
    measured(plant, [second], leak="0")
    (refused,) = judge_schemes([scheme])
    assert refused.verdict is Verdict.REJECT and f"1 of 2 beyond the limits ({second})" in refused.reason


def test_all_must_accept_and_a_leak_rejects_at_once(plant: Plant) -> None:
    plan = frozen(plant, cell_lot(plant))
    sampled = judge_schemes([Scheme.from_content(plan.sampling[0])])
    assert combine(Verdict.ACCEPT, sampled, at_once=False) is Verdict.UNDECIDED
    assert combine(Verdict.REJECT, sampled, at_once=False) is Verdict.UNDECIDED
    assert combine(Verdict.UNDECIDED, sampled, at_once=True) is Verdict.REJECT
    assert combine(Verdict.ACCEPT, [], at_once=False) is Verdict.ACCEPT


def test_two_lots_tighten_five_more_discontinue_and_a_signature_resumes(plant: Plant) -> None:
    rejected(plant)
    assert state_of(line_of(plant)).severity is Severity.NORMAL
    early = frozen(plant, cell_lot(plant))
    second = rejected(plant)
    event = second.decision.sampling_events.get()
    assert event.words == "from normal to tightened inspection: 2 of 5 lots in a row were not accepted"
    assert (scheme := scheme_of(plant)).n == 3 and scheme.severity == "tightened"

    leaking(plant, early)
    decide_lot(early, user=plant.engineer, password=PASSWORD, now=timezone.now())
    uncounted = early.decision.sampling_events.get()
    assert not uncounted.counted and "frozen under normal inspection" in uncounted.words
    assert state_of(line_of(plant)) == Switching(Severity.TIGHTENED)

    for _ in range(4):
        rejected(plant)
    cell = members_of(cell_lot(plant))[1]
    codes = {b.code for b in can_proceed(cell, "acceptance", now=timezone.now())}
    assert Code.SAMPLING not in codes
    last = rejected(plant)
    assert last.decision.sampling_events.get().severity == "discontinued"

    (blocker,) = [b for b in can_proceed(cell, "acceptance", now=timezone.now()) if b.code == Code.SAMPLING]
    assert "is discontinued: 5 lots were not accepted" in blocker.message
    waiting = cell_lot(plant)
    with pytest.raises(AcceptanceRefused, match="sampling is discontinued"):
        frozen(plant, waiting)
    page = signed_in(plant.engineer).get(reverse("web:lot_acceptance", args=[waiting.code])).content.decode()
    assert (
        "No lot can be accepted" in page and "No plan can be frozen" in page and "Freeze the plan" not in page
    )
    assert "at least 1" in page

    line = line_of(plant)
    told = {"reason": "seam redesigned", "password": PASSWORD, "now": timezone.now()}
    with pytest.raises(NotPermitted):
        resume_sampling(line, user=plant.process_engineer, **told)
    with pytest.raises(ResumptionRefused, match="reason"):
        resume_sampling(line, user=plant.engineer, **(told | {"reason": " "}))
    page = signed_in(plant.engineer).get(reverse("web:reactions")).content.decode()
    assert f'id="sampling-{line.pk}"' in page and "Resume, tightened" in page
    assert "Resume, tightened" not in signed_in(plant.operator).get(reverse("web:reactions")).content.decode()
    url = reverse("web:sampling_resume", args=[line.pk])
    answer = signed_in(plant.engineer).post(
        url, {"reason": "seam redesigned", "password": PASSWORD}, follow=True
    )
    assert "the next lot is inspected tightened" in answer.content.decode()
    assert state_of(line) == Switching(Severity.TIGHTENED)
    assert Code.SAMPLING not in {b.code for b in can_proceed(cell, "acceptance", now=timezone.now())}
    with pytest.raises(ResumptionRefused, match="not discontinued"):
        resume_sampling(line, user=plant.engineer, **told)
    assert SamplingEvent.objects.filter(counted=True).count() == 8
    for change in (
        lambda e: e.delete(),
        lambda e: SamplingEvent.objects.filter(pk=e.pk).update(severity="normal"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(event)


def test_the_stored_state_is_what_the_history_gives(plant: Plant) -> None:
    for _ in range(3):
        rejected(plant)
    state = Switching()
    for event in SamplingEvent.objects.order_by("pk"):
        state = state.after(bool(event.accepted), reduced_authorised=True)
        assert event.severity == state.severity
    assert state_of(line_of(plant)) == state


def test_the_form_and_the_api_show_numbers_severity_and_the_change(plant: Plant) -> None:
    rejected(plant)
    plan = rejected(plant)
    page = signed_in(plant.engineer).get(reverse("web:lot_acceptance", args=[plan.lot.code])).content.decode()
    assert "from normal to tightened inspection" in page and "accept up to 0, reject from 1" in page.lower()
    new = cell_lot(plant)
    page = signed_in(plant.engineer).get(reverse("web:lot_acceptance", args=[new.code])).content.decode()
    assert "<b>Tightened</b>" in page and "at least 3, for the sampling of the control plan" in page
    shown = ApiClient(plant.site, plant.engineer).get(f"/lots/{plan.lot.code}/acceptance").json()
    (scheme,) = shown["sampling"]
    assert (scheme["n"], scheme["severity"], scheme["verdict"]) == (2, "normal", "reject")
    assert shown["decision"]["switching"][0]["severity"] == "tightened"


def test_another_product_and_another_line_keep_their_own_severity(plant: Plant) -> None:
    for _ in range(2):
        rejected(plant)
    assert scheme_of(plant).severity == "tightened"
    other = make_plant()
    specify(other, LEAK, lsl="1")
    add_line(other, LEAK, sampling="attributes", inspection_level="II", aql="6.5", required_count=0)
    publish(other)
    assert scheme_of(other).severity == "normal"


def by_value(plant: Plant) -> None:
    specify(plant, CAPACITY, lsl="19.2")
    add_line(plant, CAPACITY, sampling="variables", inspection_level="II", aql="1.0", required_count=0)
    publish(plant)


def test_variables_decide_by_mean_and_spread_though_every_value_conforms() -> None:
    """n = 4 for 25 cells at level II, AQL 1.0: k = 1.45 (letter C)."""
    plant = make_plant()
    by_value(plant)
    lot = cell_lot(plant, 16)
    plan = frozen(plant, lot, sample_size=4)
    scheme = Scheme.from_content(plan.sampling[0])
    assert (scheme.letter, scheme.n, scheme.k) == ("C", 4, 1.45)
    cells = [in_acceptance(plant, code) for code in scheme.cells]

    def put(*values: str) -> None:
        plant.submit(
            [plant.reading(CAPACITY, value, cell) for value, cell in zip(values, cells, strict=True)]
        )

    put("19.3", "19.9", "19.2", "20.4")
    (found,) = judge_schemes([scheme])
    assert found.verdict is Verdict.REJECT and found.failed == 0 and "less than 1.45" in found.reason
    put("19.9", "20.0", "20.1", "20.0")
    (found,) = judge_schemes([scheme])
    assert found.verdict is Verdict.ACCEPT and "at least 1.45" in found.reason
    assert scheme_of(plant, 2).ac == 0  # fewer cells than the sample: every cell, and none may fail


@pytest.mark.parametrize(
    ("characteristic", "changes", "field", "words"),
    [
        (LEAK, {"sampling": "variables"}, "sampling", "passed or failed is sampled by attributes"),
        (LEAK, {"inspection_level": "IV"}, "inspection_level", "choose from S-1"),
        (LEAK, {"aql": "6.50"}, "aql", "choose from 0.010"),
        (LEAK, {"sampling": ""}, "inspection_level", "leave it empty"),
        (LEAK, {"sampling": "double"}, "sampling", "is none of attributes"),
        (CAPACITY, {}, "sampling", "needs a specification"),
        ("mixing.solids_pct", {}, "sampling", "not measured on cells"),
    ],
)
def test_lines_that_cannot_sample_are_refused(
    plant: Plant, characteristic: str, changes: dict[str, str], field: str, words: str
) -> None:
    line = {"frequency": "each", "sampling": "attributes", "inspection_level": "II", "aql": "6.5"}
    material = "T-CELL" if characteristic == LEAK else ""
    with pytest.raises(PlanRefused) as caught:
        change_line(
            plant.plan,
            (characteristic, material),
            line | changes,
            change_reason="x",
            user=plant.process_engineer,
            now=timezone.now(),
        )
    assert [words in p.message for p in caught.value.problems if p.field == field] == [True]


def test_without_a_limit_in_force_no_plan_is_frozen() -> None:
    plant = make_plant()
    add_line(plant, LEAK, sampling="attributes", inspection_level="II", aql="6.5", required_count=0)
    publish(plant)
    with pytest.raises(AcceptanceRefused, match="no specification in force has a limit"):
        frozen(plant, cell_lot(plant))
