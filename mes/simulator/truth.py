"""What really happened: the declared truth of a simulated run. Halite's users and workers cannot read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from mes.simulator.faults import SIGNATURES, FaultPlan


@dataclass(frozen=True)
class LatentValue:
    """A hidden quantity of a lot or a zone, in the unit that its name ends in."""

    subject: str
    name: str
    value: float
    at: datetime


@dataclass(frozen=True)
class TruthRecord:
    """One fault of the run. `affected_lots` were made or exposed under it, in time order; `descendant_lots`
    from them.

    `affected_intervals_mm` gives, for rolls, the affected interval of the roll's axis. `started_at` and
    `first_affected_lot` are None until the fault has met a lot.
    """

    fault: str
    magnitude: str
    started_at: datetime | None
    first_affected_lot: str | None
    affected_lots: tuple[str, ...]
    descendant_lots: tuple[str, ...]
    affected_intervals_mm: tuple[tuple[str, int, int], ...]
    expected_step: str
    expected_characteristics: tuple[str, ...]  # the charted one first, then those that follow by physics
    statistic: str
    sigma: float
    shift_in_sigma: float


@dataclass
class FaultTrace:
    """The growing side of a `TruthRecord`."""

    plan: FaultPlan
    started_at: datetime | None = None
    lots: dict[str, tuple[int, int] | None] = field(default_factory=dict)

    def touch(self, lot_code: str, at: datetime, interval_mm: tuple[int, int] | None = None) -> None:
        if self.started_at is None:
            self.started_at = at
        self.lots.setdefault(lot_code, interval_mm)

    def record(self, descendants: Iterable[str]) -> TruthRecord:
        signature = SIGNATURES[self.plan.fault]
        return TruthRecord(
            fault=self.plan.fault.value,
            magnitude=self.plan.magnitude.value,
            started_at=self.started_at,
            first_affected_lot=next(iter(self.lots), None),
            affected_lots=tuple(self.lots),
            descendant_lots=tuple(code for code in descendants if code not in self.lots),
            affected_intervals_mm=tuple(
                (code, *span) for code, span in self.lots.items() if span is not None
            ),
            expected_step=signature.step,
            expected_characteristics=(signature.characteristic, *signature.downstream),
            statistic=signature.statistic,
            sigma=signature.sigma,
            shift_in_sigma=self.plan.sigmas,
        )
