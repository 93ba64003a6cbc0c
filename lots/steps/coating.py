"""Coating: slurry and foil become an electrode roll, both sides coated."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from lots.science.adhesion import Peel, adhesion_stops
from lots.science.coating import areal_loading_mg_cm2, cross_web_tilt, edge_to_centre
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
from lots.steps.readings import by_place, by_position, compute_each, compute_one, ids, latest, web_profiles

PUNCH = "coating.punch_mass_g"
FOIL = "coating.foil_mass_g"
THICKNESS = "coating.thickness_um"
PEEL = "coating.peel_grade"


def _loading(inputs: DerivationInputs, punch: Reading, foil: Reading) -> DerivedReading:
    value = areal_loading_mg_cm2(
        punch.value,
        foil.value,
        punch_area_cm2=inputs.recipe["punch_area_cm2"],
        coated_sides=int(inputs.recipe["coated_sides"]),
    )
    return DerivedReading(
        value=float(value),
        position=punch.position,
        roll_position_mm=punch.roll_position_mm,
        input_ids=ids((punch, foil)),
    )


def areal_loadings(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """One loading per punch, at the punch's lane and roll position."""
    foil = latest(inputs, FOIL)
    return compute_each(by_place(inputs, PUNCH), lambda punch: _loading(inputs, punch, foil))


