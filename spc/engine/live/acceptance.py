"""Acceptance charts: means against limits that the specification gives, for processes that may wander within it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spc.engine.batch import RuleHit
from spc.engine.families import Family, Panel, SubgroupData, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.method import BEYOND, Method, baseline_from, spread_line
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Number, Parameter, Values
from spc.engine.live.webs import LastValue
from spc.engine.operating import AcceptanceError, acceptance_limits
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError


class Acceptance(Method):
    """`lsl` and `usl` are the specification's; a plan does not say them, its publication does."""

    kind = ChartKind.ACCEPTANCE
    rules = {Panel.LOCATION: BEYOND, Panel.DISPERSION: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Number(
            "fraction",
            "share out of specification that is still accepted",
            "0.01",
            low=0.0,
            high=0.5,
            open_ends=("low", "high"),
        ),
        Number(
            "alpha",
            "risk to reject a process with that share",
            "0.05",
            low=0.0,
            high=0.5,
            open_ends=("low", "high"),
        ),
        Number("lsl", "lower specification limit, from the specification"),
        Number("usl", "upper specification limit, from the specification"),
    )

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        family = Family.IMR if by_reading else Family.XBAR_S
        if "lsl" not in values and "usl" not in values:
            raise TooFewReadingsError(
                "an acceptance chart follows from a specification with a limit; there is none"
            )
        baseline = baseline_from(family, data)
        own = {name: values.get(name) for name in ("fraction", "alpha", "lsl", "usl")} | {
            "basis": family.value
        }
        fit = Fit.of(self.kind, baseline, "", **own)
        try:
            self._limits(fit, max(1, round(baseline.subgroup_size)))
        except AcceptanceError as error:
            raise TooFewReadingsError(str(error)) from error
        return fit

    def start(self, fit: Fit) -> LastValue:
        return LastValue()

    def step(self, fit: Fit, memory: LastValue, data: SubgroupData) -> tuple[LastValue, Shown]:
        family = Family(fit.own["basis"])
        one = summarise(family, data)
        moves = family is Family.IMR
        spread = abs(one.statistic - memory.value) if moves else one.dispersion
        z = (one.statistic - fit.center) / ((fit.sigma or math.nan) / math.sqrt(one.size))
        try:
            lcl, ucl = self._limits(fit, int(one.size))
        except AcceptanceError:  # so few readings that no mean of them would be accepted
            lcl = ucl = math.nan
        location = Line(one.statistic, fit.center, lcl, ucl, z)
        hits = (RuleHit(Rule.BEYOND_LIMITS, Panel.LOCATION, (0,)),) if location.beyond else ()
        shown = Shown(
            location=location,
            dispersion=spread_line(fit.baseline(family), spread, one.size),
            size=one.size,
            hits=hits,
        )
        return LastValue(one.statistic if moves else math.nan), shown

    def gap(self, fit: Fit, memory: LastValue) -> LastValue:
        return LastValue()

    def load(self, data: Mapping[str, Any]) -> LastValue:
        return LastValue.from_dict(data)

    @staticmethod
    def _limits(fit: Fit, n: int) -> tuple[float, float]:
        own = fit.own
        found = acceptance_limits(
            lsl=own["lsl"],
            usl=own["usl"],
            sigma=fit.sigma or 0.0,
            n=n,
            delta=own["fraction"],
            alpha=own["alpha"],
        )
        return found.lcl, found.ucl
