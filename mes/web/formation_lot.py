"""What the formation page of a cell lot shows: first charges of its cells against their band, and their spread."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from lots.models import CurveFile, GenealogyLink, Hold, HoldLot, Lot
from lots.queries import active_holds, valid_measurements
from lots.science.formation.band import Alarm, BandVerdict, VoltageBand
from lots.science.formation.detectors import SHARE
from lots.science.formation.first_charge import FirstCharge
from mes.web.formation_band import alarms_of, ended_early, good_band, judged, stored_charge
from mes.web.formation_baseline import baseline_words
from mes.web.formation_page import short
from quality.early_spread import EarlySpread, early_spread

CELLS_SHOWN = 100
CAPACITY, FCE = "formation.discharge_capacity_ah", "formation.fce_pct"


@dataclass(frozen=True)
class MemberRow:
    """One cell of the lot; values are None where nothing was measured, `verdict` where no band judges the cell.

    `alarms` are what its curve shows and what is on record of its cut-offs.
    """

    cell: Lot
    held: bool
    scrapped: bool
    capacity_ah: float | None
    fce_pct: float | None
    verdict: BandVerdict | None
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class LotFormation:
    """`rows` are the first cells by code, of `members`. `spread` is None for fewer than five first discharges, `hold`
    the one that a wide spread placed. `band` is of good cells of the site, those of this lot among them, that ran
    under the recipe revision of most cells here, None for fewer than two; `baseline` says what that revision changed.
    """

    rows: tuple[MemberRow, ...]
    members: int
    curves: int
    band: VoltageBand | None
    baseline: str
    spread: EarlySpread | None
    hold: HoldLot | None


def lot_formation(lot: Lot) -> LotFormation:
    cells, count = _cells(lot)
    curves = _curves(cells)
    band = _band(cells, curves)
    values = _values(cells)
    held = set(active_holds(cell.pk for cell in cells).values_list("lot_id", flat=True))
    early = ended_early(cell.pk for cell in cells)
    verdicts = {key: judged(curve.charge, band, curve.protocol) for key, curve in curves.items()}
    rows = tuple(
        MemberRow(
            cell=cell,
            held=cell.pk in held,
            scrapped=cell.state == Lot.State.SCRAPPED,
            capacity_ah=values.get((cell.pk, CAPACITY)),
            fce_pct=values.get((cell.pk, FCE)),
            verdict=verdicts.get(cell.pk),
            alarms=alarms_of(verdicts.get(cell.pk), early=cell.pk in early),
        )
        for cell in cells
    )
    holds = HoldLot.objects.filter(lot=lot, hold__source=Hold.Source.SPREAD).select_related("hold")
    return LotFormation(
        rows=rows,
        members=count,
        curves=len(curves),
        band=band,
        baseline=baseline_words(cells[0], band) if cells else "",
        spread=early_spread(lot.pk),
        hold=holds.order_by("-pk").first(),
    )


def lot_formation_json(lot: Lot) -> dict[str, Any]:
    """First charges of the cells over their share, V over %, and the band where there are good cells enough for one."""
    cells, _ = _cells(lot)
    curves = _curves(cells)
    band = _band(cells, curves)
    codes = {cell.pk: cell.code for cell in cells}
    return {
        "share_pct": short(100 * SHARE),
        "cells": [
            {"code": codes[key], "voltage_v": short(curve.charge.curve_v)} for key, curve in curves.items()
        ],
        "band_cells": 0 if band is None else band.cells,
        "provisional": band is None or band.provisional,
        "lower_v": None if band is None else short(band.lower_v),
        "upper_v": None if band is None else short(band.upper_v),
    }


def _cells(lot: Lot) -> tuple[list[Lot], int]:
    links = GenealogyLink.objects.filter(parent=lot, kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True)
    cells = Lot.objects.filter(pk__in=links.values("child")).order_by("code")
    return list(cells[:CELLS_SHOWN]), cells.count()


@dataclass(frozen=True)
class _Curve:
    """First charge of a cell and the recipe revision under which it ran."""

    charge: FirstCharge
    protocol: str


def _curves(cells: list[Lot]) -> dict[int, _Curve]:
    """Of the newest file of each cell that has one."""
    files = CurveFile.objects.filter(
        lot__in=cells, kind=CurveFile.Kind.CYCLING, superseded_by__isnull=True
    ).order_by("id")
    newest = {
        key: (name, protocol)
        for key, name, protocol in files.values_list("lot_id", "storage_sha256", "protocol")
    }
    found = {key: (stored_charge(name), protocol) for key, (name, protocol) in newest.items()}
    return {key: _Curve(charge, protocol) for key, (charge, protocol) in found.items() if charge is not None}


def _band(cells: list[Lot], curves: dict[int, _Curve]) -> VoltageBand | None:
    """Under the recipe revision that most of the cells ran under."""
    if not curves:
        return None
    ((protocol, _),) = Counter(curve.protocol for curve in curves.values()).most_common(1)
    return good_band(cells[0], protocol, with_itself=True)


def _values(cells: list[Lot]) -> dict[tuple[int, str], float]:
    """First discharge and first-cycle efficiency, by cell and characteristic; the latest reading counts."""
    rows = valid_measurements(cell.pk for cell in cells).filter(characteristic__code__in=(CAPACITY, FCE))
    values: dict[tuple[int, str], float] = {}
    for row in rows.select_related("characteristic").order_by("measured_at", "received_at", "id"):
        if row.lot_id is not None and row.position in (None, 1):
            values[row.lot_id, row.characteristic.code] = float(row.value)
    return values
