"""The machinery: estimate, start, and one point more, for every kind alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spc.engine import streaming
from spc.engine.baseline import estimate_baseline
from spc.engine.batch import RuleHit
from spc.engine.between_within import between_within
from spc.engine.families import MISSING_POINT, Panel, SubgroupData, Summary, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.definition import ChartDefinition, form_of, rules_of
from spc.engine.live.method import Memory, must_vary
from spc.engine.live.model import DoesNotVaryError, Fit, Line, Shown
from spc.engine.live.registry import METHODS, read_of, shewhart
from spc.engine.rules import LONGEST_SPAN, Rule, members
from spc.engine.sigma import SigmaEstimate
from spc.engine.special_rules import SpecialRule
from spc.engine.streaming import STATE_VERSION, ChartState, PlottedPoint

PANELS = (Panel.LOCATION, Panel.DISPERSION, Panel.WITHIN)


class StateError(ValueError):
    """A stored state that this version cannot continue from."""


@dataclass(frozen=True)
class LiveState:
    """A chart that is not Shewhart's: its estimate, what its kind remembers, and the last z of each panel."""

    fit: Fit
    rules: tuple[Rule, ...]
    memory: Memory
    recent: Mapping[Panel, tuple[float, ...]]
    n: int = 0

    def __eq__(self, other: object) -> bool:
        """Equal when they continue equally; NaN equals NaN here."""
        return isinstance(other, LiveState) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.fit.kind, self.rules, self.n))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return {
            "version": STATE_VERSION,
            "kind": self.fit.kind.value,
            "fit": self.fit.to_dict(),
            "rules": [rule.value for rule in self.rules],
            "memory": self.memory.to_dict(),
            "recent": {panel.value: [_none(z) for z in row] for panel, row in self.recent.items()},
            "n": self.n,
        }


State = ChartState | LiveState


def load_state(data: Mapping[str, Any]) -> State:
    """A state from its JSON. Raises StateError for one that a newer version wrote."""
    version = data.get("version", STATE_VERSION)
    if version != STATE_VERSION:
        raise StateError(f"the state has version {version}; this program reads version {STATE_VERSION}")
    if "kind" not in data:
        return ChartState.from_dict(data)
    fit = Fit.from_dict(data["fit"])
    return LiveState(
        fit=fit,
        rules=tuple(Rule(name) for name in data["rules"]),
        memory=METHODS[fit.kind].load(data["memory"]),
        recent={
            Panel(name): tuple(math.nan if z is None else float(z) for z in row)
            for name, row in data["recent"].items()
        },
        n=int(data["n"]),
    )


def estimate(
    definition: ChartDefinition, data: Sequence[SubgroupData], *, excluded: frozenset[int] = frozenset()
) -> Fit:
    """The estimate from points in their order; positions in `excluded` keep their place and take no part.

    Raises TooFewReadingsError for too few readings, and for readings that say nothing of the spread.
    """
    kept = [MISSING_POINT if i in excluded else row for i, row in enumerate(data)]
    family = shewhart(definition.kind)
    values = read_of(definition.kind, definition.parameters)
    if family is not None:
        fit = Fit.of(definition.kind, estimate_baseline(family, kept, span=int(values.get("span", 2))))
    else:
        fit = METHODS[definition.kind].fit(kept, values, by_reading=definition.by_reading)
    fit = replace(fit, parameters=form_of(definition.kind, values))
    if fit.sigma is None or fit.sigma_df is None or fit.parts is not None:
        return fit
    return fit.split(between_within([row.values for row in kept], SigmaEstimate(fit.sigma, fit.sigma_df)))


def require_spread(fit: Fit) -> None:
    """Refuse limits without width. Raises DoesNotVaryError in words."""
    family = shewhart(fit.kind)
    must_vary(fit.sigma, fit.n_subgroups)
    if family is not None and family.is_attribute:
        nothing = fit.center <= 0.0 or (fit.center >= 1.0 and family.value in ("p", "np"))
        if nothing:
            raise DoesNotVaryError(
                f"phase 1 does not vary: {fit.n_subgroups} points that all count "
                f"{'none' if fit.center <= 0.0 else 'everything'} give limits without width; inspect more "
                "units a point, or chart what lies between two events (g, t)"
            )


