from spc.models.chart import Chart, ChartPlan, Stream
from spc.models.limits import BasisPoint, LimitRevision
from spc.models.outbox import OutboxEntry
from spc.models.point import (
    ChartCheckpoint,
    ChartState,
    Point,
    PointExclusion,
    Signal,
    SignalMember,
    Subgroup,
    SubgroupMember,
)

__all__ = [
    "BasisPoint",
    "Chart",
    "ChartCheckpoint",
    "ChartPlan",
    "ChartState",
    "LimitRevision",
    "OutboxEntry",
    "Point",
    "PointExclusion",
    "Signal",
    "SignalMember",
    "Stream",
    "Subgroup",
    "SubgroupMember",
]
