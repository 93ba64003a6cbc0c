"""Formation: the first charges and discharges build the interphase and show what the cell is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from lots.science.formation import coulombic_efficiency_pct, first_cycle
from lots.steps.base import (
    CharacteristicDeclaration,
    DataType,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    PositionKind,
    Reading,
    Role,
    StepDeclaration,
)
from lots.steps.readings import by_position, compute_each, compute_one, ids

CHARGE = "formation.charge_capacity_ah"
DISCHARGE = "formation.discharge_capacity_ah"
CUTOFFS = "formation.cutoffs_reached"
FIRST = Decimal(1)

Cycle = tuple[Reading, Reading, Reading]


def _complete_cycles(inputs: DerivationInputs) -> dict[Decimal, Cycle]:
    charge, discharge = by_position(inputs, CHARGE), by_position(inputs, DISCHARGE)
    cutoffs = by_position(inputs, CUTOFFS)
    numbers = sorted(charge.keys() & discharge.keys() & cutoffs.keys())
    return {number: (charge[number], discharge[number], cutoffs[number]) for number in numbers}


def _efficiency(number: Decimal, cycle: Cycle) -> float:
    charge, discharge, cutoffs = cycle
    if cutoffs.value != 1:
        raise NotComputable(
            f"cycle {number.normalize():f} ended before its cut-offs: its efficiency is not defined"
        )
    return coulombic_efficiency_pct(charge.value, discharge.value)


def efficiencies(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """One coulombic efficiency per cycle whose two steps both reached their cut-off."""
    cycles = _complete_cycles(inputs)

    def efficiency(number: Decimal) -> DerivedReading:
        return DerivedReading(
            value=_efficiency(number, cycles[number]), position=number, input_ids=ids(cycles[number])
        )

    return compute_each(cycles, efficiency)


def _from_first_cycle(
    inputs: DerivationInputs, value: Callable[[Reading, Reading, Reading], float]
) -> tuple[DerivedReading, ...]:
    cycle = _complete_cycles(inputs).get(FIRST)
    if cycle is None:
        return ()
    return compute_one(lambda: value(*cycle), used=cycle)


def first_cycle_efficiency(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Efficiency of cycle 1."""
    return _from_first_cycle(
        inputs,
        lambda charge, discharge, cutoffs: (
            first_cycle(charge.value, discharge.value, cutoffs_reached=cutoffs.value == 1).efficiency_pct
        ),
    )


def irreversible_loss(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Share of the first charge that does not come back."""
    return _from_first_cycle(
        inputs,
        lambda charge, discharge, cutoffs: (
            first_cycle(
                charge.value, discharge.value, cutoffs_reached=cutoffs.value == 1
            ).irreversible_loss_pct
        ),
    )


def final_efficiency(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Efficiency of the last cycle of the recipe, once it has been recorded."""
    last = Decimal(int(inputs.recipe["formation_cycles"]))
    cycle = _complete_cycles(inputs).get(last)
    if cycle is None:
        return ()
    return compute_one(lambda: _efficiency(last, cycle), used=cycle)


CYCLE_INPUTS = {CHARGE: 1, DISCHARGE: 1, CUTOFFS: 1}

STEP = StepDeclaration(
    code="formation",
    name="Formation",
    material_kind="cell",
    characteristics=(
        CharacteristicDeclaration(
            code="formation.ocv_v",
            name="Open-circuit voltage",
            unit="V",
            decimals=4,
            gauge_kind="multimeter",
            help="Voltage at rest after formation, at the time that the recipe sets.",
        ),
        CharacteristicDeclaration(
            code=CHARGE,
            name="Charge capacity",
            unit="A.h",
            position=PositionKind.CYCLE,
            decimals=4,
            gauge_kind="cycler",
            help="Capacity of each charge, from the cycler; the first one includes the interphase.",
        ),
        CharacteristicDeclaration(
            code=DISCHARGE,
            name="Discharge capacity",
            unit="A.h",
            position=PositionKind.CYCLE,
            decimals=4,
            gauge_kind="cycler",
            help="Capacity of each discharge, from the cycler.",
        ),
        CharacteristicDeclaration(
            code=CUTOFFS,
            name="Cut-offs reached",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            position=PositionKind.CYCLE,
            decimals=0,
            gauge_kind="cycler",
            help="Passed when charge and discharge of the cycle both ended at their cut-off and not before.",
        ),
        CharacteristicDeclaration(
            code="formation.compliant",
            name="Run as the recipe says",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            gauge_kind="cycler",
            help="Passed when no record of the cycler breaks voltage, current, temperature or resistance rules.",
        ),
        CharacteristicDeclaration(
            code="formation.temperature_c",
            name="Formation temperature",
            unit="Cel",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="thermometer",
            help="Mean temperature of the chamber; capacities of different temperatures do not compare.",
        ),
        CharacteristicDeclaration(
            code="formation.resistance_mohm",
            name="DC resistance",
            unit="mOhm",
            decimals=2,
            gauge_kind="cycler",
            help="Voltage step over current step at the time after the pulse that the recipe states.",
        ),
        CharacteristicDeclaration(
            code="formation.r_hf_mohm",
            name="High-frequency resistance",
            unit="mOhm",
            decimals=3,
            gauge_kind="cycler",
            help="Where the spectrum crosses the real axis, at the recipe's state of charge and temperature.",
        ),
        CharacteristicDeclaration(
            code="formation.r_mid_mohm",
            name="Mid-frequency resistance",
            unit="mOhm",
            decimals=3,
            gauge_kind="cycler",
            help="Charge-transfer resistance of an accepted fit of the spectrum; it grows with a poor interphase.",
        ),
        CharacteristicDeclaration(
            code="formation.ce_pct",
            name="Coulombic efficiency",
            unit="%",
            position=PositionKind.CYCLE,
            decimals=2,
            help="Computed per cycle: discharge over charge; missing when a cut-off was not reached.",
        ),
        CharacteristicDeclaration(
            code="formation.fce_pct",
            name="First-cycle efficiency",
            unit="%",
            decimals=2,
            help="Computed: coulombic efficiency of cycle 1; low values point to moisture or a poor interphase.",
        ),
        CharacteristicDeclaration(
            code="formation.icl_pct",
            name="Irreversible capacity loss",
            unit="%",
            decimals=2,
            help="Computed: share of the first charge that the first discharge does not give back.",
        ),
        CharacteristicDeclaration(
            code="formation.final_ce_pct",
            name="Efficiency of the last cycle",
            unit="%",
            decimals=2,
            help="Computed: coulombic efficiency of the last cycle of the recipe.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="formation.ce_pct", version=1, inputs=CYCLE_INPUTS, compute=efficiencies
        ),
        DerivationDeclaration(
            output="formation.fce_pct", version=1, inputs=CYCLE_INPUTS, compute=first_cycle_efficiency
        ),
        DerivationDeclaration(
            output="formation.icl_pct", version=1, inputs=CYCLE_INPUTS, compute=irreversible_loss
        ),
        DerivationDeclaration(
            output="formation.final_ce_pct",
            version=1,
            inputs=CYCLE_INPUTS,
            compute=final_efficiency,
            recipe=("formation_cycles",),
        ),
    ),
)
