"""What the capability page of a stream shows, and the JSON of its plot (static/web/plot.js)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from quality.models import SpecificationLine
from spc.engine.capability import Index
from spc.engine.capability_study import CapabilityStudy, Fallouts

LAWS = {
    "norm": "Normal",
    "lognorm": "Lognormal",
    "weibull_min": "Weibull",
    "gamma": "Gamma",
    "expon": "Exponential",
    "invgauss": "Inverse Gaussian",
    "fisk": "Log-logistic",
    "logistic": "Logistic",
    "gumbel_r": "Largest extreme value",
    "gumbel_l": "Smallest extreme value",
}
BETWEEN_WITHIN = "between and within"
SIDES = ("below LSL", "above USL")


@dataclass(frozen=True)
class Row:
    """One index with its interval and the sigma that it uses; None says that it is undefined here."""

    name: str
    sigma: str
    index: Index | None
    why: str


def index_rows(study: CapabilityStudy) -> list[Row]:
    """Every index, undefined ones with the reason."""
    found, together = study.capability, study.together
    both = "needs both limits"
    target = "needs both limits and a target"
    between = (
        []
        if together is None
        else [
            Row("Cp", BETWEEN_WITHIN, together.cp, both),
            Row("Cpk", BETWEEN_WITHIN, together.cpk, "sigma is 0"),
            Row("Cpl", BETWEEN_WITHIN, together.cpl, "needs LSL"),
            Row("Cpu", BETWEEN_WITHIN, together.cpu, "needs USL"),
            Row("Cpm", BETWEEN_WITHIN, together.cpm, target),
        ]
    )
    return [
        Row("Cp", "within", found.cp, both),
        Row("Cpk", "within", found.cpk, "sigma within is 0"),
        Row("Cpl", "within", found.cpl, "needs LSL"),
        Row("Cpu", "within", found.cpu, "needs USL"),
        Row("Cpm", "within", found.cpm, target),
        *between,
        Row("Pp", "overall", found.pp, both),
        Row("Ppk", "overall", found.ppk, "the readings do not vary"),
        Row("Ppl", "overall", found.ppl, "needs LSL"),
        Row("Ppu", "overall", found.ppu, "needs USL"),
        Row("Cpm", "overall", found.cpm_overall, target),
    ]


@dataclass(frozen=True)
class PpmTable:
    """Columns by where their numbers come from; rows (which side, a number a column) and their total."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


def ppm_table(study: CapabilityStudy) -> PpmTable:
    """Observed, and expected with each sigma and of the best-fitting law."""
    ppm = study.ppm
    shown = {"Observed": ppm.observed, "Expected, within": ppm.within}
    if study.together is not None:
        shown["Expected, between and within"] = ppm.between_within
    shown |= {"Expected, overall": ppm.overall, "Expected, best fit": ppm.best}
    pairs = tuple(shown.values())
    sides = tuple((words, tuple(pair[i] for pair in pairs)) for i, words in enumerate(SIDES))
    return PpmTable(tuple(shown), (*sides, ("in all", tuple(Fallouts.total(pair) for pair in pairs))))


def plot_json(study: CapabilityStudy, line: SpecificationLine, unit: str) -> dict[str, Any]:
    """The histogram with its curves and the specification limits."""
    shown, best = study.histogram, study.best
    curves: list[dict[str, Any]] = [
        {"label": "Normal, sigma within", "y": shown.within, "dash": True},
        {"label": "Normal, sigma overall", "y": shown.overall},
    ]
    if best is not None and best.fit.name != "norm":
        curves.append({"label": f"Best fit: {LAWS[best.fit.name]}", "y": shown.best, "dash": True})
    limits = (("LSL", line.lsl), ("Target", line.target), ("USL", line.usl))
    return {
        "x_label": f"Value, {unit}" if unit else "Value",
        "y_label": "Readings",
        "bars": {"edges": shown.edges, "counts": shown.counts},
        "lines": [{**curve, "x": shown.x, "y": _finite(curve["y"])} for curve in curves if curve["y"]],
        "verticals": [{"x": float(value), "label": label} for label, value in limits if value is not None]
        + [{"x": study.capability.mean, "label": "Mean", "soft": True}],
    }


def _finite(values: Any) -> list[float | None]:
    """A density may be infinite at the end of its range; JSON knows no infinity."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]