def start(fit: Fit, rules: Iterable[Rule]) -> State:
    """The state before the first point that the limits judge."""
    family = shewhart(fit.kind)
    if family is not None:
        return streaming.start(fit.baseline(family), rules)
    method = METHODS[fit.kind]
    return LiveState(fit, tuple(dict.fromkeys(rules)), method.start(fit), dict.fromkeys(PANELS, ()))


def advance(state: State, data: SubgroupData) -> tuple[State, PlottedPoint]:
    """Plot one more subgroup; a missing one keeps its place and says nothing. Raises SubgroupError."""
    if isinstance(state, ChartState):
        return streaming.advance(state, data)
    method = METHODS[state.fit.kind]
    if data.is_missing:
        memory, shown = method.gap(state.fit, state.memory), Shown()
    else:
        memory, shown = method.step(state.fit, state.memory, data)
    lines = {Panel.LOCATION: shown.location, Panel.DISPERSION: shown.dispersion, Panel.WITHIN: shown.within}
    recent = {panel: (*state.recent[panel], lines[panel].z)[-LONGEST_SPAN:] for panel in PANELS}
    wanted = {*state.rules, *SpecialRule}
    decided = tuple(hit for hit in shown.hits or () if hit.rule in wanted)
    by_rules = [
        RuleHit(rule, panel, forming)
        for panel in PANELS
        if shown.hits is None or panel is not Panel.LOCATION
        for rule in rules_of(state.fit.kind, panel, state.rules)
        if (forming := members(rule, recent[panel]))
    ]
    following = replace(state, memory=memory, recent=recent, n=state.n + 1)
    return following, _plotted(shown, (*decided, *by_rules))


def reach(state: State) -> int | None:
    """How many points back a state depends on; None where any earlier point may still count."""
    return LONGEST_SPAN + state.baseline.span - 1 if isinstance(state, ChartState) else None


def continues_alike(one: State, other: State) -> bool:
    """Whether the same points follow from both, to 1e-12 of their size; how many points came before only counts."""
    return _alike(_lasting(one), _lasting(other))


def _lasting(state: State) -> dict[str, Any]:
    data = state.to_dict() | {"n": 0}
    if isinstance(state, LiveState):
        data["memory"] = METHODS[state.fit.kind].lasting(data["memory"])
    return data


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    return bool(one == other)


def statistic_of(kind: ChartKind, data: SubgroupData) -> Summary:
    """What a point shows before there are limits: the readings, reduced. Raises SubgroupError."""
    family = shewhart(kind)
    if family is not None:
        return summarise(family, data)
    return METHODS[kind].reduce(data)


def _plotted(shown: Shown, hits: tuple[RuleHit, ...]) -> PlottedPoint:
    location, dispersion = shown.location, shown.dispersion
    details = dict(shown.details or {})
    if not math.isnan(shown.within.value):
        details["within"] = _panel(shown.within)
    return PlottedPoint(
        statistic=_none(location.value),
        size=_none(shown.size),
        center=_none(location.center),
        lcl=_finite(location.lcl),
        ucl=_finite(location.ucl),
        z=_none(location.z),
        dispersion=_none(dispersion.value),
        dispersion_center=_none(dispersion.center),
        dispersion_lcl=_finite(dispersion.lcl),
        dispersion_ucl=_finite(dispersion.ucl),
        hits=hits,
        details=details or None,
    )


def _panel(line: Line) -> dict[str, float | None]:
    return {
        "value": _none(line.value),
        "center": _none(line.center),
        "lcl": _finite(line.lcl),
        "ucl": _finite(line.ucl),
    }


def _none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _finite(value: float) -> float | None:
    """A limit; None where there is none."""
    return float(value) if math.isfinite(value) else None
