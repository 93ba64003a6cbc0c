"""A raw record is kept: stored by content, tied to lot, run, machine and gauge; its values computed and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from lots.actions.acting import act_as
from lots.actions.keep_curve import Curve, keep_curve, latest_curve, lock_curves, lock_file
from lots.actions.validate import calibrated_at
from lots.catalogue import calibrations_of, gauges_of
from lots.clock import FUTURE_TOLERANCE, site_time
from lots.models import CurveFile, Gauge, Lot, Source, StepExecution, User
from lots.science.raw_records import (
    CODES,
    Derived,
    RecordKind,
    checked_columns,
    derived_of,
    disagreements,
)
from mes.connectors.formation_readings import recipe_of
from mes.connectors.series.model import UNITS, Series
from mes.connectors.series.readings import contradictions, record_readings
from mes.curves import load_series, store_series
from quality.actions.hold_gap import hold_for_record
from quality.permissions import Action, require

# The first step is meant where none is named.
STEPS = {
    RecordKind.MASS: ("drying",),
    RecordKind.THICKNESS: ("coating", "calendering"),
    RecordKind.PRESSURE: ("filling",),
}
GAUGE_KINDS = {
    RecordKind.MASS: "balance",
    RecordKind.THICKNESS: "thickness_gauge",
    RecordKind.PRESSURE: "pressure_sensor",
}
LONGEST_REASON = 300
# No step lasts longer; a clock that counts from an epoch reads far more.
LONGEST_RECORD = timedelta(days=366)


@dataclass(frozen=True)
class Kept:
    """`derived` is what Halite computes; `recognised`: this very record of the lot was kept before."""

    record: CurveFile
    derived: Derived
    recognised: bool
    readings: int = 0


class RecordRefused(Exception):
    """The record cannot be kept; the message begins with the field and says what would be right."""


def keep_series(series: Series, *, lot: Lot, user: User, source: Source, now: datetime) -> Kept:
    """Check, store and compare a record; where the run has no such readings yet, its points become readings.

    A second record of the same run needs a reason and takes the place of the former one, which stays. Raises
    RecordRefused, NotPermitted or InvalidSubmission; nothing is stored then.
    """
    require(user, lot.site, Action.RECORD)
    columns = _columns(series)
    execution = _execution(series, lot)
    gauge = _gauge(series, lot)
    recipe = recipe_of(lot)[1]
    derived = derived_of(series.kind, columns, recipe)
    digest = series.sha256 or _digest(series, columns)
    with transaction.atomic():
        act_as(user)
        lock_file(lot.site_id, digest)
        lock_curves(execution, CurveFile.Kind(series.kind))
        known = (
            CurveFile.objects.filter(lot__site=lot.site_id, file_sha256=digest).select_related("lot").first()
        )
        if known is not None and known.lot_id != lot.pk:
            raise RecordRefused(
                f"lot: this very record was kept for {known.lot.code}; check which lot it is of"
            )
        if known is not None:
            return Kept(known, derived, recognised=True)
        former = latest_curve(execution, CurveFile.Kind(series.kind))
        _check_correction(series, former, lot, user)
        ended_at = _end(series, columns, lot, now)
        problems = (*derived.problems, *disagreements(derived, series.posted))
        problems += _circumstances(series, execution, gauge)
        problems += contradictions(series, columns, execution, derived)
        submission, count = record_readings(series, columns, execution, derived, source, user, now, digest)
        record = keep_curve(
            Curve(
                kind=CurveFile.Kind(series.kind),
                format=series.format,
                file_sha256=digest,
                file_bytes=series.size_bytes or sum(row.nbytes for row in columns.values()),
                storage_sha256=store_series(columns),
                rows=next(iter(columns.values())).size,
                started_at=series.started_at,
                ended_at=ended_at,
                gauge=gauge,
                unresolved="; ".join(problems),
            ),
            execution=execution,
            submission=submission,
            user=user,
            now=now,
            supersedes=former,
            reason=series.reason.strip() if former is not None else "",
        )
        if problems:
            hold_for_record(record, now=now)
    return Kept(record, derived, recognised=False, readings=count)


def derived_values(record: CurveFile) -> tuple[dict[str, NDArray[np.float64]], Derived]:
    """The stored columns of a record and what follows from them. Raises CurveMissing."""
    columns = load_series(record.storage_sha256)
    return columns, derived_of(RecordKind(record.kind), columns, recipe_of(record.lot)[1])


def _columns(series: Series) -> dict[str, NDArray[np.float64]]:
    try:
        columns = checked_columns(series.kind, series.columns)
    except ValueError as error:
        raise RecordRefused(str(error)) from error
    if series.kind in UNITS:
        lead, time = next(iter(columns.items()))
        longest = LONGEST_RECORD / UNITS[series.kind]
        if time[0] < -longest or time[-1] > longest:
            raise RecordRefused(
                f"{lead}: reaches {max(-time[0], time[-1]):.6g}, more than a year; give the time since started_at, not"
                " an instant of a clock"
            )
    foreign = set(series.posted) - set(CODES[series.kind])
    if foreign:
        raise RecordRefused(
            f"posted: {', '.join(sorted(foreign))} does not follow from a record of kind {series.kind}; there are"
            f" {', '.join(CODES[series.kind])}"
        )
    return columns


def _execution(series: Series, lot: Lot) -> StepExecution:
    steps = STEPS[series.kind]
    step = series.step or steps[0]
    if step not in steps:
        raise RecordRefused(f"step: a record of kind {series.kind} belongs to {' or '.join(steps)}")
    runs = StepExecution.objects.filter(lot=lot, route_step__step__code=step).select_related(
        "equipment", "lot"
    )
    execution = runs.order_by("-attempt").first()
    if execution is None:
        raise RecordRefused(f"lot: {lot.code} has not started {step}; start the step first")
    ran_on = execution.equipment.code if execution.equipment else ""
    if series.equipment and series.equipment != ran_on:
        raise RecordRefused(f"equipment: {step} of {lot.code} ran on {ran_on or 'no machine'}")
    return execution


def _gauge(series: Series, lot: Lot) -> Gauge:
    gauge = gauges_of(lot.site_id).get(series.gauge)
    if gauge is None or gauge.retired_at is not None:
        named = f"{series.gauge!r} is not in use at site {lot.site.code}" if series.gauge else "is needed"
        raise RecordRefused(f"gauge: {named}; name the instrument that wrote the record")
    wanted = GAUGE_KINDS[series.kind]
    if gauge.kind != wanted:
        raise RecordRefused(
            f"gauge: {gauge.code} is a {gauge.kind}; a record of kind {series.kind} needs a {wanted}"
        )
    return gauge


def _digest(series: Series, columns: Mapping[str, NDArray[np.float64]]) -> str:
    """Of everything that was delivered: another gauge or instant makes another record."""
    digest = hashlib.sha256(
        repr(
            (
                series.kind,
                series.started_at.timestamp(),
                series.gauge,
                series.step,
                sorted(series.posted.items()),
            )
        ).encode()
    )
    for name, row in columns.items():
        digest.update(name.encode() + row.tobytes())
    return digest.hexdigest()


def _check_correction(series: Series, former: CurveFile | None, lot: Lot, user: User) -> None:
    if former is None:
        return
    if not series.reason.strip():
        raise RecordRefused(
            f"reason: {lot.code} has a record of this kind, of {former.started_at:%Y-%m-%d %H:%M} UTC; say why this one"
            " takes its place"
        )
    if len(series.reason.strip()) > LONGEST_REASON:
        raise RecordRefused(f"reason: at most {LONGEST_REASON} characters")
    require(user, lot.site, Action.CORRECT)


def _end(series: Series, columns: Mapping[str, NDArray[np.float64]], lot: Lot, now: datetime) -> datetime:
    """When the record ends, on the site clock. Raises RecordRefused for one that ends in the future."""
    lead = next(iter(columns.values()))
    span = UNITS[series.kind] * float(lead[-1]) if series.kind in UNITS else timedelta(0)
    here = site_time(lot.site, now)
    if series.started_at > here + FUTURE_TOLERANCE or series.started_at + span > here + FUTURE_TOLERANCE:
        raise RecordRefused(
            f"started_at: the record ends in the future; the site clock says {here.isoformat()}"
        )
    return series.started_at + span


def _circumstances(series: Series, execution: StepExecution, gauge: Gauge) -> tuple[str, ...]:
    words = []
    if not calibrated_at(calibrations_of(gauge.pk), series.started_at):
        words.append(f"{gauge.code} was not in calibration")
    if series.started_at < execution.started_at - FUTURE_TOLERANCE:
        words.append(
            f"the record begins before the step was started ({execution.started_at:%Y-%m-%d %H:%M} UTC)"
        )
    return tuple(words)
