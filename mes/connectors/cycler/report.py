"""A cycler file as a JSON document: what was read, the cycles, the features, what a protocol has against it."""

from __future__ import annotations

import math
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from lots.science.formation.features import FormationResult, formation_result
from lots.science.formation.incremental import IncrementalCapacity
from lots.science.formation.protocol import FormationProtocol
from mes.connectors.cycler.read import ReadFile
from mes.connectors.files import UnreadableFile


def evaluate(
    file: ReadFile, *, protocol: FormationProtocol | None = None, nominal_capacity_ah: float | None = None
) -> FormationResult:
    """The result of a file that was read.

    Raises:
        UnreadableFile: no cycle moved any charge.
    """
    result = formation_result(
        file.test.records,
        ended_at_cutoff=file.test.ended_at_cutoff,
        counter=file.test.counter,
        protocol=protocol,
        nominal_capacity_ah=nominal_capacity_ah,
    )
    if not result.cycles:
        raise UnreadableFile(
            "The file holds no cycle that moved charge: choose the file of the formation test."
        )
    return result


def document(file: ReadFile, result: FormationResult, protocol: FormationProtocol | None) -> dict[str, Any]:
    """Values with their units in the names; what is not known is null, never zero."""
    records, test = file.test.records, file.test
    verdict = result.compliance
    text: dict[str, Any] = {
        "file": {
            "format": test.format,
            "sha256": file.sha256,
            "bytes": file.size_bytes,
            "records": records.size,
            "steps": result.table.size,
            "started_at": test.started_at.isoformat() if test.started_at else None,
            "duration_s": float(records.time_s[-1] - records.time_s[0]),
            "current_sign": "charge is positive",
            "remarks": list(test.remarks),
        },
        "protocol": protocol.version if protocol else None,
        "cycles": [asdict(cycle) for cycle in result.cycles],
        "features": {
            "first_cycle": asdict(result.first) if result.first else None,
            "first_cycle_reason": None if result.first else result.cycles[0].reason,
            "ce_trend": asdict(result.trend) if result.trend else None,
            "dc_resistance": [asdict(one) for one in result.resistances],
            "half_cycles": [asdict(half) for half in result.halves],
            "dqdv": {kind: _peaks(curve) for kind, curve in result.incremental.items()},
            "temperature_excursion_c": result.temperature_excursion_c,
        },
        "counters": _counters(result),
        "findings": None if verdict is None else [asdict(one) for one in verdict.findings],
        "unjudged": None if verdict is None else [asdict(one) for one in verdict.unjudged],
    }
    cleaned = finite(text)
    assert isinstance(cleaned, dict)
    return cleaned


def _counters(result: FormationResult) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cycle in result.cycles:
        counts[cycle.counters] = counts.get(cycle.counters, 0) + 1
    return counts


def _peaks(curve: IncrementalCapacity) -> dict[str, Any]:
    return {"window_mv": curve.window_mv, "peaks": [asdict(peak) for peak in curve.peaks]}


def finite(value: Any) -> Any:
    """The same structure as JSON can carry it: numbers that are none become null, enums their text."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
