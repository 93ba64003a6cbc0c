"""Iterative screening of phase 1 data, with a written trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spc.engine.baseline import Baseline
from spc.engine.batch import ChartResult, chart, phase1_chart
from spc.engine.families import Family, Panel, SubgroupData
from spc.engine.rules import Rule
from spc.engine.sigma import SigmaMethod


@dataclass(frozen=True)
class Removal:
    """Why a point left the baseline: which panel it was beyond, in which pass, against which limits."""

    index: int
    panel: Panel
    value: float
    lcl: float
    ucl: float
    iteration: int

    def __str__(self) -> str:
        return (
            f"pass {self.iteration}: point {self.index} removed, {self.panel} {self.value:.6g} "
            f"beyond {self.lcl:.6g} .. {self.ucl:.6g}"
        )


@dataclass(frozen=True)
class ScreeningResult:
    """`chart` shows all points against the final baseline; `excluded` holds given and removed positions."""

    baseline: Baseline
    chart: ChartResult
    excluded: frozenset[int]
    trail: tuple[Removal, ...]
    iterations: int


def screen_phase1(
    family: Family,
    subgroups: Sequence[SubgroupData],
    rules: Sequence[Rule],
    *,
    excluded: frozenset[int] = frozenset(),
    sigma_method: SigmaMethod | None = None,
    span: int = 2,
) -> ScreeningResult:
    """Estimate, remove what lies beyond the limits of either panel, and repeat until nothing does.

    Only points beyond limits are removed: runs and trends speak of the process, not of single points. A
    moving range beyond its limit belongs to two readings and removes neither. `rules` are applied to the
    final chart. Ends because each pass removes at least one point; raises TooFewReadingsError if too little
    is left.
    """
    removed: set[int] = set(excluded)
    trail: list[Removal] = []
    iteration = 0
    while True:
        iteration += 1
        judged = phase1_chart(
            family,
            subgroups,
            (Rule.BEYOND_LIMITS,),
            excluded=frozenset(removed),
            sigma_method=sigma_method,
            span=span,
        )
        found = [removal for removal in _beyond(judged, iteration) if removal.index not in removed]
        if not found:
            final = chart(family, judged.baseline, subgroups, rules)
            return ScreeningResult(judged.baseline, final, frozenset(removed), tuple(trail), iteration)
        trail.extend(found)
        removed.update(removal.index for removal in found)


def _beyond(judged: ChartResult, iteration: int) -> list[Removal]:
    removals = []
    for hit in judged.hits:
        if hit.panel is Panel.LOCATION:
            value, limits = judged.statistic[hit.index], judged.location
        elif judged.baseline.family is Family.IMR:
            continue
        else:
            value, limits = judged.dispersion[hit.index], judged.dispersion_panel
        lcl, ucl = float(limits.lcl[hit.index]), float(limits.ucl[hit.index])
        removals.append(Removal(hit.index, hit.panel, float(value), lcl, ucl, iteration))
    return removals