def mean_loading(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Mean of all loadings of the lot. One bad punch makes the mean unknown; it is never left out silently."""
    foil = latest(inputs, FOIL)
    punches = by_place(inputs, PUNCH)
    try:
        loadings = [_loading(inputs, punch, foil).value for punch in punches]
    except ValueError as error:
        raise NotComputable(str(error)) from error
    if not loadings:
        return ()
    return (DerivedReading(value=float(np.mean(loadings)), input_ids=ids((*punches, foil))),)


def loading_tilt(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Tilt of the roll's lane means. One bad punch makes it unknown; it is never left out silently."""
    foil = latest(inputs, FOIL)
    punches = by_place(inputs, PUNCH)
    lanes: dict[Decimal, list[float]] = {}
    try:
        for punch in punches:
            lanes.setdefault(punch.position or Decimal(0), []).append(_loading(inputs, punch, foil).value)
        tilt = cross_web_tilt([float(np.mean(lanes[lane])) for lane in sorted(lanes)])
    except ValueError as error:
        raise NotComputable(str(error)) from error
    return (DerivedReading(value=tilt, input_ids=ids((*punches, foil))),)


def edge_to_centre_differences(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """One difference per complete thickness profile, at its roll position."""
    profiles = web_profiles(inputs, THICKNESS)

    def difference(roll_position_mm: int | None) -> DerivedReading:
        profile = profiles[roll_position_mm]
        result = edge_to_centre([reading.value for reading in profile])
        return DerivedReading(
            value=result.edge_minus_centre_um, roll_position_mm=roll_position_mm, input_ids=ids(profile)
        )

    return compute_each(profiles, difference)


def adhesion(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """1 where no coupon peels in large flakes, else 0; known at the first large flake, otherwise with three coupons."""
    coupons = by_position(inputs, PEEL).values()
    return compute_one(
        lambda: float(not adhesion_stops([_peel(coupon.value) for coupon in coupons])), used=coupons
    )


def _peel(grade: float) -> Peel:
    if grade not in tuple(Peel):
        raise NotComputable(f"peel grade {grade:g} is none of 0 (nothing), 1 (fine flakes), 2 (large flakes)")
    return Peel(int(grade))


STEP = StepDeclaration(
    code="coating",
    name="Coating",
    material_kind="mother_roll",
    characteristics=(
        CharacteristicDeclaration(
            code="coating.solids_pct",
            name="Solids content at the coater",
            unit="%",
            decimals=2,
            gauge_kind="moisture_balance",
            help="Sample from the feed tank when coating starts; a change moves the loading.",
        ),
        CharacteristicDeclaration(
            code="coating.viscosity_pa_s",
            name="Viscosity at the coater",
            unit="Pa.s",
            decimals=2,
            gauge_kind="rheometer",
            help="Sample from the feed tank when coating starts; do not coat a slurry outside its window.",
        ),
        CharacteristicDeclaration(
            code="coating.gap_um",
            name="Coating gap",
            unit="um",
            role=Role.PARAMETER,
            decimals=0,
            help="Gap set at the coating head, as the machine shows it.",
        ),
        CharacteristicDeclaration(
            code="coating.web_speed_m_min",
            name="Web speed",
            unit="m/min",
            role=Role.PARAMETER,
            decimals=1,
            help="Web speed during steady coating, as the machine shows it.",
        ),
        CharacteristicDeclaration(
            code=FOIL,
            name="Foil punch mass",
            unit="g",
            role=Role.PARAMETER,
            decimals=4,
            gauge_kind="balance",
            help="Mass of one bare-foil punch of the same die, from the same foil roll.",
        ),
        CharacteristicDeclaration(
            code=PUNCH,
            name="Electrode punch mass",
            unit="g",
            position=PositionKind.LANE,
            decimals=4,
            gauge_kind="balance",
            help="Weigh one dry punch per lane, 1 to 5 across the web, coated on both sides.",
        ),
        CharacteristicDeclaration(
            code=THICKNESS,
            name="Thickness before calendering",
            unit="um",
            position=PositionKind.LANE,
            decimals=1,
            gauge_kind="thickness_gauge",
            help="Total thickness, foil included, in lanes 1 to 5; stay clear of the coating border.",
        ),
        CharacteristicDeclaration(
            code="coating.surface_defects",
            name="Surface defects",
            unit="1",
            data_type=DataType.COUNT,
            decimals=0,
            gauge_kind="vision",
            help="Count pinholes, streaks and agglomerates in the inspection area of the roll.",
        ),
        CharacteristicDeclaration(
            code=PEEL,
            name="Peel of an adhesion coupon",
            unit="1",
            data_type=DataType.COUNT,
            position=PositionKind.REPLICATE,
            decimals=0,
            gauge_kind="visual",
            help="Tape test of three dry coupons: 0 nothing comes off, 1 fine flakes, 2 large flakes.",
        ),
        CharacteristicDeclaration(
            code="coating.adhesion",
            name="Adhesion",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Computed: fails as soon as one coupon peels in large flakes; stop, look at drying and the collector.",
        ),
        CharacteristicDeclaration(
            code="coating.areal_loading_mg_cm2",
            name="Areal loading per side",
            unit="mg/cm2",
            position=PositionKind.LANE,
            decimals=2,
            help="Computed from punch and foil mass: dry coating per area and side.",
        ),
        CharacteristicDeclaration(
            code="coating.loading_mean_mg_cm2",
            name="Mean areal loading",
            unit="mg/cm2",
            decimals=2,
            help="Computed: mean of all areal loadings of the roll.",
        ),
        CharacteristicDeclaration(
            code="coating.loading_tilt_mg_cm2",
            name="Loading tilt across the web",
            unit="mg/cm2",
            decimals=3,
            help="Computed: loading of the last lane minus that of the first, by the line through all lanes; a die"
            " out of parallel.",
        ),
        CharacteristicDeclaration(
            code="coating.edge_centre_um",
            name="Edge minus centre",
            unit="um",
            decimals=1,
            help="Computed: mean of lanes 1 and 5 minus mean of lanes 2 to 4; a trend points to tension or"
            " viscosity.",
        ),
    ),
    derivations=(
        DerivationDeclaration(output="coating.adhesion", version=1, inputs={PEEL: 1}, compute=adhesion),
        DerivationDeclaration(
            output="coating.areal_loading_mg_cm2",
            version=1,
            inputs={PUNCH: 1, FOIL: 1},
            compute=areal_loadings,
            recipe=("punch_area_cm2", "coated_sides"),
        ),
        DerivationDeclaration(
            output="coating.loading_mean_mg_cm2",
            at_step_end=True,
            version=1,
            inputs={PUNCH: 5, FOIL: 1},
            compute=mean_loading,
            recipe=("punch_area_cm2", "coated_sides"),
        ),
        DerivationDeclaration(
            output="coating.loading_tilt_mg_cm2",
            at_step_end=True,
            version=1,
            inputs={PUNCH: 5, FOIL: 1},
            compute=loading_tilt,
            recipe=("punch_area_cm2", "coated_sides"),
        ),
        DerivationDeclaration(
            output="coating.edge_centre_um",
            version=1,
            inputs={THICKNESS: 5},
            compute=edge_to_centre_differences,
        ),
    ),
)
