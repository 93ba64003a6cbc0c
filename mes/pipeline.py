"""The way of a measurement, top to bottom: recorded, judged, queued; evaluated, reacted to; swept.

Doors call `record`, `finish_step` and `close_container`; workers and the sweeper call `evaluate_chart`. Nothing
else advances evidence.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from lots.actions import exposure
from lots.actions.acting import act_as
from lots.actions.air import settle_air, still_air
from lots.actions.correct import Correction
from lots.actions.record_submission import Recorded, claim_key, record_submission
from lots.clock import site_time
from lots.envelope import Envelope
from lots.failpoints import hit
from lots.masters import steady
from lots.models import IdempotencyKey, Lot, OpenInterval, Site, Source, StepExecution, User
from mes.hints import send_hints
from quality.actions.contain_late import contain_late
from quality.actions.hold_gap import hold_without_values
from quality.actions.hold_spread import hold_wide_spreads
from quality.actions.judge import Verdicts, judge_values
from quality.actions.open_late import judge_opening, settle_charts
from quality.actions.quarantine import note_due_failure, note_failure
from quality.actions.react import react
from quality.actions.receive import note_opening
from quality.actions.run_step import mark_finished
from quality.actions.tighten import relax
from quality.permissions import Action, require
from quality.plans import chart_plans
from spc.actions.enqueue import enqueue
from spc.actions.evaluate import Evaluation, evaluate
from spc.queries import charts_with_work, oldest_pending, waiting_charts

log = structlog.get_logger(__name__)

# A piece of a backlog, and how long one attempt takes pieces: far below the workers' time limit, which would undo
# the work of a piece, and short enough that a sweep comes to its other charts.
MOST_ENTRIES, SLICE_S = 500, 5.0
# SQLSTATEs: lock timeout, deadlock, serialization failure, statement timeout.
BUSY = {"55P03", "40P01", "40001", "57014"}


@dataclass(frozen=True)
class Answer:
    """What the door tells the sender. `body` is stored with the key and replayed to the letter."""

    body: dict[str, Any]
    replayed: bool


def record(envelope: Envelope, *, now: datetime) -> Answer:
    """Take in one submission. Raises InvalidSubmission, IdempotencyConflict or NotPermitted; nothing is stored then."""
    with steady(), transaction.atomic():
        act_as(envelope.user)
        require(envelope.user, envelope.site, Action.RECORD)
        earlier = claim_key(envelope)
        answer = Answer(earlier.answer, replayed=True) if earlier else _take_in(envelope, now=now)
    hit("record.committed")
    return answer


def finish_step(
    execution: StepExecution, envelope: Envelope, *, now: datetime, at: datetime | None = None
) -> Answer:
    """Finish a running step with its last readings (may be none): summaries are derived, open subgroups close."""
    whole = replace(envelope, purpose=f"finish {execution.uuid} at {at}")
    with steady(), transaction.atomic():
        act_as(envelope.user)
        earlier = claim_key(whole)
        if earlier is not None:
            return Answer(earlier.answer, replayed=True)
        settle_air(execution.lot_id)
        mark_finished(execution, user=envelope.user, now=now, at=at)
        return _take_in(whole, now=now, finished=execution)


def correct(correction: Correction, *, key: str, source: Source, user: User, now: datetime) -> Answer:
    """Let a new value take the place of a measurement, or withdraw it. Holds that it caused stay.

    What was computed from it is computed anew, and its charts are replayed. Raises CorrectionRefused,
    InvalidSubmission, IdempotencyConflict or NotPermitted; nothing is stored then.
    """
    with steady(), transaction.atomic():
        act_as(user)
        require(user, correction.old.site, Action.CORRECT)
        envelope = correction.envelope(key=key, source=source, user=user)
        earlier = claim_key(envelope)
        if earlier is not None:
            return Answer(earlier.answer, replayed=True)
        correction.lock()
        correction.check()
        return _take_in(envelope, now=now, correction=correction)


def close_container(lot: Lot, *, user: Any, at: datetime) -> OpenInterval:
    """Close a lot's container; its open time and dose are summed when the step is finished."""
    with transaction.atomic():
        act_as(user)
        require(user, lot.site, Action.RECORD)
        return exposure.close_container(lot, user=user, at=at)


