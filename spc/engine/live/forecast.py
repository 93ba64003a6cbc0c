"""Charts of data with memory or trend, point by point: each reading against its forecast, and how residuals move.

What is fitted on phase 1 stays; the states of `spc.engine.residual_states` go on where phase 1 ended, so that the first
point judged has a forecast too. Residuals are nearly independent: all rules apply to them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.families import Family, Panel, SubgroupData, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.method import ANY_RULE, BEYOND, Method, must_vary, spread_line
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Values
from spc.engine.live.webs import individuals
from spc.engine.residual_states import (
    AutoregressionState,
    MovingCenterState,
    ResidualPoint,
    TrendState,
)
from spc.engine.serial import autoregression_chart, moving_center_line, trend_chart
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]
# A spread of residuals below this share of the data's is rounding.
ROUNDING = 1e-9
State = TrendState | AutoregressionState | MovingCenterState


@dataclass(frozen=True)
class ForecastMemory:
    """The forecasting state and the last residual (NaN at the start and after a gap)."""

    state: State
    last: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        return {"state": self.state.to_dict(), "last": None if math.isnan(self.last) else self.last}


class _Forecast(Method):
    """A state of `spc.engine.residual_states`, fitted and run."""

    rules = {Panel.LOCATION: ANY_RULE, Panel.DISPERSION: BEYOND}
    by_reading = True
    state: type[State]
    fitted_words: tuple[tuple[str, str], ...]

    @abstractmethod
    def estimate(self, y: FloatArray) -> tuple[State, float]:
        """The state before the first of the readings that it is fitted to, and their level."""

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        y = np.array([summarise(Family.IMR, row).statistic for row in data])
        known = y[~np.isnan(y)]
        if not len(known):
            raise TooFewReadingsError("no reading to fit a forecast to")
        # What comes before the first reading has no place on the line.
        y = y[int(np.flatnonzero(~np.isnan(y))[0]) :]
        state, level = self.estimate(y)
        rounding = ROUNDING * float(np.std(known))
        must_vary(state.sigma if state.sigma > rounding else 0.0, len(known))
        memory = ForecastMemory(state)
        for value in y.tolist():
            memory, _ = self._advance(memory, value)
        return Fit(
            kind=self.kind,
            center=level,
            sigma=None,
            subgroup_size=1.0,
            n_subgroups=len(known),
            n_values=float(len(known)),
            own={"fitted": state.to_dict(), "memory": memory.to_dict()},
        )

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        fitted = fit.own["fitted"]
        own = tuple((words, fitted[name]) for name, words in self.fitted_words)
        return (*own, ("Sigma of the residuals", fitted["sigma"]))

    def start(self, fit: Fit) -> ForecastMemory:
        return self.load(fit.own["memory"])

    def before(self, fit: Fit) -> ForecastMemory:
        return ForecastMemory(self.state.from_dict(fit.own["fitted"]))

    def step(self, fit: Fit, memory: ForecastMemory, data: SubgroupData) -> tuple[ForecastMemory, Shown]:
        value = summarise(Family.IMR, data).statistic
        following, point = self._advance(memory, value)
        sigma = memory.state.sigma
        if point.residual is None or point.forecast is None:
            return following, Shown(location=Line(value), size=1.0)
        own = Line.about(point.residual, 0.0, sigma)
        location = Line(
            value, point.forecast, point.forecast - point.reach, point.forecast + point.reach, own.z
        )
        moved = abs(point.residual - memory.last)
        spread = spread_line(individuals(0.0, sigma), moved, 1.0)
        return following, Shown(location=location, dispersion=spread, size=1.0)

    def gap(self, fit: Fit, memory: ForecastMemory) -> ForecastMemory:
        return self._advance(memory, math.nan)[0]

    def load(self, data: Mapping[str, Any]) -> ForecastMemory:
        last = math.nan if data["last"] is None else float(data["last"])
        return ForecastMemory(self.state.from_dict(data["state"]), last)

    @staticmethod
    def _advance(memory: ForecastMemory, value: float) -> tuple[ForecastMemory, ResidualPoint]:
        state, point = memory.state.update(value)
        last = math.nan if point.residual is None else point.residual
        return ForecastMemory(state, last), point


class Trend(_Forecast):
    """Readings about a line over the number of the point (tool wear, an ageing bath)."""

    kind, state = ChartKind.TREND, TrendState
    fitted_words = (("intercept", "Level at the first point"), ("slope", "Slope a point"))

    def estimate(self, y: FloatArray) -> tuple[State, float]:
        fitted = trend_chart(y, n_phase1=len(y), gaps=True)
        return TrendState.of(fitted), fitted.intercept


class Residual(_Forecast):
    """Readings about the forecast of a first-order autoregression."""

    kind, state = ChartKind.RESIDUAL, AutoregressionState
    fitted_words = (("phi", "Share carried over (phi)"), ("intercept", "Intercept"))

    def estimate(self, y: FloatArray) -> tuple[State, float]:
        fitted = autoregression_chart(y, n_phase1=len(y), gaps=True)
        return AutoregressionState.of(fitted), float(np.nanmean(y))


class MovingCenter(_Forecast):
    """Readings about an EWMA of those before: a centre line that follows what wanders."""

    kind, state = ChartKind.MOVING_CENTER, MovingCenterState
    fitted_words = (("weight", "Weight of the newest reading"),)

    def estimate(self, y: FloatArray) -> tuple[State, float]:
        fitted = moving_center_line(y, n_phase1=len(y), gaps=True)
        return replace(MovingCenterState.of(fitted), average=math.nan), float(np.nanmean(y))
