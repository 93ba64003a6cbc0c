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
from spc.engine.live.parts import ShortRun
from spc.engine.live.streams import Group
from spc.engine.live.vectors import Mewma, TSquared
from spc.engine.live.webs import ThreeWay
from spc.engine.live.weighted import Cusum, Ewma

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


def shewhart(kind: ChartKind) -> Family | None:
    """The Shewhart family of that name, or None."""
    return Family(kind.value) if kind not in METHODS else None
