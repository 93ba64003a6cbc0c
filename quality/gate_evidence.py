"""What a gate demands of the evidence: values present, valid, judged and evaluated; gauges in calibration."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db.models import Q, QuerySet

from lots.actions.validate import calibrated_at
from lots.catalogue import calibrations_of, gauges_of
from lots.clock import site_time
from lots.models import Lot, Measurement, RouteStep, StepExecution
from lots.queries import current_measurements, valid_measurements
from quality.blockers import Blocker, Code, lot_blocker
from quality.models import ControlPlanLine, ControlPlanRevision, Judgement
from quality.plans import lines_for
from spc.queries import unfinished_for_lots, unjudged_signals_for_lots


def evidence_blockers(
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
        lot_blocker(
            Code.MISSING,
            f"{line.characteristic.name}: {counted[line.characteristic_id]} of {line.required_count} values",
            lot,
        )
        for line in lines
        if line.characteristic.subject_kind == "lot" and counted[line.characteristic_id] < line.required_count
    ]
    undetermined = Judgement.objects.filter(lot_id=lot.pk, verdict=Judgement.Verdict.UNDETERMINED)
    censored = Measurement.objects.filter(lot_id=lot.pk, id__in=undetermined.values("measurement_id"))
    blockers += [
        lot_blocker(
            Code.UNDETERMINED,
            f"{row.characteristic.name}: a censored value cannot be judged; measure again",
            lot,
        )
        for row in _not_measured_again(censored)
    ]
    quarantined = Measurement.objects.filter(lot_id=lot.pk, quality=Measurement.Quality.QUARANTINED)
    blockers += [
        lot_blocker(
            Code.QUARANTINED,
            f"{row.characteristic.name}: a value from the future is quarantined; check the clock and measure again",
            lot,
        )
        for row in _not_measured_again(quarantined)
    ]
    return blockers + _pending(lot)


def _not_measured_again(rows: QuerySet[Measurement]) -> list[Measurement]:
    """Current rows without a later, good and uncensored value of the same characteristic at the same place."""
    return [
        row
        for row in current_measurements(rows).select_related("characteristic")
        if row.lot_id is not None
        and not valid_measurements([row.lot_id])
        .filter(
            characteristic=row.characteristic_id,
            position=row.position,
            roll_position_mm=row.roll_position_mm,
            qualifier="",
            id__gt=row.id,
        )
        .exists()
    ]


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
