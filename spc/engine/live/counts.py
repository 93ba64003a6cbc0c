"""Laney's p' and u' charts point by point: proportions and rates of large samples, which vary more than their law."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spc.engine.baseline import estimate_baseline
from spc.engine.families import Family, Panel, SubgroupData, Summary, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.method import NO_MEMORY, Memory, Method, must_vary
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Values
from spc.engine.overdispersion import laney_p, laney_u
from spc.engine.rules import allowed_rules


class _Laney(Method):
    """`family` is the chart whose limits are widened by sigma_z."""

    family: Family
    rules = {Panel.LOCATION: allowed_rules(Family.P)}

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        known = [row for row in data if not row.is_missing]
        baseline = estimate_baseline(self.family, known)
        draw = laney_p if self.family is Family.P else laney_u
        sigma_z = draw([row.values[0] for row in known], [row.size or 0.0 for row in known]).sigma_z
        must_vary(sigma_z, len(known))
        return Fit.of(self.kind, baseline, sigma_z=sigma_z)

    def reduce(self, data: SubgroupData) -> Summary:
        return summarise(self.family, data)

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        return (("Sigma z (1: as the law says)", fit.own["sigma_z"]),)

    def start(self, fit: Fit) -> Memory:
        return NO_MEMORY

    def step(self, fit: Fit, memory: Memory, data: SubgroupData) -> tuple[Memory, Shown]:
        one = summarise(self.family, data)
        binomial = self.family is Family.P
        spread = fit.center * (1.0 - fit.center) if binomial else fit.center
        line = Line.about(one.statistic, fit.center, math.sqrt(spread / one.size) * fit.own["sigma_z"])
        top = 1.0 if binomial else math.inf
        line = replace(line, lcl=max(0.0, line.lcl), ucl=min(top, line.ucl))
        return memory, Shown(location=line, size=one.size)

    def load(self, data: Mapping[str, Any]) -> Memory:
        return NO_MEMORY


class LaneyP(_Laney):
    """Proportions of units."""

    kind, family = ChartKind.LANEY_P, Family.P


class LaneyU(_Laney):
    """Rates per unit of area."""

    kind, family = ChartKind.LANEY_U, Family.U
