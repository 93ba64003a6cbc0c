"""Which defect a cell probably has, from what was measured of it and of what it was made from."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Lot
from lots.science.defects.signatures import Family, Feature
from quality.actions.hold import hold_by_hand
from quality.actions.taking import Input
from quality.suspects import suspect_defects
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def cell(plant: Plant, rng: np.random.Generator, *, roll: Lot | None = None, **change: float) -> Lot:
    """A cell through formation, made from the roll if there is one; `change` adds to what a good one measures."""
    made = {
        "capacity": 20 + 0.05 * rng.standard_normal(),
        "retained": 60 + 0.2 * rng.standard_normal(),
        "r_hf": 1.0 + 0.01 * rng.standard_normal(),
        "r_mid": 1.5 + 0.02 * rng.standard_normal(),
        "resistance": 2.0 + 0.02 * rng.standard_normal(),
    }
    for name, by in change.items():
        made[name] += by
    inputs = [Input(parent=roll.code, quantity=Decimal(1))] if roll is not None else []
    lot = plant.lot("T-CELL", quantity=1, inputs=inputs)
    plant.run(lot, "stacking")
    filling = [("filling.mass_before_g", 300.0), ("filling.mass_sealed_g", 300.0 + made["retained"])]
    plant.run(lot, "filling", [plant.reading(code, f"{value:.4f}", lot) for code, value in filling])
    formation = [
        plant.reading("formation.charge_capacity_ah", f"{made['capacity'] / 0.85:.4f}", lot, position="1"),
        plant.reading("formation.discharge_capacity_ah", f"{made['capacity']:.4f}", lot, position="1"),
        plant.reading("formation.r_hf_mohm", f"{made['r_hf']:.4f}", lot),
        plant.reading("formation.r_mid_mohm", f"{made['r_mid']:.4f}", lot),
        plant.reading("formation.resistance_mohm", f"{made['resistance']:.4f}", lot),
    ]
    plant.run(lot, "formation", formation)
    return lot


def test_too_few_peers_give_no_verdict_but_a_reason(plant: Plant) -> None:
    rng = np.random.default_rng(1)
    cells = [cell(plant, rng) for _ in range(3)]
    found = suspect_defects(cells[0])
    assert found.verdict is None
    assert "2 other good cells" in found.reason


@pytest.mark.slow
def test_families_are_told_apart_with_the_records_to_open(plant: Plant) -> None:
    rng = np.random.default_rng(2)
    good = [cell(plant, rng) for _ in range(24)]
    contact = cell(plant, rng, r_hf=0.2, resistance=0.4)
    underfilled = cell(plant, rng, retained=-6.0, capacity=-0.8, r_hf=0.05, r_mid=0.15)

    found = suspect_defects(contact)
    assert found.verdict is not None
    assert found.verdict.family is Family.CONTACT
    assert found.rows[0].lots == (contact,)  # stacking ran on the cell itself
    assert {one.feature for one in found.rows[0].suspect.evidence_for} == {Feature.R_HF, Feature.OHMIC_JUMP}

    starved = suspect_defects(underfilled)
    assert starved.verdict is not None
    assert starved.verdict.family is Family.UNDERFILL

    verdicts = [suspect_defects(lot).verdict for lot in good]
    assert sum(bool(verdict and verdict.defective) for verdict in verdicts) <= 1

    page = signed_in(plant.engineer).get(reverse("web:lot_formation", args=[contact.code])).content.decode()
    assert "Compared with its peers" in page
    assert '<th scope="row" class="line-step">contact</th>' in page
    assert "r hf" in page


def dried_roll(plant: Plant, residual_ppm: float) -> Lot:
    roll = plant.lot("T-ROLL", quantity=100, length_mm=100_000)
    plant.run(roll, "coating")
    residual = plant.reading("drying.residual_ppm", f"{residual_ppm:.1f}", roll, position="1")
    plant.run(roll, "drying", [residual])
    for step in ("calendering", "slitting"):
        plant.run(roll, step)
    return roll


@pytest.mark.slow
def test_solvent_in_the_parent_roll_counts_for_its_cells_by_the_roll(plant: Plant) -> None:
    """Twenty-four cells: most are of the wet roll, and still it stands out among rolls."""
    rng = np.random.default_rng(3)
    for index in range(19):
        dried_roll(plant, 300 + 5 * (index % 7))
    wet, dry = dried_roll(plant, 900), dried_roll(plant, 310)
    of_wet = [cell(plant, rng, roll=wet) for _ in range(20)]
    of_dry = [cell(plant, rng, roll=dry) for _ in range(4)]
    found = suspect_defects(of_wet[-1])
    assert found.peers == 23 and found.lots == 20  # the wet roll is no reference for itself
    assert Feature.RESIDUAL_SOLVENT in found.measured
    assert found.verdict is not None
    # One symptom of the five of drying residue is too little to name the family; the deviation itself is told.
    assert found.verdict.family is Family.UNCLASSIFIED
    strongest = found.rows[0].suspect.evidence_for[0]
    assert strongest.feature is Feature.RESIDUAL_SOLVENT and strongest.z > 20

    like_the_others = suspect_defects(of_dry[0])
    assert Feature.RESIDUAL_SOLVENT in like_the_others.measured
    assert like_the_others.verdict is not None and not like_the_others.verdict.defective

    held = dried_roll(plant, 305)  # of its kind, yet no reference
    extents = [HeldExtent(held.pk)]
    hold_by_hand(extents, site=plant.site, reason="a look", user=plant.operator, now=timezone.now())
    assert suspect_defects(of_wet[-1]).lots == 20


@pytest.mark.slow
def test_a_handful_of_rolls_is_no_reference_however_many_cells_they_became(plant: Plant) -> None:
    rng = np.random.default_rng(4)
    rolls = [dried_roll(plant, 300 + 5 * index) for index in range(4)]
    for index in range(24):
        cell(plant, rng, roll=rolls[index % 4])
    found = suspect_defects(cell(plant, rng, roll=dried_roll(plant, 900)))
    assert found.peers == 24 and found.lots == 0
    assert found.verdict is not None and Feature.RESIDUAL_SOLVENT not in found.measured
