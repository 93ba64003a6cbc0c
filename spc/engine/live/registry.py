"""Which method runs which kind of chart; kinds that are Shewhart families have none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spc.engine.families import Family
from spc.engine.kinds import ChartKind
from spc.engine.live.counts import LaneyP, LaneyU
from spc.engine.live.forecast import MovingCenter
from spc.engine.live.method import Method
from spc.engine.live.weighted import Cusum, Ewma

METHODS: Mapping[ChartKind, Method] = MappingProxyType(
    {method.kind: method for method in (Ewma(), Cusum(), MovingCenter(), LaneyP(), LaneyU())}
)


def shewhart(kind: ChartKind) -> Family | None:
    """The Shewhart family of that name, or None."""
    return Family(kind.value) if kind not in METHODS else None
