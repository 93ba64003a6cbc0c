"""Acceptance by the handbook's rule: boundaries exact, sample frozen before the first result, both reasons kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot
from lots.queries import active_holds
from quality.acceptance import CellResult, Rules, Verdict, decide, operating
from quality.actions.accept_lot import AcceptanceRefused, decide_lot, freeze_plan, results_of
from quality.actions.sign import SignatureRefused, verify
from quality.actions.taking import ProductionRefused
from quality.models import AcceptancePlan
from quality.permissions import NotPermitted
from quality.release_view import release_blockers
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
RULES = Rules(Decimal("19.2"), Decimal("99.5"), Decimal("2.4"))


def cell(number: int = 0, **changes: object) -> CellResult:
    fields: dict[str, object] = {
        "code": f"C-{number}",
        "capacity_ah": Decimal("19.2"),
        "efficiency_pct": Decimal("99.5"),
        "resistance_mohm": Decimal("2.4"),
        "leak_free": True,
    }
    return CellResult(**(fields | changes))  # type: ignore[arg-type]


def cells(n: int, *, weak: int = 0, outliers: int = 0) -> list[CellResult]:
    return [
        cell(
            number,
            capacity_ah=Decimal("19.199") if number < weak else Decimal("19.2"),
            resistance_mohm=Decimal("2.401") if number >= n - outliers else Decimal("2.4"),
        )
        for number in range(n)
    ]


@pytest.mark.parametrize(
    ("results", "verdict", "words"),
    [
        (cells(10, weak=1), "accept", "9 of 10 meet capacity and efficiency: at least 90 %"),  # exactly 90 %
        (cells(10, weak=2), "reject", "8 of 10 meet capacity and efficiency: less than 90 %"),
        (cells(20, weak=2), "accept", "18 of 20"),
        (cells(20, weak=3), "reject", "17 of 20"),
        (cells(11, weak=1), "accept", "10 of 11"),
        (cells(9, weak=1), "reject", "8 of 9"),
        (cells(1), "accept", "1 of 1"),
        (cells(1, weak=1), "reject", "0 of 1"),
        (cells(10, outliers=1), "accept", "1 impedance outlier (C-9): at most 1"),  # exactly one outlier
        (cells(10, outliers=2), "reject", "2 impedance outliers (C-8, C-9): more than 1"),
        ([cell(0, efficiency_pct=Decimal("99.4999"))], "reject", "0 of 1"),
        ([cell(0), cell(1, leak_free=False)], "reject", "leak: C-1"),
        ([cell(0, leak_free=False, capacity_ah=None)], "reject", "leak: C-0"),
        ([cell(0), cell(1, resistance_mohm=None)], "undecided", "C-1: resistance is missing"),
        ([cell(0, leak_free=None)], "undecided", "C-0: leak test is missing"),
        ([], "undecided", "no cell was sampled"),
    ],
)
def test_rule_counts_exactly(results: list[CellResult], verdict: str, words: str) -> None:
    decision = decide(results, RULES)
    assert decision.verdict == Verdict(verdict)
    assert any(words in reason for reason in decision.reasons), decision.reasons


def test_both_reasons_are_given_whatever_decides() -> None:
    assert len(decide(cells(10, weak=5, outliers=5), RULES).reasons) == 2


def test_operating_characteristic_of_the_chosen_sample() -> None:
    """Binomial: with n = 10 and one failure allowed, 0.98^10 + 10 * 0.02 * 0.98^9 of good lots are accepted."""
    found = operating(10, RULES)
    assert found.failures_allowed == 1
    assert found.producer_risk == pytest.approx(1 - (0.98**10 + 10 * 0.02 * 0.98**9))
    assert found.consumer_risk == pytest.approx(0.8**10 + 10 * 0.2 * 0.8**9)
    assert found.accepted[0] == 1 and sorted(found.accepted, reverse=True) == list(found.accepted)
    assert [RULES.failures_allowed(n) for n in (1, 9, 10, 19, 20, 30)] == [0, 0, 1, 1, 2, 3]


def test_rules_survive_json() -> None:
    assert Rules.from_content(RULES.content()) == RULES


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def lot(plant: Plant) -> Lot:
    """Five cells in formation and acceptance."""
    group = plant.lot("T-CELL-LOT", quantity=5)
    for _ in range(5):
        member = plant.lot("T-CELL", quantity=1, group=group.code)
        for step in ("stacking", "filling"):
            plant.run(member, step)
        plant.run(member, "formation", [plant.reading("formation.resistance_mohm", "2.0", member)])
        plant.start(member, "acceptance")
    return group


def frozen(plant: Plant, lot: Lot, *, sample_size: int = 3, seed: int = 11) -> AcceptancePlan:
    rules = Rules(Decimal("19.2"), Decimal("0"), Decimal("2.4"))
    return freeze_plan(
        lot, rules, sample_size=sample_size, seed=seed, user=plant.engineer, now=timezone.now()
    )


def test_a_lot_with_its_plan_gets_no_further_cell(plant: Plant, lot: Lot) -> None:
    frozen(plant, lot)
    with pytest.raises(ProductionRefused, match="acceptance plan or its release"):
        plant.lot("T-CELL", quantity=1, group=lot.code)


def measured(plant: Plant, code: str, capacity: str = "20", leak_free: str = "1") -> None:
    member = Lot.objects.get(code=code)
    plant.submit(
        [
            plant.reading("acceptance.capacity_ah", capacity, member),
            plant.reading("acceptance.leak_free", leak_free, member),
        ]
    )


def decided(plant: Plant, plan: AcceptancePlan, password: str = PASSWORD) -> object:
    return decide_lot(plan, user=plant.engineer, password=password, now=timezone.now())


def test_sample_is_random_repeatable_and_frozen_before_the_first_result(plant: Plant, lot: Lot) -> None:
    with pytest.raises(AcceptanceRefused, match="sample_size: from 1 to 5"):
        frozen(plant, lot, sample_size=6)
    with pytest.raises(NotPermitted):
        freeze_plan(lot, RULES, sample_size=1, seed=1, user=plant.operator, now=timezone.now())
    plan = frozen(plant, lot)
    assert len(plan.sample) == 3 and plan.seed == 11
    with pytest.raises(AcceptanceRefused, match="frozen already"):
        frozen(plant, lot)


def test_plan_after_the_first_result_is_refused(plant: Plant, lot: Lot) -> None:
    member = lot.links_to_children.first()
    assert member is not None
    measured(plant, member.child.code)
    with pytest.raises(AcceptanceRefused, match="before the first result"):
        frozen(plant, lot)


def test_missing_value_blocks_and_rejection_holds_lot_and_cells(plant: Plant, lot: Lot) -> None:
    plan = frozen(plant, lot)
    blockers = release_blockers(lot, user=None, now=timezone.now())
    (undecided,) = [each for each in blockers if "acceptance plan is not decided" in each.message]
    assert (undecided.kind, undecided.key) == ("acceptance", lot.pk), (
        "decided on its own page, not at the station"
    )
    measured(plant, plan.sample[0])
    with pytest.raises(AcceptanceRefused, match=f"{plan.sample[0]}: efficiency is missing"):
        decided(plant, plan)
    measured(plant, plan.sample[1], leak_free="0")
    with pytest.raises(SignatureRefused):
        decided(plant, plan, password="guess")
    decided(plant, plan)
    plan.refresh_from_db()
    decision = plan.decision
    assert not decision.accepted and decision.content["reasons"] == [f"leak: {plan.sample[1]}"]
    assert verify(decision.signature, decision.content)
    members = [link.child_id for link in lot.links_to_children.all()]
    assert (
        len({m.lot_id for m in active_holds([lot.pk, *members]) if "Rejected at acceptance" in m.hold.reason})
        == 6
    )
    with pytest.raises(AcceptanceRefused, match="decided already"):
        decided(plant, plan)


def test_latest_valid_values_of_the_sample_count(plant: Plant, lot: Lot) -> None:
    plan = frozen(plant, lot)
    measured(plant, plan.sample[0], capacity="18")
    measured(plant, plan.sample[0], capacity="19.5")
    result = next(result for result in results_of(plan) if result.code == plan.sample[0])
    assert (result.capacity_ah, result.resistance_mohm, result.leak_free) == (Decimal("19.5"), 2, True)


def test_page_shows_the_risks_freezes_and_decides(plant: Plant, lot: Lot) -> None:
    client = signed_in(plant.engineer)
    url = reverse("web:lot_acceptance", args=[lot.code])
    page = client.get(url, {"sample_size": "5"}).content.decode()
    assert "Operating characteristic" in page
    sent = {
        "action": "freeze",
        "sample_size": "2",
        "capacity_min_ah": "19.2",
        "efficiency_min_pct": "0",
        "resistance_max_mohm": "x",
        "share_pct": "90",
        "outliers_max": "1",
    }
    refused = client.post(url, sent)
    assert refused.status_code == 422 and "esistance_max_mohm" in refused.content.decode()
    assert client.post(url, sent | {"resistance_max_mohm": "2.4"}).status_code == 302
    plan = AcceptancePlan.objects.get()
    measured(plant, plan.sample[0], leak_free="0")
    assert client.post(url, {"action": "decide", "password": PASSWORD}).status_code == 302
    assert "Rejected" in client.get(url).content.decode()


def test_page_of_a_lot_without_cells_says_so(plant: Plant) -> None:
    empty = plant.lot("T-CELL-LOT", quantity=1)
    page = signed_in(plant.engineer).get(reverse("web:lot_acceptance", args=[empty.code])).content.decode()
    assert "No cells to accept" in page and "0 cells" not in page and "Freeze the plan" not in page


def test_acceptance_by_the_api(plant: Plant, lot: Lot) -> None:
    api = ApiClient(plant.site, plant.engineer)
    path = f"/lots/{lot.code}/acceptance"
    rules = {"capacity_min_ah": "19.2", "efficiency_min_pct": "0", "resistance_max_mohm": "2.4"}
    assert api.get(path).status_code == 404
    for size, status in ((0, 422), (6, 409), (2, 201)):
        assert api.post(path, {**rules, "sample_size": size}).status_code == status, size
    shown = api.get(path).json()
    assert len(shown["sample"]) == 2 and shown["outlook"]["verdict"] == "undecided"
    decision = {"password": PASSWORD}
    assert api.post(f"{path}/decision", decision).status_code == 409
    measured(plant, shown["sample"][0], leak_free="0")
    operator = ApiClient(plant.site, plant.operator)
    assert operator.post(f"{path}/decision", decision).status_code == 403
    signed = api.post(f"{path}/decision", decision).json()["decision"]
    assert signed["accepted"] is False and signed["reasons"] == [f"leak: {shown['sample'][0]}"]
