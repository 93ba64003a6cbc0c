"""What the formation page of a cell lot shows: first charges of its cells against their band, and their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lots.models import CurveFile, GenealogyLink, Lot
from lots.queries import active_holds, valid_measurements
from lots.science.formation.band import SHARE, BandVerdict, VoltageBand, compare_with_band, voltage_band
from lots.science.formation.spread import EARLY_SPREAD_LIMIT_PCT, spread_holds_lot
from mes.web.formation_page import first_charge, short

CELLS_SHOWN = 100
CAPACITY, FCE = "formation.discharge_capacity_ah", "formation.fce_pct"


@dataclass(frozen=True)
class MemberRow:
    """One cell of the lot; values are None where nothing was measured."""

    cell: Lot
    held: bool
    capacity_ah: float | None
    fce_pct: float | None
    verdict: BandVerdict | None


@dataclass(frozen=True)
class LotFormation:
    """`spread_pct` is the robust coefficient of variation of the first discharge, None for fewer than five cells."""

    rows: tuple[MemberRow, ...]
    members: int
    band_cells: int
    spread_pct: float | None
    too_wide: bool
    limit_pct: float = EARLY_SPREAD_LIMIT_PCT


def lot_formation(lot: Lot) -> LotFormation:
    cells, count = _cells(lot)
    curves = _curves(cells)
    band = _band(lot, curves)
    values = _values(cells)
    held = set(active_holds(cell.pk for cell in cells).values_list("lot_id", flat=True))
    rows = tuple(
        MemberRow(
            cell=cell,
            held=cell.pk in held,
            capacity_ah=values.get((cell.pk, CAPACITY)),
            fce_pct=values.get((cell.pk, FCE)),
            verdict=_verdict(curves.get(cell.pk), band),
        )
        for cell in cells
    )
    capacities = [row.capacity_ah for row in rows if row.capacity_ah is not None]
    try:
        too_wide, spread = spread_holds_lot(capacities, limit_cv_pct=EARLY_SPREAD_LIMIT_PCT)
    except ValueError:
        return LotFormation(rows, count, len(curves), None, too_wide=False)
    return LotFormation(rows, count, len(curves), round(spread, 2), too_wide)


def lot_formation_json(lot: Lot) -> dict[str, Any]:
    """First charges of the cells over their share, V over %, and their band where there are cells enough for one."""
    cells, _ = _cells(lot)
    curves = _curves(cells)
    band = _band(lot, curves)
    codes = {cell.pk: cell.code for cell in cells}
    return {
        "share_pct": short(100 * SHARE),
        "cells": [{"code": codes[key], "voltage_v": short(curve)} for key, (curve, _) in curves.items()],
        "lower_v": None if band is None else short(band.lower_v),
        "upper_v": None if band is None else short(band.upper_v),
    }


def _cells(lot: Lot) -> tuple[list[Lot], int]:
    links = GenealogyLink.objects.filter(parent=lot, kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True)
    cells = Lot.objects.filter(pk__in=links.values("child")).order_by("code")
    return list(cells[:CELLS_SHOWN]), cells.count()


def _curves(cells: list[Lot]) -> dict[int, tuple[np.ndarray, float]]:
    """Normalised first charge and its capacity, by cell."""
    files = CurveFile.objects.filter(
        lot__in=cells, kind=CurveFile.Kind.CYCLING, superseded_by__isnull=True
    ).order_by("id")
    newest = dict(files.values_list("lot_id", "storage_sha256"))
    found = {key: first_charge(name) for key, name in newest.items()}
    return {key: curve for key, curve in found.items() if curve is not None}


def _band(lot: Lot, curves: dict[int, tuple[np.ndarray, float]]) -> VoltageBand | None:
    if len(curves) < 2:
        return None
    normal = [curve for curve, _ in curves.values()]
    return voltage_band(normal, [end for _, end in curves.values()], protocol=lot.code)


def _verdict(curve: tuple[np.ndarray, float] | None, band: VoltageBand | None) -> BandVerdict | None:
    if curve is None or band is None or band.provisional:
        return None
    return compare_with_band(curve[0], curve[1], band, protocol=band.protocol)


def _values(cells: list[Lot]) -> dict[tuple[int, str], float]:
    """First discharge and first-cycle efficiency, by cell and characteristic; the latest reading counts."""
    rows = valid_measurements(cell.pk for cell in cells).filter(characteristic__code__in=(CAPACITY, FCE))
    values: dict[tuple[int, str], float] = {}
    for row in rows.select_related("characteristic").order_by("measured_at", "received_at", "id"):
        if row.lot_id is not None and row.position in (None, 1):
            values[row.lot_id, row.characteristic.code] = float(row.value)
    return values
