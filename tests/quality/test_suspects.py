"""Which defect a cell probably has, from what was measured of it and of what it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import (
    Lot,
    MaterialDefinition,
    ProcessStep,
    RecipeParameter,
    RecipeRevision,
    WorkOrderRecipe,
)
from lots.science.defects.signatures import Family, Feature
from quality.actions.hold import hold_by_hand
from quality.actions.taking import Input
from quality.np_ratio import CAPACITY, IS_ANODE
from quality.suspects import suspect_defects
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def formed(plant: Plant, rng: np.random.Generator, lots: Sequence[Lot], **change: float) -> list[Lot]:
    """Bring cells through formation together; `change` adds to what good ones measure."""
    filling, formation = [], []
    for lot in lots:
        made = {
            "capacity": 20 + 0.05 * rng.standard_normal(),
            "retained": 60 + 0.2 * rng.standard_normal(),
            "r_hf": 1.0 + 0.01 * rng.standard_normal(),
            "r_mid": 1.5 + 0.02 * rng.standard_normal(),
            "resistance": 2.0 + 0.02 * rng.standard_normal(),
        }
        for name, by in change.items():
            made[name] += by
        sealed = f"{300.0 + made['retained']:.4f}"
        filling += [
            plant.reading("filling.mass_before_g", "300.0000", lot),
            plant.reading("filling.mass_sealed_g", sealed, lot),
        ]
        charge, discharge = f"{made['capacity'] / 0.85:.4f}", f"{made['capacity']:.4f}"
        formation += [
            plant.reading("formation.charge_capacity_ah", charge, lot, position="1"),
            plant.reading("formation.discharge_capacity_ah", discharge, lot, position="1"),
            plant.reading("formation.r_hf_mohm", f"{made['r_hf']:.4f}", lot),
            plant.reading("formation.r_mid_mohm", f"{made['r_mid']:.4f}", lot),
            plant.reading("formation.resistance_mohm", f"{made['resistance']:.4f}", lot),
        ]
    plant.run_all(lots, "stacking")
    plant.run_all(lots, "filling", filling)
    plant.run_all(lots, "formation", formation)
    return list(lots)


def of(rolls: Sequence[Lot]) -> list[Input]:
    return [Input(parent=roll.code, quantity=Decimal(1)) for roll in rolls]


def cells(plant: Plant, rng: np.random.Generator, number: int, *, rolls: Sequence[Lot] = ()) -> list[Lot]:
    """Good cells through formation, made from the rolls if there are any."""
    return formed(plant, rng, plant.lots(number, "T-CELL", quantity=1, inputs=of(rolls)))


def cell(plant: Plant, rng: np.random.Generator, *, rolls: Sequence[Lot] = (), **change: float) -> Lot:
    return formed(plant, rng, [plant.lot("T-CELL", quantity=1, inputs=of(rolls))], **change)[0]


def test_too_few_peers_give_no_verdict_but_a_reason(plant: Plant) -> None:
    rng = np.random.default_rng(1)
    found = suspect_defects(cells(plant, rng, 3)[0])
    assert found.verdict is None
    assert "2 other good cells" in found.reason


@pytest.mark.slow
def test_families_are_told_apart_with_the_records_to_open(plant: Plant) -> None:
    rng = np.random.default_rng(2)
    good = cells(plant, rng, 24)
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

    # Resistances alone leave open what a restless voltage tells: gas.
    gassy = cell(plant, rng, r_mid=0.3, resistance=0.4, r_hf=0.05)
    noise = {lot.pk: 1e-4 + 1e-6 * index for index, lot in enumerate(good)} | {gassy.pk: 8e-4}
    restless = suspect_defects(gassy, noise_of=lambda keys: {key: noise[key] for key in keys if key in noise})
    assert Feature.NOISE in restless.measured
    assert restless.verdict is not None and restless.verdict.family is Family.WETTING_OR_GAS
    assert Feature.NOISE not in suspect_defects(gassy).measured

    verdicts = [suspect_defects(lot).verdict for lot in good]
    assert sum(bool(verdict and verdict.defective) for verdict in verdicts) <= 1

    page = signed_in(plant.engineer).get(reverse("web:lot_formation", args=[contact.code])).content.decode()
    assert "Compared with its peers" in page
    assert '<th scope="row" class="line-step">contact</th>' in page
    assert "high-frequency resistance" in page


def dried_rolls(plant: Plant, residual_ppm: Sequence[float]) -> list[Lot]:
    """A roll for each residual, all through slitting."""
    rolls = plant.lots(len(residual_ppm), "T-ROLL", quantity=100, length_mm=100_000)
    plant.run_all(rolls, "coating")
    residuals = [
        plant.reading("drying.residual_ppm", f"{ppm:.1f}", roll, position="1")
        for ppm, roll in zip(residual_ppm, rolls, strict=True)
    ]
    plant.run_all(rolls, "drying", residuals)
    for step in ("calendering", "slitting"):
        plant.run_all(rolls, step)
    return rolls


@pytest.mark.slow
def test_solvent_in_the_parent_roll_counts_for_its_cells_by_the_roll(plant: Plant) -> None:
    """Twenty-four cells: most are of the wet roll, and still it stands out among rolls."""
    rng = np.random.default_rng(3)
    *_, wet, dry = dried_rolls(plant, [*(300 + 5 * (index % 7) for index in range(19)), 900, 310])
    of_wet = cells(plant, rng, 20, rolls=[wet])
    of_dry = cells(plant, rng, 4, rolls=[dry])
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

    (held,) = dried_rolls(plant, [305])  # of its kind, yet no reference
    extents = [HeldExtent(held.pk)]
    hold_by_hand(extents, site=plant.site, reason="a look", user=plant.operator, now=timezone.now())
    assert suspect_defects(of_wet[-1]).lots == 20


@pytest.mark.slow
def test_a_handful_of_rolls_is_no_reference_however_many_cells_they_became(plant: Plant) -> None:
    rng = np.random.default_rng(4)
    *rolls, wet = dried_rolls(plant, [300, 305, 310, 315, 900])
    for roll in rolls:
        cells(plant, rng, 6, rolls=[roll])
    found = suspect_defects(cell(plant, rng, rolls=[wet]))
    assert found.peers == 24 and found.lots == 0
    assert found.verdict is not None and Feature.RESIDUAL_SOLVENT not in found.measured


def loaded_roll(plant: Plant, material: str, punch_g: float) -> Lot:
    roll = plant.lot(material, quantity=100, length_mm=100_000)
    punches = [
        plant.reading("coating.punch_mass_g", f"{punch_g:.4f}", roll, position=str(lane))
        for lane in range(1, 6)
    ]
    plant.run(roll, "coating", [plant.reading("coating.foil_mass_g", "0.0486", roll), *punches])
    for step in ("drying", "calendering", "slitting"):
        plant.run(roll, step)
    return roll


def anode_material(plant: Plant) -> None:
    """A second roll material whose recipe says that it is the anode; that of T-ROLL then is the cathode's."""
    material = MaterialDefinition.objects.create(code="T-ANODE", name="Anode", kind="mother_roll", unit="m")
    (cathode,) = WorkOrderRecipe.objects.filter(
        work_order__site=plant.site, material__code="T-ROLL"
    ).select_related("recipe_revision")
    first = cathode.recipe_revision
    anode = RecipeRevision.objects.create(recipe=first.recipe, revision="anode", issued_at=first.issued_at)
    own = [(first, name, value) for name, value in ((CAPACITY, "119.6"), (IS_ANODE, "0"))]
    own += [(anode, name, value) for name, value in ((CAPACITY, "281.4"), (IS_ANODE, "1"))]
    own += [(anode, one.name, str(one.value)) for one in first.parameters.all()]
    for revision, name, value in own:
        RecipeParameter.objects.create(
            recipe_revision=revision,
            step=ProcessStep.objects.get(code="coating"),
            name=name,
            value=value,
            unit="1",
        )
    WorkOrderRecipe.objects.create(work_order=cathode.work_order, material=material, recipe_revision=anode)


