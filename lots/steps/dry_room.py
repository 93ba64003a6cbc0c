"""Dry room: daughter rolls are staged; while a container is open it takes up water."""

from __future__ import annotations

from lots.science.dry_room import moisture_dose
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    Role,
    StepDeclaration,
    SubjectKind,
)


def open_minutes(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Total time of the lot's closed open-intervals. Nothing is reported before the first one is closed."""
    if not inputs.exposures:
        return ()
    if any(exposure.closed_at_s < exposure.opened_at_s for exposure in inputs.exposures):
        raise NotComputable("a container was closed before it was opened: correct the times")
    seconds = sum(exposure.closed_at_s - exposure.opened_at_s for exposure in inputs.exposures)
    return (DerivedReading(value=seconds / 60.0),)


def dose(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Sum of the doses of the lot's closed open-intervals; one unknown interval makes the sum unknown."""
    if not inputs.exposures:
        return ()
    total = 0.0
    for exposure in inputs.exposures:
        try:
            result = moisture_dose(
                exposure.opened_at_s,
                exposure.closed_at_s,
                exposure.series_t_s,
                exposure.frost_point_c,
                air_temperature_c=exposure.air_temperature_c,
            )
        except ValueError as error:
            raise NotComputable(str(error)) from error
        if result.dose_g_h_m3 is None:
            raise NotComputable(result.reason)
        total += result.dose_g_h_m3
    return (DerivedReading(value=total),)


STEP = StepDeclaration(
    code="dry_room",
    name="Dry room staging",
    material_kind="daughter_roll",
    characteristics=(
        CharacteristicDeclaration(
            code="dry_room.frost_point_c",
            name="Frost point",
            unit="Cel",
            subject=SubjectKind.ZONE,
            decimals=1,
            gauge_kind="frost_point_sensor",
            help="Frost point over ice, sent by the zone's sensor; a dew point over water must not be entered here.",
        ),
        CharacteristicDeclaration(
            code="dry_room.air_temperature_c",
            name="Air temperature",
            unit="Cel",
            role=Role.PARAMETER,
            subject=SubjectKind.ZONE,
            decimals=1,
            gauge_kind="thermometer",
            help="Temperature of the air at the frost-point sensor.",
        ),
        CharacteristicDeclaration(
            code="dry_room.pressure_pa",
            name="Overpressure",
            unit="Pa",
            subject=SubjectKind.ZONE,
            decimals=1,
            gauge_kind="pressure_sensor",
            help="Pressure of the zone above the corridor; it falls when a door stands open or a filter clogs.",
        ),
        CharacteristicDeclaration(
            code="dry_room.door_open_s",
            name="Door open time",
            unit="s",
            subject=SubjectKind.ZONE,
            decimals=0,
            gauge_kind="door_contact",
            help="How long the door stood open in one event.",
        ),
        CharacteristicDeclaration(
            code="dry_room.open_min",
            name="Open time",
            unit="min",
            decimals=1,
            help="Computed: total time in which the roll's container stood open.",
        ),
        CharacteristicDeclaration(
            code="dry_room.dose_g_h_m3",
            name="Moisture dose",
            unit="g.h/m3",
            decimals=4,
            help="Computed: absolute humidity over the open time; unknown when the sensor was silent for over 5 min.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="dry_room.open_min",
            at_step_end=True,
            version=1,
            inputs={},
            compute=open_minutes,
            needs_exposures=True,
        ),
        DerivationDeclaration(
            output="dry_room.dose_g_h_m3",
            at_step_end=True,
            version=1,
            inputs={},
            compute=dose,
            needs_exposures=True,
        ),
    ),
)
