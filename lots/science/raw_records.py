"""What follows from the raw records of an instrument: a mass–time curve, a thickness map, a chamber's pressure.

A record is columns of one length. Its derived values are computed here and nowhere else, so that what somebody else
says of the same record can be checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lots.science.drying import drying_endpoint, stage_losses_pct
from lots.science.thickness_map import (
    edge_index_um,
    masked_map,
    suggest_pattern,
    taper_um_per_m,
    variance_split,
)
from lots.science.wetting import vacuum_steps

MOST_ROWS = 200_000
MOST_CELLS = 2_000_000
LANE, BORDER = "lane_", "border_"
# Beyond the rounding of what was posted: another summation of the same record may differ by so much.
AGREES_WITHIN = 1e-3
STAGES = 4


class RecordKind(StrEnum):
    MASS = "mass"
    THICKNESS = "thickness"
    PRESSURE = "pressure"


@dataclass(frozen=True)
class Value:
    """One derived value, in the unit that its code ends with."""

    code: str
    value: float


@dataclass(frozen=True)
class Derived:
    """`problems` say in words what could not be computed and why; then the record is unresolved."""

    values: tuple[Value, ...]
    problems: tuple[str, ...]

    def value(self, code: str) -> float | None:
        return next((one.value for one in self.values if one.code == code), None)


CODES = {
    RecordKind.MASS: ("drying.endpoint_min", "drying.end_rate_pct_min", "drying.total_loss_pct"),
    RecordKind.THICKNESS: (
        "map.edge_centre_um",
        "map.taper_um_m",
        "map.machine_direction_pct",
        "map.cross_direction_pct",
        "map.residual_pct",
    ),
    RecordKind.PRESSURE: ("filling.vacuum_mbar", "filling.evacuations", "filling.held_s"),
}


def checked_columns(kind: RecordKind, columns: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """The columns of a record as rows of numbers, in their order.

    A mass curve has ``time_min`` and ``mass_g``, a chamber ``time_s`` and ``pressure_mbar``, a thickness map
    ``metre`` and one column a lane across the web in order, µm: ``lane_1`` …, or ``border_1`` … for a lane in the
    coating border, which no index may use. A value that was not read is not-a-number, in a map only.

    Raises:
        ValueError: a column is missing, unknown, of another length, too long or not finite; the message names it.
    """
    lead, rest = {
        RecordKind.MASS: ("time_min", ("mass_g",)),
        RecordKind.PRESSURE: ("time_s", ("pressure_mbar",)),
        RecordKind.THICKNESS: ("metre", _lanes(columns)),
    }[kind]
    wanted = (lead, *rest)
    unknown, missing = set(columns) - set(wanted), set(wanted) - set(columns)
    if unknown or missing:
        names = ", ".join(wanted)
        raise ValueError(f"columns: a record of kind {kind} has {names}; {_difference(unknown, missing)}")
    rows = {name: np.asarray(columns[name], dtype=np.float64) for name in wanted}
    size = rows[lead].size
    for name, row in rows.items():
        if row.ndim != 1 or row.size != size:
            raise ValueError(f"{name}: holds {row.size} values, {lead} holds {size}")
        if not np.all(np.isfinite(row)) and (kind is not RecordKind.THICKNESS or name == lead):
            raise ValueError(f"{name}: every value must be a finite number")
    if not 2 <= size <= MOST_ROWS or size * len(rows) > MOST_CELLS:
        raise ValueError(f"{lead}: a record holds 2 to {MOST_ROWS} rows and at most {MOST_CELLS} values")
    if np.any(np.diff(rows[lead]) <= 0):
        raise ValueError(f"{lead}: must increase from row to row")
    return rows


def thickness_map_of(
    columns: Mapping[str, NDArray[np.float64]],
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The whole map, (profiles, columns), and how many border columns lie at its left and right edge."""
    names = _lanes(columns)
    inner = [index for index, name in enumerate(names) if name.startswith(LANE)]
    return np.column_stack([columns[name] for name in names]), (inner[0], len(names) - 1 - inner[-1])


def derived_of(
    kind: RecordKind, columns: Mapping[str, NDArray[np.float64]], recipe: Mapping[str, float]
) -> Derived:
    """All values of `CODES` that follow from checked columns, and why the others do not."""
    try:
        if kind is RecordKind.MASS:
            return _mass(columns, recipe)
        if kind is RecordKind.THICKNESS:
            return _thickness(columns)
        return _pressure(columns)
    except ValueError as error:
        return Derived((), (str(error),))