@pytest.mark.slow
def test_anode_that_is_too_light_names_the_loading_mismatch(plant: Plant) -> None:
    """Five cathode and five anode rolls make 25 pairs; 26.8 and 13.1 mg/cm² a side balance at 1.15."""
    anode_material(plant)
    rng = np.random.default_rng(5)
    cathodes = [loaded_roll(plant, "T-ROLL", 0.6918 + 0.0006 * index) for index in range(-2, 3)]
    anodes = [loaded_roll(plant, "T-ANODE", 0.3630 + 0.0004 * index) for index in range(-2, 3)]
    pairs = [(cathode, anode) for cathode in cathodes for anode in anodes]
    balanced = formed(plant, rng, [plant.lot("T-CELL", quantity=1, inputs=of(pair)) for pair in pairs])
    light = cell(plant, rng, rolls=(cathodes[2], loaded_roll(plant, "T-ANODE", 0.3300)))
    found = suspect_defects(light)
    assert found.np_ratio == pytest.approx(1.15 * (0.3300 - 0.0486) / (0.3630 - 0.0486), abs=0.002)
    assert found.verdict is not None and found.verdict.family is Family.LOADING_MISMATCH
    good = suspect_defects(balanced[12])
    assert good.np_ratio == pytest.approx(1.15, abs=0.002)
    assert Feature.NP_RATIO in good.measured
    assert good.verdict is not None and not good.verdict.defective
    page = signed_in(plant.engineer).get(reverse("web:lot_formation", args=[light.code])).content.decode()
    assert "N/P 1.0" in page
