"""What every kind of running chart shares: the estimate behind its limits, and one point as its kind shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spc.engine.baseline import Baseline
from spc.engine.batch import RuleHit
from spc.engine.between_within import BetweenWithin
from spc.engine.families import Family
from spc.engine.kinds import ChartKind
from spc.engine.limits import PanelLimits, standardise
from spc.engine.sigma import SigmaMethod, TooFewReadingsError


class DoesNotVaryError(TooFewReadingsError):
    """Readings that are all alike: limits estimated from them would have no width and judge nothing."""


@dataclass(frozen=True)
class Fit:
    """The frozen estimate behind a chart of any kind, with the parameters of the kind as the plan said them.

    The first fields are those of `Baseline`; `sigma` is None where the kind knows no spread of single readings within.
    `own` is what only this kind estimates, safe for JSON (slope, covariance).
    """

    kind: ChartKind
    center: float
    sigma: float | None
    subgroup_size: float
    n_subgroups: int
    n_values: float
    sigma_method: SigmaMethod | None = None
    sigma_df: float | None = None
    parameters: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: ChartKind, baseline: Baseline, parameters: str = "", **own: Any) -> Fit:
        """The estimate of a chart whose level and spread are a baseline's."""
        if baseline.span != 2:
            own["span"] = baseline.span
        return cls(
            kind=kind,
            center=baseline.center,
            sigma=baseline.sigma,
            subgroup_size=baseline.subgroup_size,
            n_subgroups=baseline.n_subgroups,
            n_values=baseline.n_values,
            sigma_method=baseline.sigma_method,
            sigma_df=baseline.sigma_df,
            parameters=parameters,
            own=own,
        )

    def split(self, parts: BetweenWithin | None) -> Fit:
        """The same with the spread between its subgroups, where that is known."""
        if parts is None:
            return self
        between = {"sigma_between": parts.between, "between_within_df": parts.df}
        return replace(self, own={**self.own, **between})

    @property
    def parts(self) -> BetweenWithin | None:
        """Sigma within and between subgroups as estimated with the limits; None where nothing tells them apart."""
        if self.sigma is None or "between_within_df" not in self.own:
            return None
        return BetweenWithin(self.sigma, self.own["sigma_between"], self.own["between_within_df"])

    def baseline(self, family: Family) -> Baseline:
        """The same as the baseline of a Shewhart family."""
        return Baseline(
            family=family,
            center=self.center,
            sigma=self.sigma,
            subgroup_size=self.subgroup_size,
            n_subgroups=self.n_subgroups,
            n_values=self.n_values,
            sigma_method=self.sigma_method,
            sigma_df=self.sigma_df,
            span=int(self.own.get("span", 2)),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly. A Shewhart baseline's own form with two entries more."""
        return {
            "family": self.kind.value,
            "center": self.center,
            "sigma": self.sigma,
            "subgroup_size": self.subgroup_size,
            "n_subgroups": self.n_subgroups,
            "n_values": self.n_values,
            "sigma_method": None if self.sigma_method is None else self.sigma_method.value,
            "sigma_df": self.sigma_df,
            "parameters": self.parameters,
            "own": dict(self.own),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fit:
        """Inverse of `to_dict`; a stored `Baseline` is read too."""
        method, sigma, df = data["sigma_method"], data["sigma"], data["sigma_df"]
        return cls(
            kind=ChartKind(data["family"]),
            center=float(data["center"]),
            sigma=None if sigma is None else float(sigma),
            subgroup_size=float(data["subgroup_size"]),
            n_subgroups=int(data["n_subgroups"]),
            n_values=float(data["n_values"]),
            sigma_method=None if method is None else SigmaMethod(method),
            sigma_df=None if df is None else float(df),
            parameters=data.get("parameters", ""),
            own=data.get("own", {}),
        )


@dataclass(frozen=True)
class Line:
    """What one panel shows at a point; NaN where there is nothing."""

    value: float = math.nan
    center: float = math.nan
    lcl: float = math.nan
    ucl: float = math.nan
    z: float = math.nan

    @classmethod
    def about(cls, value: float, center: float, sigma: float) -> Line:
        """Three-sigma limits about a centre; z NaN where sigma is 0."""
        z = standardise(np.array([value]), np.array([center]), np.array([sigma]))
        return cls(value, center, center - 3.0 * sigma, center + 3.0 * sigma, float(z[0]))

    @classmethod
    def of(cls, value: float, limits: PanelLimits) -> Line:
        """The only point of a panel."""
        center, lcl, ucl, z = (float(row[0]) for row in (limits.center, limits.lcl, limits.ucl, limits.z))
        return cls(value, center, lcl, ucl, z)

    @property
    def beyond(self) -> bool:
        """Strictly beyond a limit; limits that have collapsed flag nothing."""
        collapsed = self.lcl >= self.ucl
        return not collapsed and (self.value > self.ucl or self.value < self.lcl)


NOTHING = Line()


@dataclass(frozen=True)
class Shown:
    """One point of a chart.

    `hits`: where the kind decides itself what signals on the location panel, and on a second panel that is no
    dispersion; None leaves it to the rules. `details` are safe for JSON.
    """

    location: Line = NOTHING
    dispersion: Line = NOTHING
    within: Line = NOTHING
    size: float = math.nan
    hits: tuple[RuleHit, ...] | None = None
    details: Mapping[str, Any] | None = None
