"""What a gate demands of the evidence: values present, valid, judged and evaluated; gauges in calibration."""

from __future__ import annotations

from datetime import datetime

from lots.actions.validate import calibrated_at
from lots.catalogue import calibrations_of, gauges_of
from lots.clock import site_time
from lots.models import Lot, Measurement, RouteStep, StepExecution
from quality.blockers import Blocker, Code, lot_blocker
from quality.gate_facts import Evidence
from quality.in_force import asked_of
from quality.models import ControlPlanLine, ControlPlanRevision
from quality.plans import lines_for


def evidence_blockers(
    lot: Lot,
    revision: ControlPlanRevision,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    evidence: Evidence,
) -> list[Blocker]:
    """Required values of the steps done are present, valid, judged and evaluated."""
    lines: list[ControlPlanLine] = []
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        # What a roll had behind it before it was cut or joined was asked for then.
        if execution is not None and execution.lot_id == lot.pk:
            planned = lines_for(revision, step.step_id, lot.material_id)
            lines += [asked.line for asked in asked_of(lot, execution, planned)]
    excused = evidence.excused(lot.pk)
    lines = [line for line in lines if line.characteristic_id not in excused]
    blockers = [
        lot_blocker(
            Code.MISSING,
            f"{line.characteristic.name}: {evidence.present((lot.pk, line.characteristic_id), line.required_count)}",
            lot,
        )
        for line in lines
        if line.characteristic.subject_kind == "lot"
        and evidence.counts[lot.pk, line.characteristic_id] < line.required_count
    ]
    undetermined = [row for row in evidence.undetermined if row.characteristic_id not in excused]
    blockers += _about(
        lot, undetermined, Code.UNDETERMINED, "a censored value cannot be judged; measure again"
    )
    blockers += _about(
        lot,
        evidence.quarantined,
        Code.QUARANTINED,
        "a value from the future is quarantined; check the clock and measure again",
    )
    return blockers + _pending(lot, evidence)


def _about(lot: Lot, rows: list[Measurement], code: Code, what: str) -> list[Blocker]:
    return [
        lot_blocker(code, f"{row.characteristic.name}: {what}", lot) for row in rows if row.lot_id == lot.pk
    ]


def _pending(lot: Lot, evidence: Evidence) -> list[Blocker]:
    """Values that no chart has evaluated yet, and signals without a reaction. What is quarantined is held instead."""
    return [
        Blocker(
            Code.EVALUATION_PENDING,
            f"the chart of {name} has not evaluated the latest values yet",
            "chart",
            chart_id,
        )
        for chart_id, name in evidence.waiting.get(lot.pk, {}).items()
    ] + [
        Blocker(
            Code.CONTAINMENT_PENDING, "containment pending: a signal is not judged yet", "chart", chart_id
        )
        for chart_id in sorted(evidence.unjudged.get(lot.pk, ()))
    ]


def calibration_blockers(lot: Lot, lines: list[ControlPlanLine], now: datetime) -> list[Blocker]:
    """Every kind of gauge that the step needs has one in calibration; every sensor of a zone is."""
    here = site_time(lot.site, now)
    kinds = {line.gauge_kind for line in lines} - {""}
    fit: set[str] = set()
    blockers = []
    for gauge in gauges_of(lot.site_id).values():
        if gauge.kind not in kinds or gauge.retired_at is not None:
            continue
        if calibrated_at(calibrations_of(gauge.pk), here):
            fit.add(gauge.kind)
        elif gauge.zone_id is not None:
            blockers.append(
                Blocker(Code.CALIBRATION, f"sensor {gauge.code} is out of calibration", "gauge", gauge.pk)
            )
    for kind in sorted(kinds - fit):
        message = f"no {kind.replace('_', ' ')} in calibration at {lot.site.code}"
        blockers.append(lot_blocker(Code.CALIBRATION, message, lot))
    return blockers
