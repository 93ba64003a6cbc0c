"""What the formation page of a cell shows: curves against the band of good cells, efficiencies, dQ/dV, spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lots.models import CurveFile, Lot
from lots.science.formation.band import LOOK_AT, compare_with_band
from lots.science.formation.compliance import Compliance
from lots.science.formation.detectors import SHARE
from lots.science.formation.incremental import IncrementalCapacity
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepKind, StepTable, step_curve
from lots.science.impedance.fit import NAMES, RandlesFit, fit_randles, randles_ohm
from lots.science.impedance.spectrum import Spectrum, high_frequency_intercept
from mes.curves import CurveMissing, load_records, load_spectra
from mes.web.formation_band import alarms_of, ended_early, good_band, judged, stored_charge
from mes.web.formation_baseline import baseline_words
from mes.web.formation_cycles import ShownCycle, result_of, shown_cycles

CURVES_SHOWN = 12
POINTS_A_CURVE = 400


@dataclass(frozen=True)
class FormationPage:
    """`problem` says in words why there are no curves; `cycles` are those of the newest file.

    `compliance` is None where the recipe sets no cut-offs, so that there is nothing to hold the run against.
    `incremental` is dQ/dV with its peaks, by direction.
    """

    cycling: CurveFile | None
    impedance: CurveFile | None
    cycles: tuple[ShownCycle, ...] = ()
    compliance: Compliance | None = None
    incremental: Mapping[str, IncrementalCapacity] = field(default_factory=dict)
    problem: str = ""


def formation_page(lot: Lot) -> FormationPage:
    cycling, impedance = newest(lot, CurveFile.Kind.CYCLING), newest(lot, CurveFile.Kind.IMPEDANCE)
    if cycling is None:
        return FormationPage(None, impedance)
    try:
        result = result_of(cycling)
    except CurveMissing as error:
        return FormationPage(cycling, impedance, problem=str(error))
    incremental = {str(kind): curve for kind, curve in result.incremental.items()}
    return FormationPage(
        cycling, impedance, shown_cycles(cycling, result.cycles), result.compliance, incremental
    )


def newest(lot: Lot, kind: CurveFile.Kind) -> CurveFile | None:
    """The newest file of the lot that nothing has superseded."""
    rows = CurveFile.objects.filter(lot=lot, kind=kind, superseded_by__isnull=True)
    return rows.select_related("execution__equipment", "recorded_by").order_by("-id").first()


def formation_json(lot: Lot) -> dict[str, Any]:
    """Everything that the page draws, with units in the names; parts that there are no data for are null."""
    cycling, impedance = newest(lot, CurveFile.Kind.CYCLING), newest(lot, CurveFile.Kind.IMPEDANCE)
    answer: dict[str, Any] = {"curves": [], "band": None, "ce": None, "dqdv": [], "nyquist": None}
    if cycling is not None:
        records = load_records(cycling.storage_sha256)
        result = result_of(cycling)
        answer["curves"] = _curves(records, result.table)
        answer["band"] = _band(lot, cycling)
        answer["ce"] = _efficiencies(shown_cycles(cycling, result.cycles))
        answer["dqdv"] = [
            {"kind": str(kind), "voltage_v": short(curve.voltage_v), "dqdv_ah_v": short(curve.dqdv_ah_v)}
            for kind, curve in result.incremental.items()
        ]
    if impedance is not None:
        answer["nyquist"] = _nyquist(load_spectra(impedance.storage_sha256)[-1])
    return answer


def short(values: NDArray[np.float64], points: int = POINTS_A_CURVE) -> list[float]:
    """At most so many of the values, evenly taken, with six digits: enough to draw."""
    if values.size > points:
        values = values[np.linspace(0, values.size - 1, points).astype(int)]
    return [float(f"{value:.6g}") for value in values]


def _curves(records: CyclerRecords, table: StepTable) -> list[dict[str, Any]]:
    """The half cycles that move most: those of the first cycles and of the last ones."""
    rows = [row for row in range(table.size) if table.kind[row] is not StepKind.REST]
    largest = max((abs(float(table.net_ah[row])) for row in rows), default=0.0)
    rows = [row for row in rows if abs(float(table.net_ah[row])) > 0.1 * largest]
    half = CURVES_SHOWN // 2
    shown = rows if len(rows) <= CURVES_SHOWN else rows[:half] + rows[-half:]
    curves = []
    for row in shown:
        voltage, moved = step_curve(records, table, row)
        curves.append(
            {
                "cycle": int(table.cycle[row]),
                "kind": str(table.kind[row]),
                "capacity_ah": short(moved),
                "voltage_v": short(voltage),
            }
        )
    return curves


def _efficiencies(found: Sequence[ShownCycle]) -> dict[str, list[Any]]:
    return {
        "cycle": [cycle.values.number for cycle in found],
        "ce_pct": [None if cycle.ce_pct is None else round(cycle.ce_pct, 3) for cycle in found],
    }


def _band(lot: Lot, cycling: CurveFile) -> dict[str, Any] | None:
    """The first charge against that of other good cells of the same material, under the same recipe revision."""
    mine = stored_charge(cycling.storage_sha256)
    if mine is None:
        return None
    band = good_band(lot, cycling.protocol, with_itself=False)
    verdict = judged(mine, band, cycling.protocol)
    alarms = alarms_of(verdict, early=bool(ended_early([lot.pk])))
    answer: dict[str, Any] = {
        "share_pct": short(100 * SHARE),
        "voltage_v": short(mine.curve_v),
        "cells": 0 if band is None else band.cells,
        "lower_v": None,
        "upper_v": None,
        "alarms": [str(alarm) for alarm in alarms],
        "words": [LOOK_AT[alarm] for alarm in alarms],
        "baseline": baseline_words(lot, band),
        "unseen": [] if verdict is None else [alarm.replace("_", " ") for alarm in verdict.unseen],
    }
    if band is None:
        return answer
    compared = compare_with_band(mine, band, protocol=cycling.protocol)
    answer.update(
        lower_v=short(band.lower_v),
        upper_v=short(band.upper_v),
        out_pct=round(compared.out_pct, 1),
        capacity_z=round(compared.capacity_z, 1),
        provisional=band.provisional,
    )
    return answer


def _nyquist(sweep: Spectrum) -> dict[str, Any]:
    intercept = high_frequency_intercept(sweep)
    answer: dict[str, Any] = {
        "re_mohm": short(1000 * sweep.z_ohm.real),
        "minus_im_mohm": short(-1000 * sweep.z_ohm.imag),
        "intercept_mohm": float(f"{1000 * intercept.resistance_ohm:.5g}"),
        "reached": intercept.reached,
        "fit": None,
    }
    try:
        fit = fit_randles(sweep)
    except ValueError:
        return answer
    answer["fit"] = _fit(sweep, fit)
    return answer


def _fit(sweep: Spectrum, fit: RandlesFit) -> dict[str, Any]:
    rs, rct, q, n, a = (fit.parameters[name].value for name in NAMES)
    z = randles_ohm(sweep.frequency_hz, rs, rct, q, n, a)
    return {
        "re_mohm": short(1000 * z.real),
        "minus_im_mohm": short(-1000 * z.imag),
        "accepted": fit.accepted,
        "residual_pct": round(100 * fit.residual_rms, 2),
        "rs_mohm": float(f"{1000 * rs:.4g}"),
        "rct_mohm": float(f"{1000 * rct:.4g}"),
    }
