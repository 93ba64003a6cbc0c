"""Three-way (between/within) charts of subgroups, point by point; see `spc.engine.between_within`.

The first two panels plot the means as individuals with their moving range, the third the spread within.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spc.engine.baseline import Baseline
from spc.engine.between_within import three_way_chart
from spc.engine.families import Family, Panel, SubgroupData, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.method import ANY_RULE, BEYOND, Method, must_vary, spread_line
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Choice, Parameter, Values
from spc.engine.sigma import SigmaMethod

FAMILIES = {"r": Family.XBAR_R, "s": Family.XBAR_S}
METHODS = {"r": SigmaMethod.RBAR, "s": SigmaMethod.SBAR}


@dataclass(frozen=True)
class LastValue:
    """The last plotted value; NaN at the start and after a gap."""

    value: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        return {"last": None if math.isnan(self.value) else self.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LastValue:
        """Inverse of `to_dict`."""
        return cls(math.nan if data["last"] is None else float(data["last"]))


def individuals(center: float, sigma: float) -> Baseline:
    """The baseline of values that are plotted as individuals, for the limits of their moving range."""
    return Baseline(Family.IMR, center, sigma, 1.0, 0, 0.0)


class ThreeWay(Method):
    """Subgroups of one size; one that closed early is plotted by the readings that it has."""

    kind = ChartKind.THREE_WAY
    by_reading = False
    rules = {Panel.LOCATION: ANY_RULE, Panel.DISPERSION: BEYOND, Panel.WITHIN: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Choice("spread", "spread within by range (r) or standard deviation (s)", "r", choices=("r", "s")),
    )

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        n = max((len(row.values) for row in data), default=0)
        rows = [(*row.values, *[math.nan] * (n - len(row.values))) for row in data]
        shown = three_way_chart(rows, method=METHODS[values["spread"]])
        whole = int(np.count_nonzero(~np.isnan(shown.means)))
        must_vary(shown.sigma_means, whole)
        must_vary(shown.sigma_within, whole)
        return Fit(
            kind=self.kind,
            center=shown.center,
            sigma=shown.sigma_within,
            subgroup_size=float(n),
            n_subgroups=whole,
            n_values=float(n * whole),
            sigma_method=METHODS[values["spread"]],
            sigma_df=shown.within_df,
            own={"spread": values["spread"], "sigma_means": shown.sigma_means},
        ).split(shown.parts)

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        return (("Sigma of the means", fit.own["sigma_means"]),)

    def start(self, fit: Fit) -> LastValue:
        return LastValue()

    def step(self, fit: Fit, memory: LastValue, data: SubgroupData) -> tuple[LastValue, Shown]:
        family = FAMILIES[fit.own["spread"]]
        one = summarise(family, data)
        sigma_means = fit.own["sigma_means"]
        shown = Shown(
            location=Line.about(one.statistic, fit.center, sigma_means),
            dispersion=spread_line(
                individuals(fit.center, sigma_means), abs(one.statistic - memory.value), 1.0
            ),
            within=spread_line(fit.baseline(family), one.dispersion, one.size),
            size=one.size,
        )
        return LastValue(one.statistic), shown

    def gap(self, fit: Fit, memory: LastValue) -> LastValue:
        return LastValue()

    def load(self, data: Mapping[str, Any]) -> LastValue:
        return LastValue.from_dict(data)
