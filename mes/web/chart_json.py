"""A chart's window as the JSON that <halite-chart> reads (shape: static/web/chart/data.js)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from lots.units import written_unit
from quality.models import SpecificationLine
from spc.chart_view import ChartWindow, ThirdPanel
from spc.definition import traits_of
from spc.engine.live import Unit
from spc.engine.special_rules import rule_named
from spc.models import Chart
from spc.queries import is_frozen, strata_words

UNITS = {Unit.SIGMA: "σ", Unit.HOURS: "h", Unit.NONE: ""}


def chart_title(chart: Chart) -> str:
    """The characteristic and what separates this chart from its sisters."""
    return " · ".join([chart.stream.plan.characteristic.name, *strata_words(chart)])


def comparable(chart: Chart, lines: list[SpecificationLine]) -> SpecificationLine | None:
    """The specification line that may be drawn: only individuals are comparable, and only one line is unmistakable."""
    if traits_of(chart.stream.plan).comparable and len(lines) == 1:
        return lines[0]
    return None


def decimals_of(chart: Chart) -> int:
    """Decimals of the plotted statistic: a mean and a proportion carry more than a reading."""
    shown = traits_of(chart.stream.plan)
    if shown.fixed_decimals is not None:
        return shown.fixed_decimals
    return chart.stream.plan.characteristic.decimals + shown.decimals


def unit_of(chart: Chart) -> str:
    """The unit of what the first panel plots."""
    return UNITS.get(traits_of(chart.stream.plan).unit, chart.stream.plan.characteristic.unit)


def chart_json(chart: Chart, window: ChartWindow, line: SpecificationLine | None) -> dict[str, Any]:
    """Columns of the window; a column that never changes is sent as one number."""
    shown = traits_of(chart.stream.plan)
    limits = {
        "cl": window.center,
        "lcl": window.lcl,
        "ucl": window.ucl,
        "dcl": window.dispersion_center,
        "dlcl": window.dispersion_lcl,
        "ducl": window.dispersion_ucl,
    }
    if shown.rare:
        limits = {name: _lasting(values) for name, values in limits.items()}
    return {
        "title": chart_title(chart),
        "unit": written_unit(unit_of(chart)),
        "decimals": decimals_of(chart),
        "state": "frozen" if is_frozen(chart) else "learning",
        "location_label": shown.location,
        "dispersion_label": shown.dispersion or None,
        "within_label": shown.within or None,
        "x_label": "Point",
        "rare": shown.rare,
        "lsl": _number(line.lsl) if line else None,
        "usl": _number(line.usl) if line else None,
        "target": _number(line.target) if line else None,
        "first": window.first_sequence,
        "total": window.total,
        "points": {
            "id": window.id,
            "t": [round(at.timestamp(), 3) for at in window.measured_at],
            "v": window.statistic,
            "d": window.dispersion if shown.dispersion else None,
            "n": window.size,
            "lot": window.lots,
            "excluded": window.excluded,
            **{name: _compact(values) for name, values in limits.items()},
            **(_third(window.within) if window.within is not None else {}),
        },
        "signals": [
            {
                "id": signal.id,
                "i": signal.index,
                "rule": signal.rule,
                "label": rule_named(signal.rule).label.capitalize(),
                "panel": signal.panel,
                "members": signal.members,
                "reaction": signal.reaction,
                "provisional": signal.provisional,
                "acknowledged": signal.acknowledged,
            }
            for signal in window.signals
        ],
        "phase_breaks": [{"i": index, "label": f"Limits r{number}"} for index, number in window.breaks],
        "point_url": reverse("web:chart_point", args=[chart.pk, 0]).replace("/points/0/", "/points/{id}/"),
        "table_url": reverse("web:chart_table", args=[chart.pk]),
        "time_zone": chart.stream.plan.site.time_zone,
    }


def _third(within: list[ThirdPanel]) -> dict[str, Any]:
    """The columns of the third panel."""
    return {
        "w": [panel["value"] for panel in within],
        "wcl": _compact([panel["center"] for panel in within]),
        "wlcl": _compact([panel["lcl"] or None for panel in within]),
        "wucl": _compact([panel["ucl"] for panel in within]),
    }


def _lasting(values: list[float | None]) -> list[float | None]:
    """Limits of rare events hold between them too, where no point is plotted."""
    last: float | None = None
    return [last := last if value is None else value for value in values]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _compact(values: list[float | None]) -> list[float | None] | float | None:
    return values[0] if values and len(set(values)) == 1 else values
