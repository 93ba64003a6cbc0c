"""Gas and seal check: the seam is tested after thermal cycling, and the swelling says how much gas came (6.5)."""

from __future__ import annotations

from lots.steps.base import (
    CharacteristicDeclaration,
    DataType,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    Role,
    StepDeclaration,
)
from lots.steps.readings import compute_one, latest

BEFORE = "gas_seal.thickness_before_mm"
AFTER = "gas_seal.thickness_after_mm"


def swelling(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """How much thicker the cell became."""
    before, after = latest(inputs, BEFORE), latest(inputs, AFTER)
    return compute_one(lambda: after.value - before.value, used=(before, after))


STEP = StepDeclaration(
    code="gas_seal",
    name="Gas and seal check",
    material_kind="cell",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code="gas_seal.thermal_cycles",
            name="Thermal cycles",
            unit="1",
            role=Role.PARAMETER,
            data_type=DataType.COUNT,
            decimals=0,
            help="How many cycles between the two temperatures of the recipe the cell has been through.",
        ),
        CharacteristicDeclaration(
            code="gas_seal.leak_free",
            name="Tight after thermal cycling",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            gauge_kind="leak_tester",
            help="Passed when the leak tester finds no electrolyte vapour after the cycles.",
        ),
        CharacteristicDeclaration(
            code=BEFORE,
            name="Thickness before",
            unit="mm",
            decimals=3,
            gauge_kind="thickness_gauge",
            help="Thickness of the cell under the stated load, before the cycles.",
        ),
        CharacteristicDeclaration(
            code=AFTER,
            name="Thickness after",
            unit="mm",
            decimals=3,
            gauge_kind="thickness_gauge",
            help="Thickness under the same load after the cycles, at the same temperature.",
        ),
        CharacteristicDeclaration(
            code="gas_seal.swelling_mm",
            name="Swelling",
            unit="mm",
            decimals=3,
            help="Computed: thickness after minus before; gas shows here before it shows in resistance.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="gas_seal.swelling_mm", version=1, inputs={BEFORE: 1, AFTER: 1}, compute=swelling
        ),
    ),
)
