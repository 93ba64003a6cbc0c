"""The plots of a gauge study as JSON for <halite-plot> (static/web/plot.js)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from lots.units import written_unit
from quality.models import GaugeStudy
from spc.engine.bias_band import bias_band
from spc.engine.constants import d2, d3
from spc.engine.families import Family
from spc.engine.gauge_study import stability_chart
from spc.engine.gauge_verdict import StudyReading

Plots = list[tuple[str, str, dict[str, Any]]]
Design = GaugeStudy.Design


def study_plots(study: GaugeStudy, readings: Sequence[StudyReading]) -> Plots:
    """(id, title, JSON) of what shows best where the variation comes from."""
    unit = written_unit(study.characteristic.unit)
    value = f"Reading, {unit}" if unit else "Reading"
    match study.design:
        case Design.CROSSED:
            return [
                ("by-part", "Means by part and operator", _means(study, readings, value)),
                ("ranges", "Ranges of the trials", _ranges(study, readings, unit)),
                ("by-operator", "Readings by operator", _by(study.operators, readings, "operator", value)),
            ]
        case Design.NESTED:
            names = [f"{operator}/{part}" for operator in study.operators for part in study.parts]
            return [
                ("by-part", "Readings by part", _by(names, readings, "part", value)),
                ("by-operator", "Readings by operator", _by(study.operators, readings, "operator", value)),
            ]
        case Design.LINEARITY:
            return [("linearity", "Bias over the range", _linearity(study, readings, unit))]
        case Design.BIAS:
            return [("course", "Readings in their order", _course(study, readings, value))]
        case Design.STABILITY:
            return _occasions(readings, unit)
    return []


def _cells(
    study: GaugeStudy, readings: Sequence[StudyReading], of: Callable[[list[float]], float]
) -> dict[str, list[float]]:
    """Operator → a number for every part, in the study's order."""
    cells: dict[tuple[str, str], list[float]] = {}
    for reading in readings:
        cells.setdefault((reading.operator, reading.part), []).append(float(reading.value))
    return {operator: [of(cells[operator, part]) for part in study.parts] for operator in study.operators}


def _means(study: GaugeStudy, readings: Sequence[StudyReading], value: str) -> dict[str, Any]:
    x = list(range(len(study.parts)))
    return {
        "x_label": "Part",
        "y_label": value,
        "x_names": study.parts,
        "lines": [
            {"label": operator, "x": x, "y": means, "points": True}
            for operator, means in _cells(study, readings, fmean).items()
        ],
    }


def _ranges(study: GaugeStudy, readings: Sequence[StudyReading], unit: str) -> dict[str, Any]:
    """Ranges within the cells against their limit: beyond it, an operator does not repeat."""
    x = list(range(len(study.parts)))
    ranges = _cells(study, readings, lambda row: max(row) - min(row))
    mean = fmean(value for row in ranges.values() for value in row)
    n = study.trials
    return {
        "x_label": "Part",
        "y_label": f"Range, {unit}" if unit else "Range",
        "x_names": study.parts,
        "lines": [{"label": operator, "x": x, "y": row, "points": True} for operator, row in ranges.items()],
        "horizontals": [
            {"y": mean * (1.0 + 3.0 * d3(n) / d2(n)), "label": "UCL"},
            {"y": mean, "label": "Mean range", "soft": True},
        ],
    }


def _by(names: Sequence[str], readings: Sequence[StudyReading], kind: str, value: str) -> dict[str, Any]:
    place = {name: index for index, name in enumerate(names)}
    own: dict[str, list[float]] = {}
    for reading in readings:
        own.setdefault(getattr(reading, kind), []).append(float(reading.value))
    return {
        "x_label": kind.capitalize(),
        "y_label": value,
        "x_names": list(names),
        "lines": [
            {
                "label": "Readings",
                "x": [place[getattr(reading, kind)] for reading in readings],
                "y": [float(reading.value) for reading in readings],
                "points": True,
                "line": False,
            },
            {
                "label": "Means",
                "x": list(range(len(names))),
                "y": [fmean(own[name]) for name in names],
                "points": True,
            },
        ],
    }


def _linearity(study: GaugeStudy, readings: Sequence[StudyReading], unit: str) -> dict[str, Any]:
    known = {part: float(value) for part, value in study.references.items()}
    points = sorted((known[reading.part], float(reading.value) - known[reading.part]) for reading in readings)
    band = bias_band(
        [known[reading.part] for reading in readings], [float(reading.value) for reading in readings]
    )
    curves = (
        ("Fitted bias", band.line, False),
        ("95 % band, lower", band.lower, True),
        ("95 % band, upper", band.upper, True),
    )
    return {
        "x_label": f"Reference, {unit}" if unit else "Reference",
        "y_label": f"Bias, {unit}" if unit else "Bias",
        "lines": [
            {
                "label": "Bias",
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
                "points": True,
                "line": False,
            },
            *(
                {"label": label, "x": band.x.tolist(), "y": y.tolist(), "dash": dash}
                for label, y, dash in curves
            ),
        ],
        "horizontals": [{"y": 0.0, "label": "No bias"}],
    }


def _course(study: GaugeStudy, readings: Sequence[StudyReading], value: str) -> dict[str, Any]:
    values = [float(reading.value) for reading in readings]
    return {
        "x_label": "Run",
        "y_label": value,
        "lines": [{"label": "Readings", "x": list(range(1, len(values) + 1)), "y": values, "points": True}],
        "horizontals": [{"y": float(next(iter(study.references.values()))), "label": "Reference"}],
    }


def _occasions(readings: Sequence[StudyReading], unit: str) -> Plots:
    """The control chart that decides: both panels with their limits."""
    chart = stability_chart(readings)
    single = chart.baseline.family is Family.IMR
    names = ("Readings", "Moving ranges") if single else ("Means of the occasions", "Ranges of the occasions")
    panels = ((chart.statistic, chart.location), (chart.dispersion, chart.dispersion_panel))
    plots: Plots = []
    for key, name, (values, panel) in zip(("course", "spread"), names, panels, strict=True):
        known = [i for i, value in enumerate(values.tolist()) if math.isfinite(value)]
        ucl, center, lcl = (float(line[known[-1]]) for line in (panel.ucl, panel.center, panel.lcl))
        digits = max(0, math.ceil(1.0 - math.log10(ucl - center))) if ucl > center else 4
        lines = [("UCL", ucl, False), ("Mean", center, True), ("LCL", lcl, False)]
        plot = {
            "x_label": "Occasion",
            "y_label": f"{name}, {unit}" if unit else name,
            "lines": [
                {
                    "label": name,
                    "x": [i + 1 for i in known],
                    "y": [float(values[i]) for i in known],
                    "points": True,
                }
            ],
            "horizontals": [
                {"y": y, "label": f"{label} {y:.{digits}f}", "soft": soft}
                for label, y, soft in lines
                if label != "LCL" or y > 0.0 or key == "course"
            ],
        }
        plots.append((key, f"{name} and their limits", plot))
    return plots