def open_container(
    lot: Lot, zone: Any, *, user: Any, now: datetime, at: datetime, closed_at: datetime | None = None
) -> OpenInterval:
    """Open a lot's container in a zone; it bears what is known of the air since `at`, or until `closed_at`, where
    both are told afterwards."""
    with transaction.atomic():
        act_as(user)
        require(user, lot.site, Action.RECORD)
        still_air(zone.pk)
        settle_charts(zone.pk)
        interval = exposure.open_container(lot, zone, user=user, at=at)
        note_opening(lot, user=user, at=at)
        if closed_at is not None:
            interval = exposure.close_container(lot, user=user, at=closed_at)
        judge_opening(interval, site_now=site_time(lot.site, now))
        return interval


def evaluate_chart(chart_id: int, *, now: datetime, at_most: int | None = None) -> Evaluation:
    """Evaluate one chart and let the control plan react, in one transaction."""
    with steady(), transaction.atomic():
        act_as(None, process="evaluation")
        result = evaluate(chart_id, now=now, at_most=at_most)
        if result.chart is not None and result.signals:
            site = result.chart.stream.plan.site
            react(result.chart, result.signals, site, now=now, site_now=site_time(site, now))
        if result.chart is not None and result.arrived:
            site = result.chart.stream.plan.site
            contain_late(result.chart, result.arrived, site, site_now=site_time(site, now))
        if result.chart is not None and result.points:
            site = result.chart.stream.plan.site
            relax(result.chart, site, site_now=site_time(site, now))
        hit("evaluate.reacted")
    hit("evaluate.committed")
    return result


def attempt_chart(chart_id: int, *, now: datetime) -> bool:
    """Evaluate a chart until nothing waits for it or SLICE_S are over; returns whether anything was done.

    A backlog is taken in pieces, each its own transaction: what an early piece finds is held while the rest waits. Who
    finds the chart locked goes away, so the one who has it looks again after its commit. After a failure the subgroups
    that are due are closed without any entry (`at_most` 0), then the entries are taken, all of them one by one, so that
    only what cannot be evaluated is counted; its third failure quarantines it and holds its lots. A database that is
    away or busy is nobody's fault: those errors are raised, and the sweeper comes back.
    """
    began, done, at_most = time.monotonic(), False, MOST_ENTRIES
    while (passed := time.monotonic() - began) < SLICE_S:
        at = now + timedelta(seconds=passed)
        suspect = oldest_pending(chart_id) if at_most == 1 else None
        try:
            result = evaluate_chart(chart_id, now=at, at_most=at_most)
        except Exception as error:  # whatever it is, the chart's other entries must go on
            if _is_away_or_busy(error):
                raise
            log.exception("evaluation_failed", chart=chart_id, entry=suspect)
            if suspect is not None:
                note_failure(suspect, error=f"{type(error).__name__}: {error}", now=at)
            if at_most == 1 or (at_most == 0 and note_due_failure(chart_id, now=at)):
                break
            at_most = 1 if at_most == 0 else 0
            continue
        if result.chart is None:
            break
        done = done or bool(result.entries or result.points)
        if at_most == 0:
            at_most = 0 if result.points else 1
        elif not result.entries or oldest_pending(chart_id) is None:
            break
    return done


def sweep_once(*, now: datetime) -> dict[str, int]:
    """Find what hints have lost and what has timed out. Independent of the broker. Returns counts."""
    worked = [chart_id for chart_id in charts_with_work() if _did_something(chart_id, now=now)]
    clocks = {site.pk: site_time(site, now) for site in Site.objects.all()}
    overdue = [chart.chart_id for chart in waiting_charts() if chart.due_at <= clocks[chart.site_id]]
    closed = [chart_id for chart_id in overdue if _did_something(chart_id, now=now)]
    return {"charts": len(worked), "timeouts": len(closed)}


