"""How derivations pick readings out of their inputs, and how they report what could not be computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

from lots.steps.base import DerivationInputs, DerivedReading, NotComputable, Reading

Key = TypeVar("Key")

WEB_LANES = tuple(Decimal(lane) for lane in range(1, 6))


def latest(inputs: DerivationInputs, code: str) -> Reading:
    """The most recent reading of a characteristic without positions.

    Raises:
        NotComputable: there is no reading.
    """
    readings = inputs.readings.get(code, ())
    if not readings:
        raise NotComputable(f"{code} has not been recorded")
    return max(readings, key=lambda reading: (reading.at_s, reading.id))


def by_position(inputs: DerivationInputs, code: str) -> dict[Decimal, Reading]:
    """The most recent reading at each position; readings without a position are left out."""
    ordered = sorted(inputs.readings.get(code, ()), key=lambda reading: (reading.at_s, reading.id))
    return {reading.position: reading for reading in ordered if reading.position is not None}


def by_place(inputs: DerivationInputs, code: str) -> tuple[Reading, ...]:
    """The most recent reading at each (position, roll position), in the order in which places were first read."""
    places: dict[tuple[Decimal | None, int | None], Reading] = {}
    for reading in sorted(inputs.readings.get(code, ()), key=lambda reading: (reading.at_s, reading.id)):
        places[reading.position, reading.roll_position_mm] = reading
    return tuple(places.values())


def web_profiles(inputs: DerivationInputs, code: str) -> dict[int | None, tuple[Reading, ...]]:
    """Complete profiles (lanes 1 to 5 in order) by roll position; an incomplete profile is left out."""
    lanes: dict[int | None, dict[Decimal, Reading]] = defaultdict(dict)
    for reading in by_place(inputs, code):
        if reading.position is not None:
            lanes[reading.roll_position_mm][reading.position] = reading
    return {
        roll_position: tuple(profile[lane] for lane in WEB_LANES)
        for roll_position, profile in lanes.items()
        if all(lane in profile for lane in WEB_LANES)
    }


def ids(readings: Iterable[Reading]) -> tuple[int, ...]:
    return tuple(reading.id for reading in readings)


def compute_each(keys: Iterable[Key], compute: Callable[[Key], DerivedReading]) -> tuple[DerivedReading, ...]:
    """One output per key. A key that cannot be computed stays missing; the others are still reported.

    Raises:
        NotComputable: there were keys and none gave a value; the message joins their reasons.
    """
    outputs: list[DerivedReading] = []
    reasons: list[str] = []
    for key in keys:
        try:
            outputs.append(compute(key))
        except (NotComputable, ValueError) as error:
            if str(error) not in reasons:
                reasons.append(str(error))
    if reasons and not outputs:
        raise NotComputable("; ".join(reasons))
    return tuple(outputs)


def compute_one(
    compute: Callable[[], float], *, used: Iterable[Reading], position: Decimal | None = None
) -> tuple[DerivedReading, ...]:
    """One output. A `ValueError` of the science below becomes the reason that the value stays missing."""
    try:
        value = compute()
    except ValueError as error:
        raise NotComputable(str(error)) from error
    return (DerivedReading(value=value, position=position, input_ids=ids(used)),)
