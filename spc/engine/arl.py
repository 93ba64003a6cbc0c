"""Average run length of Shewhart charts with run rules, exact: what each rule costs in false alarms.

Zone rules see a point's zone; the chain over what they remember is finite (Champ and Woodall 1987). Trends
and alternations compare neighbours, so with them the chain also carries the last value, as its conditional
quantile u in (0, 1) within its zone. Probabilities are then smooth in u and integrate to machine precision on
a few Gauss-Legendre nodes, so all eight Nelson rules together are computed, not simulated.

Run lengths start at the first point (zero state) and count points up to and including the signal. z is taken
as independent and normal with known parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from spc.engine.automaton import ABSORBED, ZoneAutomaton, zone_automaton
from spc.engine.patterns import Alternating, Trend
from spc.engine.rules import Rule

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NODES = 14
_MAX_POINTS = 200_000
# The survival curve has become geometric when its ratio repeats this closely, this often.
_RATIO_TOLERANCE = 1e-14
_RATIO_REPEATS = 30


class RunLengthError(ValueError):
    """A rule set without rules, or a chain that did not settle."""


@dataclass(frozen=True)
class _OrderAutomaton:
    """Memory of trends and alternations.

    `up[state]` and `down[state]` follow a step; ABSORBED on a signal.
    """

    up: IntArray
    down: IntArray
    nodes: int


def average_run_length(rules: Iterable[Rule], *, shift: float = 0.0, spread: float = 1.0) -> float:
    """Expected number of points until any of `rules` signals.

    `shift` moves the mean and `spread` is the standard deviation, in sigmas of the plotted statistic. Exact to
    about 1e-9 relative. Raises RunLengthError for an empty rule set.
    """
    return _average_run_length(frozenset(rules), float(shift), float(spread))


def expected_false_alarms(points: float, rules: Iterable[Rule]) -> float:
    """Expected alarms among `points` in-control points: points / ARL in control."""
    return points / average_run_length(rules)


@lru_cache(maxsize=4096)
def _average_run_length(rules: frozenset[Rule], shift: float, spread: float) -> float:
    if not rules:
        raise RunLengthError("a chart without rules never signals")
    patterns = [rule.pattern for rule in rules]
    order = _order_automaton(
        trend=min((p.span for p in patterns if isinstance(p, Trend)), default=None),
        alternating=min((p.span for p in patterns if isinstance(p, Alternating)), default=None),
    )
    zones = zone_automaton([p for p in patterns if not isinstance(p, Trend | Alternating)])
    return _sum_with_geometric_tail(_Survival(zones, order, shift, spread))


def _order_automaton(*, trend: int | None, alternating: int | None) -> _OrderAutomaton:
    """States (direction of the last step, equal steps in a row, alternating steps in a row)."""
    if trend is None and alternating is None:
        return _OrderAutomaton(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), nodes=1)
    origin = (0, 0, 0)
    number, states, table = {origin: 0}, [origin], []
    for direction, equal, turns in states:  # grows while it is walked
        row = []
        for step in (1, -1):
            state = (step, equal + 1, 1) if step == direction else (step, 1, turns + 1)
            state = (step, state[1] if trend else 1, state[2] if alternating else 1)
            if (trend and state[1] == trend - 1) or (alternating and state[2] == alternating - 1):
                row.append(ABSORBED)
                continue
            if state not in number:
                number[state] = len(states)
                states.append(state)
            row.append(number[state])
        table.append(row)
    steps = np.array(table, dtype=np.int64)
    return _OrderAutomaton(steps[:, 0], steps[:, 1], nodes=_NODES)


class _Survival:
    """P(no signal in the next k points) for every state of the chain, k = 0, 1, 2, ...

    `alive[a, t, i]`: zone state a, order state t, last value at quantile node i of its zone. The last row and
    the last column are the absorbed state and stay 0, so that ABSORBED (-1) indexes them.
    """

    def __init__(self, zones: ZoneAutomaton, order: _OrderAutomaton, shift: float, spread: float) -> None:
        self._zones, self._order = zones, order
        edges = (zones.edges - shift) / spread
        below = np.concatenate([[0.0], ndtr(edges), [1.0]])
        # Upper tails are differenced from above, where they are not rounded off.
        above = np.concatenate([[1.0], ndtr(-edges), [0.0]])
        self._probability = np.where(below[1:] < 0.5, np.diff(below), -np.diff(above))
        nodes, weights = np.polynomial.legendre.leggauss(order.nodes)
        self._weights = weights / 2
        self._integral = _integration_matrix((nodes + 1) / 2)
        self.alive = np.ones((len(zones.next_state) + 1, len(order.up) + 1, order.nodes))
        self.alive[-1] = self.alive[:, -1] = 0.0

    def from_start(self) -> float:
        """P(no signal) one point later than `alive`, from a chart without history."""
        mean = self.alive @ self._weights
        return float(self._probability @ mean[self._zones.next_state[0], 0])

    def step(self) -> None:
        """Look one point further ahead."""
        mean = (self.alive @ self._weights)[:, :, None]
        below = self.alive @ self._integral.T  # the next value lies lower in the same zone
        above = mean - below
        before = np.zeros_like(self.alive)
        states, order = before[:-1, :-1], self._order
        for zone, probability in enumerate(self._probability):
            following = self._zones.next_state[:, zone]
            for rows, rising, falling in (
                (self._zones.zone_of < zone, mean, None),
                (self._zones.zone_of == zone, above, below),
                (self._zones.zone_of > zone, None, mean),
            ):
                if rising is not None:
                    states[rows] += probability * rising[following[rows]][:, order.up]
                if falling is not None:
                    states[rows] += probability * falling[following[rows]][:, order.down]
        self.alive = before


def _integration_matrix(nodes: FloatArray) -> FloatArray:
    """S with (S f)_i the integral from 0 to node i of the polynomial through f at the nodes in (0, 1)."""
    powers = np.polynomial.legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    integrals = [
        np.polynomial.legendre.legval(2 * nodes - 1, np.polynomial.legendre.legint(unit, lbnd=-1)) / 2
        for unit in np.eye(len(nodes))
    ]
    return np.asarray(np.linalg.solve(powers.T, np.array(integrals)).T, dtype=np.float64)


def _sum_with_geometric_tail(survival: _Survival) -> float:
    """Sum over k of P(run length > k); the tail beyond the transient is a geometric series."""
    total, alive, ratio, repeats = 1.0, survival.from_start(), 0.0, 0
    for _ in range(_MAX_POINTS):
        total += alive
        survival.step()
        following = survival.from_start()
        if following < 1e-18 * total:
            return total + following
        previous, ratio = ratio, following / alive
        repeats = repeats + 1 if abs(ratio - previous) <= _RATIO_TOLERANCE else 0
        if repeats >= _RATIO_REPEATS:
            return total + following / (1.0 - ratio)
        alive = following
    raise RunLengthError("the run length distribution did not settle")


def arl_profile(rules: Sequence[Rule], shifts: Iterable[float]) -> tuple[float, ...]:
    """Average run length at each shift, in sigmas of the plotted statistic."""
    return tuple(average_run_length(rules, shift=shift) for shift in shifts)
