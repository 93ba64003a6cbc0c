"""Gauge studies: frozen order, every refusal named, superseded readings kept, signed by another person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from lots.models import Characteristic, Gauge
from quality.actions.gauge_study import (
    GaugeStudyRefused,
    StudyPlan,
    frozen_order,
    plan_study,
    record_readings,
    sign_study,
    supersede_reading,
)
from quality.actions.sign import SignatureRefused, verify
from quality.gauge_studies import latest_verdicts, plan_warnings, result_of, runs_of
from quality.models import GaugeReading, GaugeStudy
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD, Plant, add_line, make_gauge, make_plant, publish, specify

pytestmark = pytest.mark.django_db

THICKNESS = "calendering.thickness_um"
CROSSED = StudyPlan("crossed", ["P1", "P2", "P3"], ["Ann", "Bo"], 2)


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, THICKNESS, lsl="210", usl="220")
    return plant


@pytest.fixture
def gauge(plant: Plant) -> Gauge:
    return make_gauge(plant, Characteristic.objects.get(code=THICKNESS).gauge_kind)


def planned(plant: Plant, gauge: Gauge, plan: StudyPlan = CROSSED, *, seed: int = 7) -> GaugeStudy:
    thickness = Characteristic.objects.get(code=THICKNESS)
    return plan_study(gauge, thickness, plan, seed=seed, user=plant.process_engineer, now=timezone.now())


def read_all(plant: Plant, study: GaugeStudy, *, noise: float = 0.01) -> None:
    """Parts 2 apart, and a little noise that alternates."""
    values = {
        run: f"{213 + 2 * study.parts.index(part) + noise * (-1) ** run:.3f}"
        for run, (part, _, _) in enumerate(study.order)
    }
    record_readings(study, values, user=plant.operator, now=timezone.now())


def signed(plant: Plant, study: GaugeStudy) -> object:
    return sign_study(study, user=plant.engineer, password=PASSWORD, now=timezone.now())


def test_order_is_random_repeatable_and_complete(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    assert study.order == frozen_order("crossed", *_names(study), 2, seed=7)
    assert frozen_order("crossed", *_names(study), 2, seed=8) != frozen_order(
        "crossed", *_names(study), 2, seed=7
    )
    assert len({tuple(run) for run in study.order}) == 12
    assert [run[2] for run in study.order] == [1] * 6 + [2] * 6
    assert study.tolerance == 10


def _names(study: GaugeStudy) -> tuple[list[str], list[str]]:
    return study.parts, study.operators


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (StudyPlan("guess", ["P1"], ["A"], 2), "design: choose one of crossed"),
        (
            StudyPlan("crossed", ["P1"], ["A", "B"], 2),
            "parts: .* needs at least 2 parts, got 1: Gauge R&R, crossed",
        ),
        (StudyPlan("crossed", ["P1", "P2"], ["A"], 2), "operators: .* needs at least 2 operators"),
        (StudyPlan("crossed", ["P1", "P2"], ["A", "B"], 1), "trials: .* needs at least 2 trials, got 1"),
        (StudyPlan("crossed", ["P1", "P1"], ["A", "B"], 2), "parts: P1 is named twice"),
        (StudyPlan("crossed", ["P1", " "], ["A", "B"], 2), "parts: every name has 1 to 32"),
        (StudyPlan("crossed", ["P1", "P2"], ["A", "B"], 200), "trials: 800 readings are more than 500"),
        (StudyPlan("bias", ["P1"], ["A"], 10), "references: the true value of P1 is missing"),
        (StudyPlan("bias", ["P1"], ["A"], 10, {"P1": "nan"}), "references: is not a finite number"),
        (StudyPlan("bias", ["P1", "P2"], ["A"], 10), "parts: a bias study reads one reference part"),
        (
            StudyPlan("attribute", ["P1", "P2"], ["A"], 1, {"P1": "pass", "P2": "so so"}),
            "neither pass nor fail",
        ),
    ],
)
def test_plan_that_cannot_work_is_refused_by_field(
    plant: Plant, gauge: Gauge, plan: StudyPlan, words: str
) -> None:
    with pytest.raises(GaugeStudyRefused, match=words):
        planned(plant, gauge, plan)
    assert not GaugeStudy.objects.exists()


def test_gauge_must_read_the_characteristic_and_serve(plant: Plant, gauge: Gauge) -> None:
    solids = Characteristic.objects.exclude(gauge_kind__in=("", gauge.kind)).earliest("pk")
    with pytest.raises(GaugeStudyRefused, match=r"characteristic: .* is read with a"):
        plan_study(gauge, solids, CROSSED, seed=1, user=plant.process_engineer, now=timezone.now())
    gauge.retired_at = timezone.now() - timedelta(days=1)
    with pytest.raises(GaugeStudyRefused, match="is retired"):
        planned(plant, gauge)


def test_operators_read_and_do_not_plan_nor_sign(plant: Plant, gauge: Gauge) -> None:
    thickness = Characteristic.objects.get(code=THICKNESS)
    with pytest.raises(NotPermitted):
        plan_study(gauge, thickness, CROSSED, seed=1, user=plant.operator, now=timezone.now())
    study = planned(plant, gauge)
    read_all(plant, study)
    with pytest.raises(NotPermitted):
        sign_study(study, user=plant.operator, password=PASSWORD, now=timezone.now())


def test_readings_follow_the_frozen_order_and_all_or_none_are_taken(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    by = {"user": plant.operator, "now": timezone.now()}
    with pytest.raises(GaugeStudyRefused, match="run: reading 1 comes next"):
        record_readings(study, {1: "215"}, **by)
    with pytest.raises(GaugeStudyRefused, match="value: 'thick' is not a number"):
        record_readings(study, {0: "215", 1: "thick"}, **by)
    for text in ("inf", "NaN", "1e10", "-1e11"):
        with pytest.raises(GaugeStudyRefused, match="value: is not a finite number below 1e10"):
            record_readings(study, {0: text}, **by)
    assert not study.readings.exists()
    record_readings(study, {0: "215"}, **by)
    with pytest.raises(GaugeStudyRefused, match="run: reading 2 comes next"):
        record_readings(study, {0: "216"}, **by)


def test_wrong_reading_is_superseded_with_a_reason_and_kept(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    read_all(plant, study)
    by = {"user": plant.operator, "now": timezone.now()}
    with pytest.raises(GaugeStudyRefused, match="reason: say why"):
        supersede_reading(study, 3, "215", reason=" ", **by)
    before = GaugeReading.objects.get(study=study, run=3).value
    supersede_reading(study, 3, "214.5", reason="anvil was dirty", **by)
    run = runs_of(study)[3]
    assert run.reading is not None and run.reading.value == "214.5"
    assert [old.value for old in run.superseded] == [before]
    assert len(runs_of(study)) == 12
    with pytest.raises(GaugeStudyRefused, match="run: every reading was taken"):
        record_readings(study, {12: "1"}, **by)


def test_reading_not_taken_cannot_be_superseded(plant: Plant, gauge: Gauge) -> None:
    with pytest.raises(GaugeStudyRefused, match="reading 1 has not been taken"):
        supersede_reading(
            planned(plant, gauge), 0, "215", reason="x", user=plant.operator, now=timezone.now()
        )


def test_incomplete_study_is_not_signed(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    record_readings(study, {0: "215"}, user=plant.operator, now=timezone.now())
    with pytest.raises(GaugeStudyRefused, match="readings: 11 of 12 readings are missing"):
        signed(plant, study)


def test_another_person_signs_and_the_signature_is_bound_to_the_readings(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    read_all(plant, study)
    with pytest.raises(GaugeStudyRefused, match="signer: somebody else signs"):
        sign_study(study, user=plant.process_engineer, password=PASSWORD, now=timezone.now())
    with pytest.raises(SignatureRefused):
        sign_study(study, user=plant.engineer, password="guess", now=timezone.now())
    signed(plant, study)
    study.refresh_from_db()
    assert study.verdict.verdict == "acceptable"
    assert verify(study.verdict.signature, study.verdict.content)
    assert not verify(study.verdict.signature, study.verdict.content | {"ndc": 99})
    for act in (
        lambda: signed(plant, study),
        lambda: supersede_reading(study, 0, "1", reason="x", user=plant.operator, now=timezone.now()),
        lambda: record_readings(study, {12: "1"}, user=plant.operator, now=timezone.now()),
    ):
        with pytest.raises(GaugeStudyRefused, match="study: it is signed"):
            act()


def test_reader_of_one_reading_does_not_sign(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    read_all(plant, study)
    supersede_reading(study, 0, "213", reason="typed wrongly", user=plant.engineer, now=timezone.now())
    with pytest.raises(GaugeStudyRefused, match="signer: somebody else"):
        signed(plant, study)


def test_readings_that_do_not_differ_say_nothing(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    record_readings(study, dict.fromkeys(range(12), "215"), user=plant.operator, now=timezone.now())
    with pytest.raises(GaugeStudyRefused, match="readings: no reading differs"):
        signed(plant, study)


@pytest.mark.parametrize(
    ("plan", "value", "verdict"),
    [
        (
            StudyPlan("nested", ["P1", "P2", "P3"], ["A", "B"], 2),
            lambda n, part: 5 * int(part[-1]) + n % 2 / 50,
            "acceptable",
        ),
        (
            StudyPlan("bias", ["P1"], ["A"], 10, {"P1": "5"}),
            lambda n, _: 5 + (n % 2 - 0.5) / 10,
            "acceptable",
        ),
        (StudyPlan("bias", ["P1"], ["A"], 10, {"P1": "5"}), lambda n, _: 6 + n % 2 / 10, "unacceptable"),
        (
            StudyPlan("linearity", ["1", "9"], ["A"], 6, {"1": "1", "9": "9"}),
            lambda n, part: 1.2 * float(part) + n % 3 / 50,
            "unacceptable",
        ),
        (StudyPlan("stability", ["P1"], ["A"], 20), lambda n, _: 5 + n % 3 / 10, "acceptable"),
        (
            StudyPlan("stability", ["P1"], ["A"], 20),
            lambda n, _: 9.0 if n == 12 else 5 + n % 3 / 10,
            "unacceptable",
        ),
    ],
)
def test_each_design_ends_in_its_verdict(
    plant: Plant, gauge: Gauge, plan: StudyPlan, value: object, verdict: str
) -> None:
    study = planned(plant, gauge, plan)
    values = {n: f"{value(n, run[0]):.4f}" for n, run in enumerate(study.order)}  # type: ignore[operator]
    record_readings(study, values, user=plant.operator, now=timezone.now())
    assert result_of(study, runs_of(study)).verdict.value == verdict


def test_appraisers_agree_beyond_chance(plant: Plant, gauge: Gauge) -> None:
    known = {f"P{n}": "pass" if n % 2 else "fail" for n in range(1, 11)}
    study = planned(plant, gauge, StudyPlan("attribute", list(known), ["A", "B"], 2, known))
    values = {n: known[part] for n, (part, _, _) in enumerate(study.order)}
    record_readings(study, values, user=plant.operator, now=timezone.now())
    result = result_of(study, runs_of(study))
    assert result.verdict.value == "acceptable"
    assert [value for _, value in result.figures] == [1.0, 1.0, 1.0]


def test_plan_line_warns_until_a_study_of_its_gauge_is_acceptable(plant: Plant, gauge: Gauge) -> None:
    line = add_line(plant, THICKNESS, gauge_kind=gauge.kind)
    publish(plant)
    assert plan_warnings(plant.site, [line]) == {line.pk: "no gauge study"}
    poor = planned(plant, gauge)
    read_all(plant, poor, noise=2.5)
    assert plan_warnings(plant.site, [line]) == {line.pk: "no gauge study"}  # not signed yet
    signed(plant, poor)
    assert plan_warnings(plant.site, [line]) == {line.pk: f"gauge study failed: {gauge.code}"}
    good = planned(plant, gauge)
    read_all(plant, good)
    signed(plant, good)
    assert plan_warnings(plant.site, [line]) == {}
    assert latest_verdicts([gauge])[gauge.pk].study_id == good.pk