def ensure_partitions(*, months_ahead: int = 3) -> int:
    """Make the measurement partitions of the months ahead; returns how many were new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT halite_ensure_partitions(%s)", [months_ahead])
        return int(cursor.fetchone()[0])


def _did_something(chart_id: int, *, now: datetime) -> bool:
    """Attempt one chart of a sweep; one that is locked by a hung process must not keep the others waiting."""
    try:
        return attempt_chart(chart_id, now=now)
    except OperationalError as error:
        if _sqlstate(error) not in BUSY:
            raise
        log.warning("chart_busy", chart=chart_id, error=str(error))
        return False


def _sqlstate(error: Exception) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def _is_away_or_busy(error: Exception) -> bool:
    """Whether the database could not, rather than would not: what Halite's own triggers refuse is the data's fault."""
    return isinstance(error, OperationalError | InterfaceError) and not _sqlstate(error).startswith("HL")


def _take_in(
    envelope: Envelope,
    *,
    now: datetime,
    finished: StepExecution | None = None,
    correction: Correction | None = None,
) -> Answer:
    """Store, judge and queue a submission whose key is claimed and new."""
    recorded = record_submission(envelope, now=now, finished=finished, correction=correction)
    hit("record.stored")
    site_now = site_time(envelope.site, now)
    verdicts = judge_values(recorded.rows, recorded.lots, envelope.site, now=now, site_now=site_now)
    hold_wide_spreads(recorded.rows, envelope.site, site_now=site_now)
    hold_without_values(recorded.withdrawn, recorded.lots, envelope.site, now=now)
    hit("record.judged")
    plans = chart_plans(
        recorded.lots.values(),
        envelope.site,
        {row.characteristic_id for row in recorded.rows},
        zones=any(row.zone_id is not None for row in recorded.rows),
    )
    charts = enqueue(
        recorded.submission,
        recorded.rows,
        plans,
        recorded.lots,
        now=now,
        finished=finished,
        superseded=recorded.superseded,
    )
    body = _answer(recorded, verdicts, charts)
    IdempotencyKey.objects.create(
        source=envelope.source,
        key=envelope.key,
        payload_hash=envelope.payload_hash(),
        submission=recorded.submission,
        answer=body,
        created_at=now,
    )
    send_hints(charts)
    hit("record.keyed")
    return Answer(body, replayed=False)


def _answer(recorded: Recorded, verdicts: Verdicts, charts: Sequence[int] | set[int]) -> dict[str, Any]:
    codes = {lot.pk: lot.code for lot in recorded.lots.values()}
    return {
        "submission": str(recorded.submission.uuid),
        "measurements": sum(1 for row in recorded.rows if row.formula_version is None),
        "derived": [
            {
                "lot": codes.get(row.lot_id or 0, ""),
                "characteristic": row.characteristic.code,
                "position": None if row.position is None else f"{row.position.normalize():f}",
                "value": f"{row.value.normalize():f}",
                "unit": row.characteristic.unit,
            }
            for row in recorded.rows
            if row.formula_version is not None
        ],
        "missing": [
            {"lot": codes.get(m.lot_id, ""), "characteristic": m.characteristic, "reason": m.reason}
            for m in recorded.missing
        ],
        "superseded": len(recorded.superseded),
        "suspect": sum(1 for row in recorded.rows if row.quality != "good"),
        "judged": len(verdicts.judgements),
        "violations": [
            {
                "lot": codes.get(violation.row.lot_id or 0, ""),
                "characteristic": violation.row.characteristic.code,
                "message": violation.text,
                "requirement": violation.line.requirement.code,
                "hold": str(violation.hold.uuid) if violation.hold else None,
            }
            for violation in verdicts.violations
        ],
        "charts": sorted(charts),
    }
