"""Gates: why a lot must not go on, each reason in words and with the place that resolves it.

They fail closed: what is missing, unknown, pending or out of calibration blocks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q

from lots.actions.validate import calibrated_at
from lots.clock import site_time
from lots.models import (
    Calibration,
    Gauge,
    Lot,
    Measurement,
    OpenInterval,
    RouteStep,
    StepExecution,
    Supersession,
)
from lots.queries import (
    active_holds,
    current_measurements,
    latest_executions,
    route_steps,
    valid_measurements,
)
from quality.models import ControlPlanLine, ControlPlanRevision, Disposition, DispositionItem, Judgement
from quality.plans import lines_for, revision_of
from spc.queries import unfinished_for_lots, unjudged_signals_for_lots


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


@dataclass(frozen=True)
class Blocker:
    """One reason. `kind` and `key` name what resolves it: a hold, a lot, a chart, a gauge."""

    code: Code
    message: str
    kind: str
    key: int

    def as_dict(self) -> dict[str, str | int]:
        return {"code": self.code.value, "message": self.message, "kind": self.kind, "key": self.key}


def can_proceed(lot: Lot, step_code: str, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from starting the step; empty when it may start."""
    steps = route_steps(lot)
    target = next((step for step in steps if step.step.code == step_code), None)
    if target is None:
        return [_blocker(Code.NOT_ON_ROUTE, f"{step_code} is not on the route of lot {lot.code}", lot)]
    executions = latest_executions([lot.pk])
    rework = _open_rework(lot)
    blockers = material_blockers(lot, now=now)
    revision = revision_of(lot)
    if revision is None:
        blockers.append(_no_plan(lot))
        return blockers
    blockers += _order(lot, steps, target, executions, rework)
    done = [step for step in steps if step.sequence < target.sequence]
    blockers += _evidence(lot, revision, done, executions)
    blockers += _calibration(lot, lines_for(revision, target.step_id, lot.material_id), now)
    return blockers


