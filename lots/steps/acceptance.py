"""Acceptance: the finished cell is tested before it may be packed."""

from __future__ import annotations

from lots.steps.base import (
    CharacteristicDeclaration,
    DataType,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    Role,
    StepDeclaration,
)
from lots.steps.readings import compute_one, latest

CAPACITY = "acceptance.capacity_ah"


def capacity_of_reference(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Capacity in % of the recipe's reference capacity."""
    capacity = latest(inputs, CAPACITY)
    reference_ah = inputs.recipe["capacity_reference_ah"]
    if reference_ah <= 0:
        raise NotComputable("capacity_reference_ah of the recipe must be above zero")
    return compute_one(lambda: 100.0 * capacity.value / reference_ah, used=(capacity,))


STEP = StepDeclaration(
    code="acceptance",
    name="Acceptance test",
    material_kind="cell",
    characteristics=(
        CharacteristicDeclaration(
            code=CAPACITY,
            name="Capacity",
            unit="A.h",
            decimals=3,
            gauge_kind="cycler",
            help="Discharge capacity of the acceptance cycle at the current and temperature of the plan.",
        ),
        CharacteristicDeclaration(
            code="acceptance.capacity_pct_of_reference",
            name="Capacity of reference",
            unit="%",
            decimals=1,
            help="Computed: capacity in per cent of the recipe's reference capacity.",
        ),
        CharacteristicDeclaration(
            code="acceptance.leak_free",
            name="Leak test passed",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            gauge_kind="leak_tester",
            help="Passed when the leak tester finds no electrolyte vapour and the seam is dry.",
        ),
        CharacteristicDeclaration(
            code="acceptance.ocv_loss_mv_week",
            name="Voltage loss in storage",
            unit="mV/wk",
            decimals=2,
            gauge_kind="multimeter",
            help="Fall of the open-circuit voltage in a week of storage; more points to a soft short.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="acceptance.capacity_pct_of_reference",
            version=1,
            inputs={CAPACITY: 1},
            compute=capacity_of_reference,
            recipe=("capacity_reference_ah",),
        ),
    ),
)
