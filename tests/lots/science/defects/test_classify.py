from __future__ import annotations

import numpy as np
import pytest

from benchmarks.classification import COMPATIBLE, both_named, judged, share, top
from benchmarks.faulty_cells import FAULTS, SOFT_SHORT, Physics, another_line, make, values
from lots.science.defects.classify import Reference, classify, reference, z_scores
from lots.science.defects.signatures import MEASUREMENT, SIGNATURES, Family, Feature
from lots.steps import STEPS

LINES = {
    "the line of the rules": Physics(),
    "a line that the rules have not seen": another_line(np.random.default_rng(77)),
}


def learned(physics: Physics) -> Reference:
    return reference(values(make(200, [()], seed=1, physics=physics)))


@pytest.mark.parametrize("line", LINES)
def test_single_faults_are_named(line: str) -> None:
    physics = LINES[line]
    cells = make(300, [(fault,) for fault in FAULTS], seed=2, physics=physics)
    verdicts = judged(cells, learned(physics))
    assert top(cells, verdicts, 1) >= 0.85
    assert top(cells, verdicts, 2) >= 0.95


@pytest.mark.parametrize("line", LINES)
def test_good_cells_are_left_alone(line: str) -> None:
    physics = LINES[line]
    good = judged(make(1000, [()], seed=3, physics=physics), learned(physics))
    assert share(verdict.defective for verdict in good) <= 0.02


@pytest.mark.parametrize("line", LINES)
def test_two_faults_at_once_are_both_named(line: str) -> None:
    physics = LINES[line]
    cells = make(300, COMPATIBLE, seed=4, physics=physics, severity=(0.9, 1.4))
    verdicts = judged(cells, learned(physics))
    assert share(both_named(cell, verdict) for cell, verdict in zip(cells, verdicts, strict=True)) >= 0.85


@pytest.mark.parametrize("line", LINES)
def test_mechanism_without_a_signature_is_unclassified(line: str) -> None:
    physics = LINES[line]
    verdicts = judged(make(300, [(SOFT_SHORT,)], seed=5, physics=physics), learned(physics))
    assert share(verdict.family is Family.UNCLASSIFIED for verdict in verdicts) >= 0.80


def test_evidence_for_and_against_is_told_with_its_z() -> None:
    verdict = classify(
        {Feature.R_HF: 9.0, Feature.OHMIC_JUMP: 7.0, Feature.FILL_MASS: 0.2, Feature.R_MID: 0.1}
    )
    contact = verdict.ranked[0]
    assert (contact.family, contact.step) == (Family.CONTACT, "stacking")
    assert {one.feature for one in contact.evidence_for} == {Feature.R_HF, Feature.OHMIC_JUMP}
    starved = classify({Feature.R_MID: 6.0, Feature.R_HF: 4.0, Feature.NOISE: 6.0, Feature.DIFFUSION: 0.1})
    wetting = starved.ranked[0]
    assert wetting.family is Family.WETTING_OR_GAS
    assert [(one.feature, one.z) for one in wetting.evidence_against] == [(Feature.DIFFUSION, 0.1)]
    assert all(one.weight < 0 for one in wetting.evidence_against)


def test_mass_in_window_with_high_impedance_is_wetting_and_low_mass_is_underfill() -> None:
    starved = {Feature.R_MID: 6.0, Feature.R_HF: 4.0, Feature.CAPACITY: -5.0, Feature.NOISE: 6.0}
    assert classify({**starved, Feature.FILL_MASS: 0.0}).family is Family.WETTING_OR_GAS
    low = classify({**starved, Feature.NOISE: 0.3, Feature.FILL_MASS: -9.0})
    assert low.family is Family.UNDERFILL


