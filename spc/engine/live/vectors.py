"""Hotelling's T-squared and MEWMA of several characteristics of one step, point by point.

`labels` of the data name the variable of each reading; a point is the vector of the variables' means. A point at which
a variable is missing is a gap. A signal is decomposed by variable (Mason, Tracy and Young 1995); see
`spc.engine.multivariate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.batch import RuleHit
from spc.engine.families import Panel, SubgroupData, Summary
from spc.engine.kinds import ChartKind
from spc.engine.live.method import BEYOND, Method
from spc.engine.live.model import DoesNotVaryError, Fit, Line, Shown
from spc.engine.live.parameters import Choice, Names, Number, Parameter, Values
from spc.engine.live.streams import means_of
from spc.engine.live.weighted import SETTLED, changed_since
from spc.engine.multivariate import (
    MewmaState,
    MultivariateError,
    TSquaredLimits,
    TSquaredState,
    start_mewma,
    t_squared_individuals,
    t_squared_successive,
)
from spc.engine.readings import LARGEST
from spc.engine.rules import Rule
from spc.engine.run_length import mewma_limit
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]
VARIABLES = Names(
    "variables",
    "characteristics of the step, the line's own first, separated by commas",
    required=True,
    least=2,
)
COVARIANCE = Choice(
    "covariance",
    "from all vectors (sample), or from successive differences where the level may have moved",
    "sample",
    choices=("sample", "successive"),
)
CONFIDENCE = 0.9973


def vector_of(variables: Sequence[str], data: SubgroupData) -> FloatArray:
    """(p,) the mean of each variable; NaN where it is missing."""
    own = means_of(data)
    return np.array(
        [math.fsum(own[name]) / len(own[name]) if name in own else math.nan for name in variables]
    )


class _Vectors(Method):
    by_reading = False
    least_size = 1
    rules = {Panel.LOCATION: BEYOND}

    def reduce(self, data: SubgroupData) -> Summary:
        return Summary(math.nan, float(len(data.values)), math.nan)

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        variables = values["variables"]
        rows = np.array([vector_of(variables, row) for row in data]).reshape(-1, len(variables))
        whole = rows[~np.any(np.isnan(rows), axis=1)]
        if len(whole) and (flat := np.flatnonzero(np.ptp(whole, axis=0) == 0.0)).size:
            name = variables[int(flat[0])]
            raise DoesNotVaryError(f"phase 1 does not vary: {name} is the same at all {len(whole)} points")
        estimate = t_squared_individuals if values["covariance"] == "sample" else t_squared_successive
        try:
            limits = estimate(whole, confidence=values.get("confidence", CONFIDENCE))
            limits.t_squared(whole[:1])  # a singular covariance is refused here and not on the line
        except MultivariateError as error:
            raise TooFewReadingsError(str(error)) from error
        return Fit(
            kind=self.kind,
            center=float(len(variables)),
            sigma=None,
            subgroup_size=1.0,
            n_subgroups=len(whole),
            n_values=float(whole.size),
            own={"variables": list(variables), "limits": limits.to_dict()} | self.more(values),
        )

    def more(self, values: Values) -> dict[str, Any]:
        """What else the limits need."""
        return {}

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        return tuple(zip(fit.own["variables"], fit.own["limits"]["center"], strict=True))

    @staticmethod
    def limits(fit: Fit) -> TSquaredLimits:
        return TSquaredLimits.from_dict(fit.own["limits"])


def decomposed(variables: Sequence[str], limits: TSquaredLimits, row: FloatArray) -> dict[str, Any]:
    """What each variable adds to T-squared, and its own distance from its mean in sigmas."""
    off = (row - limits.center) / np.sqrt(np.diag(limits.covariance))
    return {
        "variables": [
            {"name": name, "value": value, "contribution": part, "sigmas": distance}
            for name, value, part, distance in zip(
                variables, row.tolist(), limits.contributions(row).tolist(), off.tolist(), strict=True
            )
        ]
    }


@dataclass(frozen=True)
class NoVector:
    """T-squared has no memory."""

    def to_dict(self) -> dict[str, Any]:
        return {}


class TSquared(_Vectors):
    """Hotelling's T-squared of new vectors against the F limit that pays for the estimation."""

    kind = ChartKind.T2
    parameters: tuple[Parameter, ...] = (
        VARIABLES,
        COVARIANCE,
        Number(
            "confidence", "share of points within the limit", "0.9973", low=0.5, high=1.0, open_ends=("high",)
        ),
    )

    def start(self, fit: Fit) -> NoVector:
        return NoVector()

    def step(self, fit: Fit, memory: NoVector, data: SubgroupData) -> tuple[NoVector, Shown]:
        variables, limits = fit.own["variables"], self.limits(fit)
        row = vector_of(variables, data)
        state = TSquaredState(limits).update(np.clip(row, -LARGEST, LARGEST))
        if math.isnan(state.t_squared):
            return memory, Shown(details={"why": "not judged: a variable is missing"})
        hits = (RuleHit(Rule.BEYOND_LIMITS, Panel.LOCATION, (0,)),) if state.signals else ()
        shown = Shown(
            location=Line(state.t_squared, fit.center, math.nan, limits.upl),
            size=float(len(data.values)),
            hits=hits,
            details=decomposed(variables, limits, row) if hits else None,
        )
        return memory, shown

    def load(self, data: Mapping[str, Any]) -> NoVector:
        return NoVector()


