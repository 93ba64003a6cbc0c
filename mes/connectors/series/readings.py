"""A raw record beside the readings of its run: what contradicts them, and what becomes a reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from lots.envelope import Envelope, ReadingIn
from lots.models import Lot, Measurement, Source, StepExecution, Submission, User
from lots.queries import current_measurements
from lots.science.raw_records import Derived, RecordKind, disagreements, rounding_of
from mes import pipeline
from mes.connectors.series.model import UNITS, Series

STRIP, VACUUM = "drying.strip_mass_g", "filling.vacuum_mbar"
# A curve with more weighings is kept as a record only; readings are for what a person could read.
MOST_READINGS = 500


def contradictions(
    series: Series, columns: Mapping[str, NDArray[np.float64]], execution: StepExecution, derived: Derived
) -> tuple[str, ...]:
    """Where readings of the run that were taken from the same instrument say another thing than its record."""
    if series.kind is RecordKind.MASS:
        start, time = series.started_at, columns["time_min"]
        differing = []
        for row in _recorded(execution, STRIP):
            at = (row.measured_at - start) / UNITS[RecordKind.MASS]
            if not time[0] - 1e-6 <= at <= time[-1] + 1e-6:
                continue
            by = abs(float(row.value) - float(np.interp(at, time, columns["mass_g"])))
            if by > rounding_of(row.entered_text) * 2:
                differing.append(by)
        if differing:
            return (
                f"{len(differing)} weighings that were recorded differ from the curve, by up to {max(differing):.4g} g",
            )
        return ()
    if series.kind is RecordKind.PRESSURE:
        recorded = _recorded(execution, VACUUM)
        return disagreements(derived, {VACUUM: recorded[-1].entered_text} if recorded else {})
    return ()


def _recorded(execution: StepExecution, code: str) -> list[Measurement]:
    rows = Measurement.objects.filter(
        lot_id=execution.lot_id,
        execution=execution,
        characteristic__code=code,
        quality=Measurement.Quality.GOOD,
    )
    return list(current_measurements(rows).order_by("received_at", "id"))


def record_readings(
    series: Series,
    columns: Mapping[str, NDArray[np.float64]],
    execution: StepExecution,
    derived: Derived,
    source: Source,
    user: User,
    now: datetime,
    digest: str,
) -> tuple[Submission | None, int]:
    """What the record says becomes readings of a run that goes on and has none of them."""
    readings: tuple[ReadingIn, ...] = ()
    lot = execution.lot
    if execution.finished_at is None and series.kind is RecordKind.MASS:
        mass = columns["mass_g"]
        if mass.size <= MOST_READINGS and not _recorded(execution, STRIP):
            readings = tuple(
                _reading(series, lot, STRIP, f"{float(value):.6f}", "g", float(at), str(index))
                for index, (at, value) in enumerate(zip(columns["time_min"], mass, strict=True))
            )
    elif execution.finished_at is None and series.kind is RecordKind.PRESSURE:
        lowest = derived.value(VACUUM)
        if lowest is not None and not _recorded(execution, VACUUM):
            readings = (_reading(series, lot, VACUUM, f"{lowest:.3f}", "mbar", 0.0, ""),)
    if not readings:
        return None, 0
    envelope = Envelope(
        site=lot.site,
        source=source,
        key=f"record:{lot.pk}:{digest}",
        user=user,
        readings=readings,
        file_sha256=digest,
    )
    answer = pipeline.record(envelope, now=now)
    return Submission.objects.get(uuid=answer.body["submission"]), len(readings)


def _reading(
    series: Series, lot: Lot, code: str, value: str, unit: str, at: float, position: str
) -> ReadingIn:
    return ReadingIn(
        characteristic=code,
        value=value,
        unit=unit,
        measured_at=series.started_at + UNITS[series.kind] * at,
        lot=lot.code,
        gauge=series.gauge,
        position=position,
    )
