"""Drying: the solvent leaves the coating; a strip on a balance shows how."""

from __future__ import annotations

from lots.science.drying import DryingEndpoint, EndpointStatus, drying_endpoint
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    PositionKind,
    Role,
    StepDeclaration,
)
from lots.steps.readings import by_position, ids

STRIP = "drying.strip_mass_g"
RECIPE = ("drying_rate_limit_pct_min", "drying_consecutive")


def _curve(inputs: DerivationInputs) -> tuple[DryingEndpoint, tuple[int, ...]]:
    weighings = sorted(by_position(inputs, STRIP).values(), key=lambda reading: reading.at_s)
    if not weighings:
        raise NotComputable(f"{STRIP} has not been recorded")
    try:
        result = drying_endpoint(
            [(reading.at_s - weighings[0].at_s) / 60.0 for reading in weighings],
            [reading.value for reading in weighings],
            rate_limit_pct_min=inputs.recipe["drying_rate_limit_pct_min"],
            consecutive=int(inputs.recipe["drying_consecutive"]),
        )
    except ValueError as error:
        raise NotComputable(str(error)) from error
    return result, ids(weighings)


def endpoint(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Minutes from the first weighing to the start of the run of slow intervals."""
    result, used = _curve(inputs)
    if result.endpoint_min is None:
        raise NotComputable(result.reason)
    return (DerivedReading(value=result.endpoint_min, input_ids=used),)


def end_rate(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Rate at the end of the curve, also when the endpoint has not been reached; never from a faulty curve."""
    result, used = _curve(inputs)
    if result.status in (EndpointStatus.MASS_RISES, EndpointStatus.AFTER_GAP):
        raise NotComputable(result.reason)
    return (DerivedReading(value=result.end_rate_pct_min, input_ids=used),)


STEP = StepDeclaration(
    code="drying",
    name="Drying",
    material_kind="mother_roll",
    characteristics=(
        CharacteristicDeclaration(
            code="drying.zone_temperature_c",
            name="Zone temperature",
            unit="Cel",
            role=Role.PARAMETER,
            position=PositionKind.ZONE,
            decimals=1,
            gauge_kind="thermometer",
            help="Air temperature of each dryer zone, 1 to 4 in web direction, once it is steady.",
        ),
        CharacteristicDeclaration(
            code=STRIP,
            name="Strip mass",
            unit="g",
            position=PositionKind.REPLICATE,
            decimals=4,
            gauge_kind="balance",
            help="Weigh the test strip once a minute without a break; each weighing keeps its own time.",
        ),
        CharacteristicDeclaration(
            code="drying.residual_ppm",
            name="Residual solvent and water",
            unit="[ppm]",
            position=PositionKind.REPLICATE,
            decimals=0,
            gauge_kind="karl_fischer",
            help="Parts per million by mass of three samples after drying; a flat mass curve does not replace it.",
        ),
        CharacteristicDeclaration(
            code="drying.endpoint_min",
            name="Drying endpoint",
            unit="min",
            decimals=1,
            help="Computed: time since when the strip loses mass slower than the recipe's limit.",
        ),
        CharacteristicDeclaration(
            code="drying.end_rate_pct_min",
            name="Drying rate at the end",
            unit="%/min",
            decimals=3,
            help="Computed: mass loss over the last intervals of the strip, per minute, of its first mass.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="drying.endpoint_min",
            at_step_end=True,
            version=1,
            inputs={STRIP: 3},
            compute=endpoint,
            recipe=RECIPE,
        ),
        DerivationDeclaration(
            output="drying.end_rate_pct_min",
            at_step_end=True,
            version=1,
            inputs={STRIP: 3},
            compute=end_rate,
            recipe=RECIPE,
        ),
    ),
)
