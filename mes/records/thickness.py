"""The thickness map of a roll as data: the map with its borders, indices, variance split, pattern and where to look."""

from __future__ import annotations

from typing import Any

import numpy as np

from lots.models import CurveFile, Lot
from lots.queries import valid_measurements
from lots.science.raw_records import BORDER, LANE, inner_map, thickness_map_of
from lots.science.thickness_map import edge_index_um, suggest_pattern, variance_split
from mes.connectors.series.record import derived_values
from mes.records.find import described, digits, thinned, values_out

PROFILES_SHOWN = 600
READINGS_READ = 2_000
THICKNESS = "coating.thickness_um"


def map_json(record: CurveFile) -> dict[str, Any]:
    """The stored map and what follows from it. Raises CurveMissing."""
    columns, derived = derived_values(record)
    return {
        **_map(columns),
        "values": values_out(derived),
        "problems": list(derived.problems),
        "source": described(record),
    }


def readings_map_json(lot: Lot) -> dict[str, Any] | None:
    """The profiles that were read by hand where there is no raw record; None without a complete one."""
    rows = valid_measurements([lot.pk]).filter(
        characteristic__code=THICKNESS, position__isnull=False, roll_position_mm__isnull=False
    )
    newest = rows.order_by("-id").values_list("roll_position_mm", "position", "value")[:READINGS_READ]
    latest: dict[tuple[int, int], float] = {}
    for place, position, value in newest:
        if place is not None and position is not None:
            latest.setdefault((place, int(position)), float(value))
    metres = sorted({at for at, _ in latest})
    lanes = sorted({lane for _, lane in latest})
    if len(lanes) < 3 or len(metres) < 2 or len(latest) < len(lanes) * len(metres):
        return None
    columns = {"metre": np.array(metres) / 1000.0}
    for lane in lanes:
        columns[f"{LANE}{lane}"] = np.array([latest[at, lane] for at in metres])
    return {**_map(columns), "values": {}, "problems": [], "source": None}


def _map(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    whole, borders = thickness_map_of(columns)
    names = [name for name in columns if name != "metre"]
    shown = thinned(columns["metre"], PROFILES_SHOWN)
    answer: dict[str, Any] = {
        "metre": [digits(value) for value in columns["metre"][shown]],
        "lanes": ["border" if name.startswith(BORDER) else name.removeprefix(LANE) for name in names],
        "border": [name.startswith(BORDER) for name in names],
        "borders": list(borders),
        "profiles": int(columns["metre"].size),
        "thickness_um": [
            [None if not np.isfinite(value) else digits(float(value)) for value in row]
            for row in whole[shown]
        ],
        "edge_centre_um": None,
        "split_pct": None,
        "pattern": None,
    }
    try:
        inner = inner_map(columns)
        verdict, shares = suggest_pattern(inner), variance_split(inner).shares
    except ValueError:
        return answer
    answer["edge_centre_um"] = [digits(float(value)) for value in edge_index_um(inner)[shown]]
    answer["split_pct"] = [round(100 * share, 1) for share in shares]
    answer["pattern"] = {"name": str(verdict.pattern), "cause": verdict.cause, "evidence": verdict.evidence}
    return answer