def disagreements(derived: Derived, posted: Mapping[str, str]) -> tuple[str, ...]:
    """Where posted values (decimal text) are others than the computed ones, in words.

    They agree within half a unit of the posted text's last digit and `AGREES_WITHIN` of the value.
    """
    words = []
    for code, text in posted.items():
        computed = derived.value(code)
        if computed is None:
            words.append(f"{code} was posted as {text} and cannot be computed from the record")
            continue
        tolerance = rounding_of(text) + AGREES_WITHIN * abs(computed)
        if abs(float(text) - computed) > tolerance:
            words.append(f"{code} was posted as {text}, the record gives {computed:.6g}")
    return tuple(words)


def rounding_of(text: str) -> float:
    """Half a unit of the last digit of a decimal text."""
    exponent = Decimal(text).as_tuple().exponent
    return 0.5 * 10.0**exponent if isinstance(exponent, int) else 0.0


def _lanes(columns: Mapping[str, object]) -> tuple[str, ...]:
    names = tuple(name for name in columns if name.startswith((LANE, BORDER)))
    inner = [name.startswith(LANE) for name in names]
    if not any(inner):
        return (f"{LANE}1", f"{LANE}2", f"{LANE}3")
    first, last = inner.index(True), len(inner) - 1 - inner[::-1].index(True)
    if not all(inner[first : last + 1]):
        raise ValueError("columns: a border column lies between lanes; borders are at the edges of the web")
    return names


def _difference(unknown: set[str], missing: set[str]) -> str:
    parts = [f"{', '.join(sorted(missing))} missing"] if missing else []
    if unknown:
        parts.append(f"{', '.join(sorted(unknown)[:5])} not known")
    return "; ".join(parts)


def _mass(columns: Mapping[str, NDArray[np.float64]], recipe: Mapping[str, float]) -> Derived:
    time, mass = columns["time_min"], columns["mass_g"]
    for name in ("drying_rate_limit_pct_min", "drying_consecutive"):
        if name not in recipe:
            return Derived((), (f"the recipe does not give {name}: no endpoint can be found",))
    found = drying_endpoint(
        time,
        mass,
        rate_limit_pct_min=recipe["drying_rate_limit_pct_min"],
        consecutive=int(recipe["drying_consecutive"]),
    )
    if found.endpoint_min is None:
        return Derived((), (found.reason,))
    values = (
        Value("drying.endpoint_min", found.endpoint_min),
        Value("drying.end_rate_pct_min", found.end_rate_pct_min),
        Value("drying.total_loss_pct", float(100.0 * (mass[0] - mass[-1]) / mass[0])),
    )
    return Derived(values, ())


def stage_ends(columns: Mapping[str, NDArray[np.float64]], recipe: Mapping[str, float]) -> tuple[float, ...]:
    """Ends of the dryer's stages, min: the recipe's ``drying_stage_1_end_min`` …, else quarters of the curve."""
    named = [
        recipe[f"drying_stage_{n}_end_min"] for n in range(1, 21) if f"drying_stage_{n}_end_min" in recipe
    ]
    span = float(columns["time_min"][-1] - columns["time_min"][0])
    return tuple(named) or tuple(span * (n + 1) / STAGES for n in range(STAGES))


def stage_profile(
    columns: Mapping[str, NDArray[np.float64]], recipe: Mapping[str, float]
) -> list[tuple[float, float]]:
    """End (min) and loss (% of the first mass) of each stage; empty where the stages do not lie within the curve."""
    ends = stage_ends(columns, recipe)
    try:
        losses = stage_losses_pct(columns["time_min"], columns["mass_g"], stage_ends_min=ends)
    except ValueError:
        return []
    return [(end, float(loss)) for end, loss in zip(ends, losses, strict=True)]


def inner_map(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The map without its borders. Raises ValueError where a value is missing or not above zero."""
    whole, (left, right) = thickness_map_of(columns)
    return masked_map(whole[:, left : whole.shape[1] - right], border_lanes=0)


def _thickness(columns: Mapping[str, NDArray[np.float64]]) -> Derived:
    inner = inner_map(columns)
    split = variance_split(inner).shares
    suggest_pattern(inner)
    values = (
        float(np.mean(edge_index_um(inner))),
        taper_um_per_m(inner, columns["metre"]),
        *(100.0 * share for share in split),
    )
    codes = CODES[RecordKind.THICKNESS]
    return Derived(tuple(Value(code, value) for code, value in zip(codes, values, strict=True)), ())


def _pressure(columns: Mapping[str, NDArray[np.float64]]) -> Derived:
    steps = vacuum_steps(columns["time_s"], columns["pressure_mbar"])
    if not steps:
        return Derived((), ("the chamber was never evacuated: no pressure lies below 500 mbar",))
    values = (
        Value("filling.vacuum_mbar", steps[0].lowest_mbar),
        Value("filling.evacuations", float(len(steps))),
        Value("filling.held_s", steps[0].held_s),
    )
    return Derived(values, ())