def can_leave(lot: Lot, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from being consumed, split, packed or shipped; empty when it may leave."""
    blockers = material_blockers(lot, now=now)
    steps = route_steps(lot)
    if not steps:
        return blockers  # raw material has no steps here
    revision = revision_of(lot)
    if revision is None:
        return [*blockers, _no_plan(lot)]
    executions = latest_executions([lot.pk])
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        if step.required and execution is None:
            blockers.append(_blocker(Code.OUT_OF_ORDER, f"{step.step.name} has not been done", lot))
        elif execution is not None and execution.finished_at is None:
            blockers.append(_blocker(Code.STEP_OPEN, f"{step.step.name} is not finished", lot))
    blockers += _rework_left(lot, steps, executions, _open_rework(lot))
    return blockers + _evidence(lot, revision, steps, executions)


def next_step(lot: Lot) -> RouteStep | None:
    """The first route step that the lot has not finished; None when all are done."""
    executions = latest_executions([lot.pk])
    rework = _open_rework(lot)
    for step in route_steps(lot):
        execution = executions.get((lot.pk, step.pk))
        if execution is None or execution.finished_at is None or _redo(step, execution, rework):
            return step
    return None


def _blocker(code: Code, message: str, lot: Lot) -> Blocker:
    return Blocker(code, message, "lot", lot.pk)


def _no_plan(lot: Lot) -> Blocker:
    return _blocker(
        Code.NO_PLAN, f"lot {lot.code} has no work order with a control plan, so nothing can judge it", lot
    )


def material_blockers(lot: Lot, *, now: datetime) -> list[Blocker]:
    """Reasons that lie in the lot itself: holds, state, shelf life, an open container."""
    here = site_time(lot.site, now)
    blockers = [
        Blocker(
            Code.HELD, f"{member.hold.reason} — a quality engineer must dispose of it", "hold", member.hold_id
        )
        for member in active_holds([lot.pk])
    ]
    if lot.state != Lot.State.ACTIVE:
        blockers.append(
            _blocker(Code.NOT_ACTIVE, f"lot {lot.code} is {lot.get_state_display().lower()}", lot)
        )
    if lot.expires_at is not None and lot.expires_at <= here:
        blockers.append(_blocker(Code.EXPIRED, f"shelf life ended at {lot.expires_at:%Y-%m-%d %H:%M}", lot))
    if OpenInterval.objects.filter(lot=lot, closed_at__isnull=True).exists():
        blockers.append(_blocker(Code.CONTAINER_OPEN, "its container stands open; close it first", lot))
    decided_again = DispositionItem.objects.filter(
        lot=lot, disposition__decided_at__gte=OuterRef("disposition__concession_expires_at")
    )
    expired = DispositionItem.objects.filter(
        ~Exists(decided_again),
        lot=lot,
        disposition__decision=Disposition.Decision.CONCESSION,
        disposition__concession_expires_at__lte=here,
    )
    if expired.exists():
        blockers.append(
            _blocker(Code.CONCESSION_EXPIRED, "its concession has expired; hold it and decide again", lot)
        )
    return blockers


def _open_rework(lot: Lot) -> Disposition | None:
    return (
        Disposition.objects.filter(items__lot=lot, decision=Disposition.Decision.REWORK)
        .select_related("rework_from")
        .order_by("-decided_at")
        .first()
    )


def _redo(step: RouteStep, execution: StepExecution, rework: Disposition | None) -> bool:
    """Whether a rework decision demands another attempt at the step."""
    return (
        rework is not None
        and rework.rework_from is not None
        and step.sequence >= rework.rework_from.sequence
        and execution.started_at < rework.decided_at
    )


def _rework_left(
    lot: Lot,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    rework: Disposition | None,
) -> list[Blocker]:
    return [
        _blocker(Code.REWORK_DUE, f"{step.step.name} must be repeated (rework)", lot)
        for step in steps
        if (execution := executions.get((lot.pk, step.pk))) is not None and _redo(step, execution, rework)
    ]


def _order(
    lot: Lot,
    steps: list[RouteStep],
    target: RouteStep,
    executions: dict[tuple[int, int], StepExecution],
    rework: Disposition | None,
) -> list[Blocker]:
    blockers = []
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        redo = execution is not None and _redo(step, execution, rework)
        if step.pk == target.pk:
            if execution is not None and execution.finished_at is None:
                blockers.append(_blocker(Code.STEP_RUNS, f"{step.step.name} is running already", lot))
            elif execution is not None and not redo:
                blockers.append(_blocker(Code.ALREADY_DONE, f"{step.step.name} was done already", lot))
        elif step.sequence < target.sequence and step.required:
            if execution is None:
                blockers.append(_blocker(Code.OUT_OF_ORDER, f"{step.step.name} comes first", lot))
            elif execution.finished_at is None:
                blockers.append(_blocker(Code.STEP_OPEN, f"{step.step.name} is not finished", lot))
            elif redo:
                blockers.append(_blocker(Code.REWORK_DUE, f"{step.step.name} must be repeated (rework)", lot))
    return blockers


def _evidence(
    lot: Lot,
    revision: ControlPlanRevision,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
) -> list[Blocker]:
    """Required values of the steps done are present, valid, judged and evaluated."""
    lines: list[ControlPlanLine] = []
    for step in steps:
        if (lot.pk, step.pk) in executions:
            lines += lines_for(revision, step.step_id, lot.material_id)
    latest = {execution.pk for execution in executions.values()}
    counted = Counter(
        valid_measurements([lot.pk])
        .filter(Q(execution__in=latest) | Q(execution__isnull=True))
        .values_list("characteristic_id", flat=True)
    )
    blockers = [
        _blocker(
            Code.MISSING,
            f"{line.characteristic.name}: {counted[line.characteristic_id]} of {line.required_count} values",
            lot,
        )
        for line in lines
        if line.characteristic.subject_kind == "lot" and counted[line.characteristic_id] < line.required_count
    ]
    undetermined = Judgement.objects.filter(
        ~Exists(Supersession.objects.filter(old_id=OuterRef("measurement_id"))),
        lot_id=lot.pk,
        verdict=Judgement.Verdict.UNDETERMINED,
    ).values_list("line__specification__characteristic__name", flat=True)
    blockers += [
        _blocker(Code.UNDETERMINED, f"{name}: a censored value cannot be judged; measure again", lot)
        for name in undetermined
    ]
    quarantined = current_measurements(
        Measurement.objects.filter(lot_id=lot.pk, quality=Measurement.Quality.QUARANTINED)
    )
    if quarantined.exists():
        blockers.append(
            _blocker(Code.QUARANTINED, "a value from the future is quarantined; check the clock", lot)
        )
    return blockers + _pending(lot)


def _pending(lot: Lot) -> list[Blocker]:
    """Values that no chart has evaluated yet, and signals without a reaction. What is quarantined is held instead."""
    waiting = {
        entry.chart_id: entry.chart.stream.plan.characteristic.name for entry in unfinished_for_lots([lot.pk])
    }
    unjudged = {signal.chart_id for signal in unjudged_signals_for_lots([lot.pk])}
    return [
        Blocker(
            Code.EVALUATION_PENDING,
            f"the chart of {name} has not evaluated the latest values yet",
            "chart",
            chart_id,
        )
        for chart_id, name in waiting.items()
    ] + [
        Blocker(
            Code.CONTAINMENT_PENDING, "containment pending: a signal is not judged yet", "chart", chart_id
        )
        for chart_id in sorted(unjudged)
    ]


def _calibration(lot: Lot, lines: list[ControlPlanLine], now: datetime) -> list[Blocker]:
    """Every kind of gauge that the step needs has one in calibration; every sensor of a zone is."""
    here = site_time(lot.site, now)
    kinds = {line.gauge_kind for line in lines} - {""}
    gauges = Gauge.objects.filter(site=lot.site_id, kind__in=kinds, retired_at__isnull=True)
    calibrations: dict[int, list[Calibration]] = {}
    for calibration in Calibration.objects.filter(gauge__in=gauges):
        calibrations.setdefault(calibration.gauge_id, []).append(calibration)
    fit: set[str] = set()
    blockers = []
    for gauge in gauges:
        if calibrated_at(calibrations.get(gauge.pk, ()), here):
            fit.add(gauge.kind)
        elif gauge.zone_id is not None:
            blockers.append(
                Blocker(Code.CALIBRATION, f"sensor {gauge.code} is out of calibration", "gauge", gauge.pk)
            )
    for kind in sorted(kinds - fit):
        message = f"no {kind.replace('_', ' ')} in calibration at {lot.site.code}"
        blockers.append(_blocker(Code.CALIBRATION, message, lot))
    return blockers