def test_wetting_that_costs_resistance_and_no_capacity_is_named() -> None:
    """At the slow rate of formation the whole capacity comes, however long the way of the ions."""
    unmoved = dict.fromkeys(
        (Feature.CAPACITY, Feature.DIFFUSION, Feature.RATE_CAPACITY, Feature.FILL_MASS), 0.0
    )
    slow = {Feature.NOISE: 4.0, Feature.R_MID: 6.0, Feature.R_HF: 3.0, Feature.OHMIC_JUMP: 3.0, **unmoved}
    assert classify(slow).family is Family.WETTING_OR_GAS
    # Noise and arc as ever: resistance in series, which is a contact.
    assert (
        classify({**slow, Feature.NOISE: 0.0, Feature.R_MID: 0.0, Feature.R_HF: 6.0}).family is Family.CONTACT
    )
    assert classify({**slow, Feature.FILL_MASS: -6.0}).family is Family.UNDERFILL


def test_cause_far_out_names_its_family_before_any_effect_stands_out() -> None:
    exposed = {Feature.DOSE: 7.4, Feature.FCE: -0.5, Feature.R_MID: 0.9}
    first = classify(exposed).ranked[0]
    assert (first.family, first.by_cause) == (Family.MOISTURE, True)
    assert {one.feature for one in first.evidence_against} == {Feature.FCE, Feature.R_MID}
    # Not where something else is odd, too, nor where it is not the cause that is out, nor by little.
    assert classify({**exposed, Feature.OCV_LOSS: 9.0}).family is Family.UNCLASSIFIED
    assert classify({Feature.DOSE: 0.2, Feature.FCE: -0.5, Feature.R_MID: 7.4}).family is not Family.MOISTURE
    assert not classify({**exposed, Feature.DOSE: 4.4}).defective


def test_cause_alone_is_too_little_where_hardly_anything_else_was_measured() -> None:
    assert classify({Feature.RESIDUAL_SOLVENT: 9.0, Feature.FILL_MASS: 0.1}).family is Family.UNCLASSIFIED


def test_measurement_that_separates_is_one_that_is_missing() -> None:
    # Wetting or underfill: the mass was never taken.
    verdict = classify(
        {Feature.R_MID: 6.0, Feature.R_HF: 4.5, Feature.CAPACITY: -5.0, Feature.OHMIC_JUMP: 5.0}
    )
    assert len(verdict.ranked) >= 2
    assert verdict.separating in {MEASUREMENT[one] for one in Feature} - {
        MEASUREMENT[one] for one in (Feature.R_MID, Feature.R_HF, Feature.CAPACITY, Feature.OHMIC_JUMP)
    }


def test_deviation_that_no_family_explains_is_unclassified_with_its_numbers() -> None:
    verdict = classify({Feature.OCV_LOSS: 12.0, Feature.R_HF: 0.1, Feature.FCE: -0.4})
    assert verdict.family is Family.UNCLASSIFIED
    assert verdict.ranked[0].evidence_for[0].feature is Feature.OCV_LOSS


def test_missing_features_are_left_out_and_not_taken_as_zero() -> None:
    of = learned(Physics())
    cell = make(1, [(Family.MOISTURE,)], seed=6)[0].features
    some = {feature: cell[feature] for feature in (Feature.DOSE, Feature.FCE, Feature.R_MID)}
    some[Feature.R_HF] = float("nan")
    z = z_scores(some, of)
    assert Feature.R_HF not in z
    assert classify(z).family is Family.MOISTURE


def test_reference_of_few_or_equal_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 20"):
        reference({Feature.R_HF: np.arange(19.0)})
    with pytest.raises(ValueError, match="does not vary"):
        reference({Feature.R_HF: np.ones(30)})


def test_every_signature_leads_to_a_step_of_the_line() -> None:
    codes = {step.code for step in STEPS}
    assert {signature.step for signature in SIGNATURES} <= codes
    assert {signature.family for signature in SIGNATURES} == set(Family) - {Family.UNCLASSIFIED}
    assert set(MEASUREMENT) == set(Feature)
