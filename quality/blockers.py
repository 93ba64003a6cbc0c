"""A blocker: one reason why a lot must not go on, with the place that resolves it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lots.models import Lot


class Code(StrEnum):
    HELD = "held"
    NOT_ACTIVE = "not_active"
    NO_PLAN = "no_plan"
    NOT_ON_ROUTE = "not_on_route"
    OUT_OF_ORDER = "out_of_order"
    STEP_OPEN = "step_open"
    STEP_RUNS = "step_runs"
    ALREADY_DONE = "already_done"
    REWORK_DUE = "rework_due"
    MISSING = "missing"
    UNDETERMINED = "undetermined"
    QUARANTINED = "quarantined"
    EVALUATION_PENDING = "evaluation_pending"
    CONTAINMENT_PENDING = "containment_pending"
    CALIBRATION = "calibration"
    CONTAINER_OPEN = "container_open"
    EXPIRED = "expired"
    CONCESSION_EXPIRED = "concession_expired"
    CONCEDED_IN_PART = "conceded_in_part"
    NONCONFORMANCE = "nonconformance"
    INDEPENDENCE = "independence"
    GATE = "gate"
    STOPPED = "stopped"
    SAMPLING = "sampling"
    NOT_RELEASED = "not_released"
    SHIFT_CHECK = "shift_check"
    NOT_RECEIVED = "not_received"


@dataclass(frozen=True)
class Blocker:
    """One reason. `kind` and `key` name what resolves it: a hold, lot, its acceptance, chart, gauge, zone, stop or
    sampling.
    """

    code: Code
    message: str
    kind: str
    key: int

    def as_dict(self) -> dict[str, str | int]:
        return {"code": self.code.value, "message": self.message, "kind": self.kind, "key": self.key}


def lot_blocker(code: Code, message: str, lot: Lot) -> Blocker:
    """A reason that the lot's own page resolves."""
    return Blocker(code, message, "lot", lot.pk)
