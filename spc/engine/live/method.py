"""The contract between a kind of chart and the machinery that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from spc.engine.baseline import Baseline, estimate_baseline
from spc.engine.families import Family, Panel, SubgroupData, Summary, summarise
from spc.engine.kinds import ChartKind
from spc.engine.limits import dispersion_limits
from spc.engine.live.model import DoesNotVaryError, Fit, Line, Shown
from spc.engine.live.parameters import Parameter, Values, read_parameters
from spc.engine.rules import Rule

NO_SPREAD = 1e-200  # readings are below 1e100, so that no distance in sigmas overflows
BEYOND = frozenset({Rule.BEYOND_LIMITS})
ANY_RULE = frozenset(Rule)


class Memory(Protocol):
    """What a kind remembers between points; immutable."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""


class Method(ABC):
    """How one kind estimates and plots.

    `rules` may be asked of each panel; a panel that is absent takes none. `by_reading`: a point is one reading (True),
    a subgroup of several (False), or either (None).
    """

    kind: ChartKind
    parameters: tuple[Parameter, ...] = ()
    rules: Mapping[Panel, frozenset[Rule]] = {Panel.LOCATION: BEYOND}
    by_reading: bool | None = None
    least_size = 2  # readings of a subgroup, where a point is one

    def read(self, text: str) -> Values:
        """The plan's words as values. Raises ParameterError."""
        return read_parameters(self.parameters, text, kind=self.kind.value)

    @abstractmethod
    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        """The estimate from points in their order, missing ones in their places. Raises TooFewReadingsError."""

    def reduce(self, data: SubgroupData) -> Summary:
        """The readings of a point that no limits judge yet. Raises SubgroupError."""
        return summarise(Family.XBAR_S, data)

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        """What else the estimate says, for people: (what, value)."""
        return ()

    @abstractmethod
    def start(self, fit: Fit) -> Memory:
        """What is remembered before the first point that the limits judge."""

    def before(self, fit: Fit) -> Memory:
        """What is remembered before the first point of phase 1 itself, to judge it in hindsight."""
        return self.start(fit)

    @abstractmethod
    def step(self, fit: Fit, memory: Any, data: SubgroupData) -> tuple[Memory, Shown]:
        """One more point that has a reading. Raises SubgroupError."""

    def gap(self, fit: Fit, memory: Any) -> Any:
        """A missing or excluded point: it keeps its place and says nothing."""
        return memory

    def lasting(self, memory: dict[str, Any]) -> dict[str, Any]:
        """Of a memory's JSON what later points depend on: two that agree in it continue alike."""
        return memory

    @abstractmethod
    def load(self, data: Mapping[str, Any]) -> Memory:
        """Inverse of the memory's `to_dict`."""


class NoMemory:
    """The memory of a kind whose points stand alone."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoMemory)

    def __hash__(self) -> int:
        return 0

    def to_dict(self) -> dict[str, Any]:
        return {}


NO_MEMORY = NoMemory()


def reduced(family: Family, data: SubgroupData, *, of_means: bool = False) -> Summary:
    """A subgroup as its family reduces it; `of_means` takes the mean of several readings as one individual."""
    if not of_means:
        return summarise(family, data)
    mean = summarise(Family.XBAR_S, data).statistic
    return Summary(mean, 1.0, mean)


def baseline_from(family: Family, data: Sequence[SubgroupData], *, of_means: bool = False) -> Baseline:
    """The baseline of measured values. Raises DoesNotVaryError, TooFewReadingsError."""
    if of_means:
        data = [SubgroupData((reduced(family, row, of_means=True).statistic,)) for row in data]
    baseline = estimate_baseline(family, data)
    must_vary(baseline.sigma, baseline.n_subgroups)
    return baseline


def must_vary(sigma: float | None, points: int) -> None:
    """Raises DoesNotVaryError for a spread of 0, or of nothing but rounding next to 0."""
    if sigma is not None and not sigma > NO_SPREAD:
        raise DoesNotVaryError(
            f"phase 1 does not vary: {points} points without any spread give limits without width; "
            "look at the resolution of the gauge, and collect points that vary"
        )


def spread_line(baseline: Baseline, spread: float, size: float) -> Line:
    """The second panel: moving range, range or standard deviation, against the limits of its own size."""
    return Line.of(spread, dispersion_limits(baseline, np.array([spread]), np.array([size])))
