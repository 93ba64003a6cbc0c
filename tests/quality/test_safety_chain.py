"""The safety chain: every hazard has a path, every criterion can be measured, every observable shows a failure mode."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, ProcessStep, Recipe, RecipeParameter, RecipeRevision
from quality.actions.case import add_entry
from quality.actions.load_requirements import load_requirements
from quality.actions.load_safety import SAFETY, load_safety_chain
from quality.actions.load_table import LoadRefused, read_table
from quality.actions.open_case import open_case
from quality.actions.requirements import RequirementRefused, approve_baseline
from quality.actions.safety import SafetyRefused, record_result, set_aside
from quality.actions.sign import SignatureRefused
from quality.models import Baseline, Observable, Requirement, SafetyCriterion, SafetyMethod, SafetyResult
from quality.permissions import NotPermitted
from quality.safety_chain import Check, safety_chain, safety_gaps
from quality.traceability import Matrix
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, make_user, publish, specify
from tests.support.safety import CHAIN, write, write_chain
from tests.support.web import signed_in
from tests.support.worked import revise_limits

pytestmark = pytest.mark.django_db
RAW = "d" * 64


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def cell(plant: Plant) -> Lot:
    return plant.lot("T-CELL", quantity=1)


def gaps(plant: Plant) -> list[tuple[int, str]]:
    return [(gap.check, gap.words) for gap in safety_chain(plant.product.product).gaps]


def record(plant: Plant, cell: Lot, value: str = "3.79", **more: Any) -> SafetyResult:
    criterion = SafetyCriterion.objects.filter(product=plant.product.product).latest("version")
    fields: dict[str, Any] = {"raw_sha256": RAW, "user": plant.engineer, "now": timezone.now()}
    return record_result(criterion, cell, value=value, **(fields | more))


def test_each_link_that_is_missing_is_named_until_the_path_reaches_evidence(plant: Plant, cell: Lot) -> None:
    assert gaps(plant) == []
    said = []
    Requirement.objects.create(code="SI-T-SAFE", kind="safety", title="safe voltages")
    for kind in CHAIN:
        write(plant, kind)
        said.append([words for check, words in gaps(plant) if check == Check.PATH])
    assert said == [
        ["HZ-1: cell leaves its safe voltages has no failure mode"],
        ["HZ-1: nothing observes FM-1 (trips too late)"],
        ["HZ-1: nothing observes FM-1 (trips too late)"],
        ["HZ-1: FM-1 (trips too late) is observed against no criterion"],
        ["HZ-1: FM-1 (trips too late) has no evidence: no cell was tested against CR-1"],
    ]
    record(plant, cell)
    assert gaps(plant) == [] and safety_gaps(plant.site) == []


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("observable", {"unit": "mOhm"}, "CR-1: it is in V, and logger reads mOhm"),
        ("observable", {"resolution": "6"}, "CR-1: logger resolves 0.006 V, 0.005 are needed"),
        (
            "observable",
            {"sampling_hz": "0.19"},
            "CR-1: at 0.19 Hz an event of 10 s has 1.9 samples, 2 are needed",
        ),
        ("criterion", {"shortest_s": "0.1"}, "CR-1: at 10 Hz an event of 0.1 s has 1 samples, 2 are needed"),
        ("observable", {"resolution": "5"}, ""),  # exactly the tolerance
        ("observable", {"sampling_hz": "0.2"}, ""),  # exactly two samples
    ],
)
def test_criterion_that_cannot_be_measured_is_named(
    plant: Plant, kind: str, changes: dict[str, str], words: str
) -> None:
    write_chain(plant)
    write(plant, kind, change_reason="other bench", **changes)
    found = [said for check, said in gaps(plant) if check == Check.MEASURABLE]
    assert found == ([words] if words else [])


def test_observable_of_no_failure_mode_is_named(plant: Plant) -> None:
    write_chain(plant)
    write(plant, "observable", modes="", change_reason="it shows something else")
    said = gaps(plant)
    assert (Check.MAPPED, "OB-1: cell voltage maps to no failure mode; name the one that it shows") in said
    assert [one.observable.code for one in safety_chain(plant.product.product).unmapped] == ["OB-1"]


def test_evidence_without_raw_data_or_that_failed_blocks(plant: Plant, cell: Lot) -> None:
    write_chain(plant)
    record(plant, cell, raw_sha256="")
    assert gaps(plant) == [(Check.EVIDENCE, f"CR-1: the result of {cell.code} has no raw data")]
    assert record(plant, cell, "3.8").passed  # exactly at the limit
    assert gaps(plant) == []
    assert not record(plant, cell, "3.8001").passed
    assert gaps(plant) == [(Check.EVIDENCE, f"CR-1: {cell.code} failed it with 3.8001 V")]


def test_failure_stays_until_another_person_sets_it_aside_with_a_reason(plant: Plant, cell: Lot) -> None:
    """Neither a later pass of the same cell nor a new version of the criterion makes it disappear."""
    write_chain(plant)
    failed = record(plant, cell, "3.9")
    passed = record(plant, cell, "3.7", raw_sha256="e" * 64)
    said = [(Check.EVIDENCE, f"CR-1: {cell.code} failed it with 3.9 V")]
    assert gaps(plant) == said
    write(plant, "criterion", limit="3.95", change_reason="wider")
    record(plant, cell, "3.8")
    assert gaps(plant) == [(Check.EVIDENCE, f"CR-1: {cell.code} failed it (version 1) with 3.9 V")]
    other = make_user(plant.site, "process_engineer")
    by: dict[str, Any] = {"reason": "probe fell off", "password": PASSWORD, "now": timezone.now()}
    for result, changes, error, words in (
        (failed, {"user": plant.engineer}, SafetyRefused, "signer: you recorded it"),
        (failed, {"user": other, "reason": " "}, SafetyRefused, "reason: is needed"),
        (failed, {"user": other, "password": "guess"}, SignatureRefused, "password"),
        (failed, {"user": plant.operator}, NotPermitted, "may not"),
        (passed, {"user": other}, SafetyRefused, "result: it passed"),
    ):
        with pytest.raises(error, match=words):
            set_aside(result, **(by | changes))
    assert len(gaps(plant)) == 1
    set_aside(failed, **by, user=other)
    assert gaps(plant) == []
    with pytest.raises(SafetyRefused, match="set aside already"):
        set_aside(failed, **by, user=other)
    (path,) = safety_chain(plant.product.product).hazards[0].modes[0].observables[0].criteria
    assert [row.value for row in path.history] == [Decimal("3.9"), Decimal("3.7"), Decimal("3.8")]
    assert [row.value for row in path.results] == [Decimal("3.8")]


def test_failure_that_was_set_aside_is_no_evidence(plant: Plant, cell: Lot) -> None:
    write_chain(plant)
    failed = record(plant, cell, "3.9", user=make_user(plant.site, "process_engineer"))
    url = reverse("web:safety", args=[plant.product.product.code])
    client = signed_in(plant.engineer)
    assert "Set this failure aside" in client.get(url).content.decode()
    fields = {"kind": "set_aside", "result": failed.pk, "reason": "probe fell off", "password": "guess"}
    refused = client.post(url, fields)
    assert refused.status_code == 422 and "Nothing was written" in refused.content.decode()
    page = client.post(url, fields | {"password": PASSWORD}, follow=True).content.decode()
    assert f"set aside by {plant.engineer.printed_name}: probe fell off" in page
    assert gaps(plant) == [
        (Check.PATH, "HZ-1: FM-1 (trips too late) has no evidence: no cell was tested against CR-1")
    ]


def test_each_criterion_of_a_failure_mode_needs_a_result_of_its_own(plant: Plant, cell: Lot) -> None:
    write_chain(plant)
    record(plant, cell)
    write(plant, "criterion", code="CR-2")
    assert gaps(plant) == [
        (Check.PATH, "HZ-1: FM-1 (trips too late) has no evidence: no cell was tested against CR-2")
    ]


def test_result_against_an_earlier_version_is_no_evidence(plant: Plant, cell: Lot) -> None:
    old = write_chain(plant)
    record(plant, cell)
    write(plant, "criterion", limit="3.75", change_reason="handbook corrected")
    assert gaps(plant) == [
        (Check.PATH, "HZ-1: FM-1 (trips too late) has no evidence: no cell was tested against CR-1")
    ]
    with pytest.raises(SafetyRefused, match="criterion: CR-1 was changed"):
        record_result(old, cell, value="3.7", user=plant.engineer, now=timezone.now())


def test_early_stop_is_on_record_with_its_reason(plant: Plant, cell: Lot) -> None:
    criterion = write_chain(plant)
    stopped = record(plant, cell, stop_reason="80 °C reached")
    assert stopped.stopped_early and stopped.stop_reason == "80 °C reached"
    with pytest.raises(DatabaseError, match="safety_early_stop_explained"), transaction.atomic():
        SafetyResult.objects.create(
            site=plant.site,
            criterion=criterion,
            lot=cell,
            value=1,
            passed=True,
            stopped_early=True,
            recorded_by=plant.engineer,
            recorded_at=timezone.now(),
        )


@pytest.mark.parametrize("name", ["stop_temperature_c", "stop_force_n", "stop_time_s", "stop_leakage"])
def test_method_without_one_of_the_four_stop_conditions_is_refused(plant: Plant, name: str) -> None:
    with pytest.raises(SafetyRefused, match=f"{name}: "):
        write(plant, "method", **{name: ""})
    assert not SafetyMethod.objects.filter(product=plant.product.product).exists()


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("mode", {"hazard": "HZ-9"}, "hazard: there is no hazard HZ-9"),
        ("hazard", {"requirement": ""}, "requirement: there is no requirement without a code"),
        ("hazard", {"source_type": "rumour"}, "source_type: one of"),
        ("criterion", {"operator": "="}, "operator: one of <=, >="),
        ("criterion", {"limit": "NaN"}, "limit: give a number"),
        ("observable", {"sampling_hz": "0"}, "sampling_hz: give a number above zero"),
        ("observable", {"modes": "FM-1 FM-9"}, "modes: there is no failure mode FM-9"),
        ("hazard", {"title": "another"}, "change_reason: HZ-1 exists"),
    ],
)
def test_record_that_hangs_in_the_air_is_refused(
    plant: Plant, kind: str, changes: dict[str, str], message: str
) -> None:
    write_chain(plant)
    with pytest.raises(SafetyRefused, match=message):
        write(plant, kind, **changes)


def test_changed_record_is_the_next_version_and_the_same_again_is_none(plant: Plant) -> None:
    write_chain(plant)
    again, changed = write(plant, "hazard"), write(plant, "mode", title="trips late", change_reason="wording")
    assert (again.version, changed.version, changed.change_reason) == (1, 2, "wording")
    assert write(plant, "observable").version == 1  # its failure mode has a new version; it did not change
    assert [path.modes[0].mode.title for path in safety_chain(plant.product.product).hazards] == [
        "trips late"
    ]
    with pytest.raises(DatabaseError), transaction.atomic():
        Observable.objects.update(title="other")


def test_cell_of_another_product_and_a_person_who_may_not(plant: Plant, cell: Lot) -> None:
    write_chain(plant)
    other = make_plant()
    publish(other)
    with pytest.raises(SafetyRefused, match="is not of product"):
        record(plant, other.lot("T-CELL", quantity=1), user=other.engineer)
    with pytest.raises(NotPermitted):
        record(plant, cell, user=plant.operator)
    assert safety_gaps(other.site) == []


def test_broken_chain_blocks_the_baseline(plant: Plant, cell: Lot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quality.actions.requirements.matrix", lambda site, at: Matrix((), ()))
    signed: dict[str, Any] = {"user": plant.engineer, "password": PASSWORD, "now": timezone.now()}
    write_chain(plant)
    with pytest.raises(RequirementRefused, match="gaps: HZ-1: FM-1"):
        approve_baseline(plant.site, **signed)
    assert not Baseline.objects.exists()
    record(plant, cell)
    assert approve_baseline(plant.site, **signed).number == 1


def test_demo_chain_loads_lacks_only_evidence_and_says_where_its_numbers_are_from(
    plant: Plant, tmp_path: Path
) -> None:
    now = timezone.now()
    load_requirements(now=now)
    product = plant.product.product
    assert (
        load_safety_chain(product, now=now) == len(read_table(SAFETY)) == load_safety_chain(product, now=now)
    )
    chain = safety_chain(product)
    assert {gap.check for gap in chain.gaps} == {Check.PATH}
    assert all("has no evidence" in gap.words for gap in chain.gaps) and len(chain.hazards) == 3
    assert {row["source_type"] for row in read_table(SAFETY)} == {"handbook", "assumption"}
    changed = tmp_path / "chain.csv"
    changed.write_text(SAFETY.read_text().replace("PT-TRIP r1", "PT-TRIP r2"))
    load_safety_chain(product, changed, now=now)
    assert SafetyMethod.objects.filter(product=product, code="SM-01").latest("version").version == 2
    changed.write_text(SAFETY.read_text().replace(",SI-REQ-09,", ",SI-NO-09,"))
    with pytest.raises(LoadRefused, match="HZ-01: requirement: there is no requirement SI-NO-09"):
        load_safety_chain(product, changed, now=now)


def test_page_writes_the_chain_and_takes_a_result_with_its_raw_data(
    plant: Plant, cell: Lot, settings: Any, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    settings.CURVES_DIR = str(tmp_path)
    client = signed_in(plant.engineer)
    url = reverse("web:safety", args=[plant.product.product.code])
    assert (
        "No hazard yet" in client.get(reverse("web:safety_chains")).content.decode()
    )  # one product: its chain
    criterion = write_chain(plant)
    with django_assert_max_num_queries(30):
        page = client.get(url).content.decode()
    assert "has no evidence" in page and "Blocks approval" in page
    refused = client.post(url, {"kind": "mode", "code": "FM-2"})
    assert refused.status_code == 422 and "Nothing was written" in refused.content.decode()
    fields = {"kind": "result", "criterion": criterion.pk, "lot": cell.code, "value": "3.7"}
    raw = SimpleUploadedFile("trip.csv", b"t,v\n0,3.7\n")
    page = client.post(url, fields | {"raw": raw}, follow=True).content.decode()
    assert "Every hazard has a path to evidence" in page and "trip.csv" in page
    result = SafetyResult.objects.get()
    (kept,) = tmp_path.rglob("*.raw")
    assert kept.stem == result.raw_sha256
    reader = signed_in(plant.operator)
    assert reader.post(url, fields).status_code == 403
    assert "Record a result" not in reader.get(url).content.decode()


def test_a_change_of_the_coating_asks_for_a_review_of_each_hazard(cell: Lot, plant: Plant) -> None:
    """A first issue, and a change of another step, ask for nothing; who reviews writes what follows."""
    specify(plant, "coating.areal_loading_mg_cm2", lsl="10", usl="12")
    specify(plant, "mixing.solids_pct", lsl="60", usl="70")
    write_chain(plant)
    record(plant, cell)
    revise_limits(plant, "mixing.solids_pct", lsl="61", usl="70")
    assert gaps(plant) == []
    revise_limits(plant, "coating.areal_loading_mg_cm2", lsl="10.5", usl="12")
    ((check, words),) = gaps(plant)
    assert check == Check.REVIEW and words.startswith("HZ-1: the coating was changed on ")
    assert "revision 2: audit finding" in words
    url = reverse("web:safety", args=[plant.product.product.code])
    page = signed_in(plant.engineer).get(url).content.decode()
    assert "every change of coating, separator or pressure is reviewed" in page
    write(plant, "hazard")
    assert len(gaps(plant)) == 1  # the same again, without a word, is no review
    reviewed = write(plant, "hazard", change_reason="more loading, same trip: nothing follows")
    assert reviewed.version == 2 and gaps(plant) == []
    revise_limits(plant, "coating.areal_loading_mg_cm2", lsl="10.6", usl="12")
    assert len(gaps(plant)) == 1


def issue(recipe: Recipe, revision: str, **values: str) -> RecipeRevision:
    """A recipe revision with these set values, each named step__parameter."""
    issued = RecipeRevision.objects.create(recipe=recipe, revision=revision, issued_at=timezone.now())
    for name, value in values.items():
        step, _, parameter = name.partition("__")
        RecipeParameter.objects.create(
            recipe_revision=issued,
            step=ProcessStep.objects.get(code=step),
            name=parameter,
            value=value,
            unit="1",
        )
    return issued


def test_a_recipe_that_changes_a_lever_asks_for_a_review(cell: Lot, plant: Plant) -> None:
    """A first issue, the same values again and a change of another step ask for nothing."""
    recipe = Recipe.objects.create(code="R-SAFE", name="Cathode", product=plant.product.product)
    write_chain(plant)
    record(plant, cell)
    issue(recipe, "1", calendering__line_load_target_n_mm="350", mixing__solids_target_pct="65")
    issue(recipe, "2", calendering__line_load_target_n_mm="350", mixing__solids_target_pct="66")
    assert gaps(plant) == []
    changed = issue(recipe, "3", calendering__line_load_target_n_mm="351", mixing__solids_target_pct="66")
    ((check, words),) = gaps(plant)
    assert check == Check.REVIEW and words.startswith("HZ-1: the pressure was changed on ")
    assert f"recipe {changed}: calendering line load target n mm" in words
    write(plant, "hazard", change_reason="within the load that was tested")
    assert gaps(plant) == []
    issue(recipe, "4", mixing__solids_target_pct="66")
    assert len(gaps(plant)) == 1  # the load is no longer set: that is a change too


def test_a_corrective_action_on_a_lever_asks_for_a_review_when_it_is_carried_out() -> None:
    plant = make_plant()
    vacuum = add_line(plant, "filling.vacuum_mbar")
    publish(plant)
    cell = plant.lot("T-CELL", quantity=1)
    recipe = Recipe.objects.create(code="R-SAFE", name="Cathode", product=plant.product.product)
    issue(recipe, "1", coating__gap_target_um="400", mixing__solids_target_pct="65")
    write_chain(plant)
    record(plant, cell)
    by: dict[str, Any] = {"user": plant.engineer, "now": timezone.now()}
    case = open_case(plant.site, title="too thick", lot=cell, **by)

    def act(lever: str, key: int) -> None:
        fields = {"statement": "set anew", "lever": lever, "lever_key": str(key), "due": "2099-01-01"}
        action = add_entry(case, "action", fields, **by)
        assert gaps(plant) == []  # planned is not changed
        add_entry(case, "action_done", {"action": str(action.pk), "statement": "done"}, **by)

    parameters = {p.name: p.pk for p in RecipeParameter.objects.filter(recipe_revision__recipe=recipe)}
    act("recipe parameter", parameters["solids_target_pct"])
    assert gaps(plant) == []
    act("recipe parameter", parameters["gap_target_um"])
    ((check, words),) = gaps(plant)
    assert check == Check.REVIEW and words.startswith("HZ-1: the coating was changed on ")
    assert f"{case}: set anew" in words
    write(plant, "hazard", change_reason="gap within what was tested")
    assert gaps(plant) == []
    act("control-plan line", vacuum.pk)
    ((_, words),) = gaps(plant)
    assert words.startswith("HZ-1: the pressure was changed on ")
