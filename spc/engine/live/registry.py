"""Which method runs which kind of chart; kinds that are Shewhart families have none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spc.engine.families import Family
from spc.engine.kinds import ChartKind
from spc.engine.live.acceptance import Acceptance
from spc.engine.live.counts import LaneyP, LaneyU
from spc.engine.live.events import TimeBetween, UnitsBetween
from spc.engine.live.forecast import MovingCenter, Residual, Trend
from spc.engine.live.method import Method
from spc.engine.live.parameters import Number, Parameter, Values, read_parameters
from spc.engine.live.parts import ShortRun
from spc.engine.live.streams import Group
from spc.engine.live.vectors import Mewma, TSquared
from spc.engine.live.webs import ThreeWay
from spc.engine.live.weighted import Cusum, Ewma
from spc.engine.sigma import LONGEST_MOVING_RANGE

METHODS: Mapping[ChartKind, Method] = MappingProxyType(
    {
        method.kind: method
        for method in (
            Ewma(),
            Cusum(),
            MovingCenter(),
            Trend(),
            Residual(),
            LaneyP(),
            LaneyU(),
            UnitsBetween(),
            TimeBetween(),
            ThreeWay(),
            Group(),
            ShortRun(),
            Acceptance(),
            TSquared(),
            Mewma(),
        )
    }
)


# What a Shewhart family takes; without a span moving ranges are of two.
SHEWHART_PARAMETERS: Mapping[ChartKind, tuple[Parameter, ...]] = MappingProxyType(
    {
        ChartKind.IMR: (
            Number(
                "span",
                "readings that a moving range is of; two unless given",
                low=2,
                high=LONGEST_MOVING_RANGE,
                whole=True,
            ),
        )
    }
)


def declared_parameters(kind: ChartKind) -> tuple[Parameter, ...]:
    """What a plan may say of the kind."""
    return METHODS[kind].parameters if kind in METHODS else SHEWHART_PARAMETERS.get(kind, ())


def read_of(kind: ChartKind, text: str) -> Values:
    """The parameters as values. Raises ParameterError."""
    if kind in METHODS:
        return METHODS[kind].read(text)
    return read_parameters(declared_parameters(kind), text, kind=kind.value)


def shewhart(kind: ChartKind) -> Family | None:
    """The Shewhart family of that name, or None."""
    return Family(kind.value) if kind not in METHODS else None
