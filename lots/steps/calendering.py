"""Calendering: the dried coating is pressed to its thickness and porosity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lots.science.calendering import CoatingState, coating_state, coating_thickness_um
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    PositionKind,
    Reading,
    Role,
    StepDeclaration,
)
from lots.steps.readings import compute_each, ids, latest, web_profiles

THICKNESS = "calendering.thickness_um"
LOADING = "coating.loading_mean_mg_cm2"
RECIPE = ("foil_thickness_um", "coated_sides", "solid_density_g_cm3")


def _state(inputs: DerivationInputs, thickness: Sequence[Reading], loading: Reading) -> CoatingState:
    state = coating_state(
        loading.value,
        coating_thickness_um(
            float(np.mean([reading.value for reading in thickness])),
            foil_thickness_um=inputs.recipe["foil_thickness_um"],
            coated_sides=int(inputs.recipe["coated_sides"]),
        ),
        inputs.recipe["solid_density_g_cm3"],
    )
    if not state.valid:
        raise NotComputable(state.reason)
    return state


def porosities(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """One porosity per complete thickness profile, at its roll position, with the mean loading of the roll."""
    loading = latest(inputs, LOADING)
    profiles = web_profiles(inputs, THICKNESS)

    def porosity(roll_position_mm: int | None) -> DerivedReading:
        profile = profiles[roll_position_mm]
        return DerivedReading(
            value=100.0 * _state(inputs, profile, loading).porosity,
            roll_position_mm=roll_position_mm,
            input_ids=ids((*profile, loading)),
        )

    return compute_each(profiles, porosity)


def density(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Coating density of the roll from the mean of its complete profiles."""
    loading = latest(inputs, LOADING)
    thickness = [reading for profile in web_profiles(inputs, THICKNESS).values() for reading in profile]
    if not thickness:
        return ()
    try:
        value = _state(inputs, thickness, loading).density_g_cm3
    except ValueError as error:
        raise NotComputable(str(error)) from error
    return (DerivedReading(value=value, input_ids=ids((*thickness, loading))),)


STEP = StepDeclaration(
    code="calendering",
    name="Calendering",
    material_kind="mother_roll",
    characteristics=(
        CharacteristicDeclaration(
            code="calendering.line_load_n_mm",
            name="Line load",
            unit="N/mm",
            role=Role.PARAMETER,
            decimals=0,
            help="Force per width of web between the rolls, as the machine shows it.",
        ),
        CharacteristicDeclaration(
            code="calendering.gap_um",
            name="Roll gap",
            unit="um",
            role=Role.PARAMETER,
            decimals=0,
            help="Gap set between the calender rolls, as the machine shows it.",
        ),
        CharacteristicDeclaration(
            code=THICKNESS,
            name="Thickness after calendering",
            unit="um",
            position=PositionKind.LANE,
            decimals=1,
            gauge_kind="thickness_gauge",
            help="Total thickness, foil included, in lanes 1 to 5 at three positions along the roll.",
        ),
        CharacteristicDeclaration(
            code="calendering.porosity_pct",
            name="Porosity",
            unit="%",
            decimals=1,
            help="Computed from thickness and mean loading; 5 µm of thickness already move it by almost 3 points.",
        ),
        CharacteristicDeclaration(
            code="calendering.density_g_cm3",
            name="Coating density",
            unit="g/cm3",
            decimals=3,
            help="Computed: mass of coating per volume of coating, pores included, foil excluded.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="calendering.porosity_pct",
            version=1,
            inputs={THICKNESS: 5, LOADING: 1},
            compute=porosities,
            recipe=RECIPE,
        ),
        DerivationDeclaration(
            output="calendering.density_g_cm3",
            at_step_end=True,
            version=1,
            inputs={THICKNESS: 5, LOADING: 1},
            compute=density,
            recipe=RECIPE,
        ),
    ),
)
