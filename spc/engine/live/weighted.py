"""EWMA and tabular CUSUM, of readings or of subgroup means, point by point.

The second panel of an EWMA is the spread of its subgroups (or the moving range of its readings); that of a CUSUM is
its lower sum. A signal names the points since the estimated change: after the last zero of a CUSUM (Page 1954), after
the EWMA last crossed its centre (Nishina 1992, Reliability Engineering and System Safety 38). Both keep their places:
a missing point between them is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spc.engine.baseline import Baseline
from spc.engine.batch import RuleHit
from spc.engine.families import Family, Panel, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live.method import BEYOND, Method, baseline_from, reduced, spread_line
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Choice, Number, Parameter, Values
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError
from spc.engine.time_weighted import CusumState, EwmaState, start_cusum, start_ewma

TARGET = Number("target", "the level that it watches; the mean of phase 1 unless given")
SIGMA = Choice(
    "sigma",
    "spread of subgroup means: from within subgroups, or their moving range where subgroups differ",
    "within",
    choices=("within", "moving_range"),
)


# The exact variance of an average is its last value to this part.
SETTLED = 1e-13


def changed_since(since: int) -> tuple[int, ...]:
    """Offsets of the estimated first point of the change and of the point that signals."""
    return (0,) if since <= 1 else (0, since - 1)


@dataclass(frozen=True)
class EwmaMemory:
    """The average, how many points it has been on its side of the centre, and the last reading (NaN after a gap)."""

    average: EwmaState
    side: int = 0
    since: int = 0
    last: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        last = None if math.isnan(self.last) else self.last
        return {"average": self.average.to_dict(), "side": self.side, "since": self.since, "last": last}


class _Weighted(Method):
    """What EWMA and CUSUM share: a Shewhart baseline of the statistics they weigh."""

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        of_means = not by_reading and values["sigma"] == "moving_range"
        family = Family.IMR if by_reading or of_means else Family.XBAR_S
        baseline = baseline_from(family, data, of_means=of_means)
        center = values.get("target", baseline.center)
        own = {
            "basis": family.value,
            "of_means": of_means,
            "mean": baseline.center,
            "sigma": baseline.require_sigma(),
        }
        fit = replace(Fit.of(self.kind, baseline, "", **own), center=center)
        if not of_means:
            return fit
        # The moving range of the means sets the limits; that within subgroups still speaks of single readings.
        try:
            within = baseline_from(Family.XBAR_S, data)
        except TooFewReadingsError:
            return replace(fit, sigma=None, sigma_df=None)
        return replace(fit, sigma=within.sigma, sigma_df=within.sigma_df, sigma_method=within.sigma_method)

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        mean = ("Mean of phase 1", fit.own["mean"])
        return (mean, ("Sigma of the means", fit.own["sigma"])) if fit.own["of_means"] else (mean,)

    @staticmethod
    def basis(fit: Fit) -> Baseline:
        """The baseline of what is weighed: readings, means of subgroups, or means taken as readings."""
        return replace(fit, sigma=fit.own["sigma"]).baseline(Family(fit.own["basis"]))


class Ewma(_Weighted):
    """Exponentially weighted moving average with the exact limits of each moment."""

    kind = ChartKind.EWMA
    rules = {Panel.LOCATION: BEYOND, Panel.DISPERSION: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Number("lambda", "weight of the newest point", "0.2", low=0.0, high=1.0, open_ends=("low",)),
        Number(
            "L", "width of the limits in sigmas of the average", "2.7", low=0.0, high=10.0, open_ends=("low",)
        ),
        SIGMA,
        TARGET,
    )

    def start(self, fit: Fit) -> EwmaMemory:
        values = self.read(fit.parameters)
        return EwmaMemory(
            start_ewma(fit.center, fit.own["sigma"], weight=values["lambda"], width=values["L"])
        )

    def step(self, fit: Fit, memory: EwmaMemory, data: SubgroupData) -> tuple[EwmaMemory, Shown]:
        basis = self.basis(fit)
        family = basis.family
        one = reduced(family, data, of_means=fit.own["of_means"])
        average = memory.average.update(one.statistic, one.size)
        off = average.value - fit.center
        side = (off > 0.0) - (off < 0.0)
        since = 0 if side == 0 else memory.since + 1 if side == memory.side else 1
        reach = average.half_width(one.size)
        location = Line(
            average.value,
            fit.center,
            fit.center - reach,
            fit.center + reach,
            average.width * off / reach if reach > 0.0 else math.nan,
        )
        moves = family is Family.IMR
        spread = abs(one.statistic - memory.last) if moves else one.dispersion
        hits = (RuleHit(Rule.BEYOND_LIMITS, Panel.LOCATION, changed_since(since)),) if location.beyond else ()
        shown = Shown(
            location=location,
            dispersion=spread_line(basis, spread, one.size),
            size=one.size,
            hits=hits,
            details={"plotted": one.statistic},
        )
        return EwmaMemory(average, side, since, one.statistic if moves else math.nan), shown

    def gap(self, fit: Fit, memory: EwmaMemory) -> EwmaMemory:
        return replace(memory, since=memory.since + 1 if memory.side else 0, last=math.nan)

    def lasting(self, memory: dict[str, Any]) -> dict[str, Any]:
        average = memory["average"]
        decay = average["decay"] if average["decay"] > SETTLED else 0.0
        return memory | {"average": average | {"count": 0, "decay": decay}}

    def load(self, data: Mapping[str, Any]) -> EwmaMemory:
        last = math.nan if data["last"] is None else float(data["last"])
        return EwmaMemory(EwmaState.from_dict(data["average"]), int(data["side"]), int(data["since"]), last)


@dataclass(frozen=True)
class CusumMemory:
    """Both sums, and how many points, missing ones included, each has been off zero."""

    sums: CusumState
    upper_since: int = 0
    lower_since: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "sums": self.sums.to_dict(),
            "upper_since": self.upper_since,
            "lower_since": self.lower_since,
        }


class Cusum(_Weighted):
    """Both tabular sums of standardised deviations, in sigmas of the statistic."""

    kind = ChartKind.CUSUM
    rules = {Panel.LOCATION: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Number("k", "half of the shift to be found, in sigmas", "0.5", low=0.0, high=5.0),
        Number("h", "decision interval in sigmas", "5", low=0.0, high=50.0, open_ends=("low",)),
        Number(
            "head_start", "where the sums start, as a part of h", "0", low=0.0, high=1.0, open_ends=("high",)
        ),
        SIGMA,
        TARGET,
    )

    def start(self, fit: Fit) -> CusumMemory:
        values = self.read(fit.parameters)
        h = values["h"]
        return CusumMemory(
            start_cusum(reference=values["k"], interval=h, head_start=values["head_start"] * h)
        )

    def step(self, fit: Fit, memory: CusumMemory, data: SubgroupData) -> tuple[CusumMemory, Shown]:
        basis = self.basis(fit)
        one = reduced(basis.family, data, of_means=fit.own["of_means"])
        z = (one.statistic - fit.center) / (basis.require_sigma() / math.sqrt(one.size))
        sums = memory.sums.update(z)
        following = CusumMemory(
            sums,
            upper_since=memory.upper_since + 1 if sums.upper > 0.0 else 0,
            lower_since=memory.lower_since + 1 if sums.lower < 0.0 else 0,
        )
        hits = tuple(
            RuleHit(Rule.BEYOND_LIMITS, panel, changed_since(since))
            for panel, signals, since in (
                (Panel.LOCATION, sums.signals_upper, following.upper_since),
                (Panel.DISPERSION, sums.signals_lower, following.lower_since),
            )
            if signals
        )
        shown = Shown(
            location=Line(sums.upper, 0.0, math.nan, sums.interval, z),
            dispersion=Line(sums.lower, 0.0, -sums.interval, math.nan),
            size=one.size,
            hits=hits,
            details={"plotted": one.statistic},
        )
        return following, shown

    def gap(self, fit: Fit, memory: CusumMemory) -> CusumMemory:
        return replace(
            memory,
            upper_since=memory.upper_since + 1 if memory.sums.upper > 0.0 else 0,
            lower_since=memory.lower_since + 1 if memory.sums.lower < 0.0 else 0,
        )

    def lasting(self, memory: dict[str, Any]) -> dict[str, Any]:
        return memory | {"sums": memory["sums"] | {"count": 0}}

    def load(self, data: Mapping[str, Any]) -> CusumMemory:
        return CusumMemory(
            CusumState.from_dict(data["sums"]), int(data["upper_since"]), int(data["lower_since"])
        )