@dataclass(frozen=True)
class MewmaMemory:
    """The averages, and how many points the statistic has been above its mean in control (p)."""

    average: MewmaState
    since: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {"average": self.average.to_dict(), "since": self.since}


@lru_cache(maxsize=64)
def limit_for(run_length: float, weight: float, variables: int) -> float:
    """The limit with this run length in control."""
    return mewma_limit(run_length, weight=weight, variables=variables)


class Mewma(_Vectors):
    """Multivariate EWMA; the second panel is the T-squared of the newest vector alone.

    A signal names the points since the statistic was last at or below p, its mean in control.
    """

    kind = ChartKind.MEWMA
    parameters: tuple[Parameter, ...] = (
        VARIABLES,
        COVARIANCE,
        Number("lambda", "weight of the newest vector", "0.1", low=0.01, high=1.0),
        Number("arl", "points between two false alarms", "370", low=20.0, high=100_000.0),
    )

    def more(self, values: Values) -> dict[str, Any]:
        weight = values["lambda"]
        return {"weight": weight, "limit": limit_for(values["arl"], weight, len(values["variables"]))}

    def start(self, fit: Fit) -> MewmaMemory:
        limits = self.limits(fit)
        state = start_mewma(
            limits.center, limits.covariance, weight=fit.own["weight"], limit=fit.own["limit"]
        )
        return MewmaMemory(state)

    def step(self, fit: Fit, memory: MewmaMemory, data: SubgroupData) -> tuple[MewmaMemory, Shown]:
        variables, limits = fit.own["variables"], self.limits(fit)
        row = vector_of(variables, data)
        if np.any(np.isnan(row)):
            return self.gap(fit, memory), Shown(details={"why": "not judged: a variable is missing"})
        average = memory.average.update(row)
        statistic, now = average.t_squared, float(limits.t_squared(row)[0])
        since = memory.since + 1 if statistic > len(variables) else 0
        hits = (RuleHit(Rule.BEYOND_LIMITS, Panel.LOCATION, changed_since(since)),) if average.signals else ()
        shown = Shown(
            location=Line(statistic, fit.center, math.nan, average.limit),
            dispersion=Line(now, fit.center, math.nan, limits.upl),
            size=float(len(data.values)),
            hits=hits,
            details=self.averages_decomposed(fit, average) if hits else None,
        )
        return MewmaMemory(average, since), shown

    def averages_decomposed(self, fit: Fit, average: MewmaState) -> dict[str, Any]:
        """Of where the averages are, in sigmas of an average: they signalled, not the newest vector."""
        limits, weight = self.limits(fit), average.weight
        scale = weight / (2.0 - weight) * (1.0 - (1.0 - weight) ** (2 * average.count))
        narrow = replace(limits, covariance=limits.covariance * scale)
        return decomposed(fit.own["variables"], narrow, limits.center + np.array(average.average))

    def gap(self, fit: Fit, memory: MewmaMemory) -> MewmaMemory:
        return replace(memory, since=memory.since + 1 if memory.since else 0)

    def lasting(self, memory: dict[str, Any]) -> dict[str, Any]:
        average = memory["average"]
        grown = (1.0 - average["weight"]) ** (2 * average["count"]) < SETTLED
        return memory | {"average": average | {"count": 0 if grown else average["count"]}}

    def load(self, data: Mapping[str, Any]) -> MewmaMemory:
        return MewmaMemory(MewmaState.from_dict(data["average"]), int(data["since"]))
