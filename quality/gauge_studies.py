"""Reads of gauge studies: what is next, what they say, what they mean for gauges and control plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet

from lots.models import Characteristic, Gauge, Site
from quality.models import ControlPlanLine, GaugeReading, GaugeStudy, GaugeVerdict
from quality.queries import lines_in_force
from spc.engine.gauge_study import study_result
from spc.engine.gauge_verdict import Design, StudyReading, StudyResult
from spc.engine.measurement_systems import StudyError

CLASSES = ("pass", "fail")
LONGEST_VALUE = 40


@dataclass(frozen=True)
class Run:
    """One place in the frozen order, with the reading that counts (None: not read yet) and those it superseded."""

    number: int
    part: str
    operator: str
    trial: int
    reading: GaugeReading | None
    superseded: tuple[GaugeReading, ...]


def written_value(design: str, text: str) -> str:
    """The text of a reading, checked: a class in an attribute study, else a finite number. Raises ValueError."""
    word = text.strip()
    if design == GaugeStudy.Design.ATTRIBUTE:
        if word.lower() not in CLASSES:
            raise ValueError(f"{word!r} is neither {' nor '.join(CLASSES)}")
        return word.lower()
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise ValueError(f"{word!r} is not a number") from None
    if not number.is_finite() or abs(number) >= Decimal("1e10") or len(word) > LONGEST_VALUE:
        raise ValueError("is not a finite number below 1e10")
    return word


def runs_of(study: GaugeStudy) -> list[Run]:
    """Every run in its order."""
    by_run: dict[int, list[GaugeReading]] = {}
    for reading in study.readings.select_related("recorded_by").order_by("run", "attempt"):
        by_run.setdefault(reading.run, []).append(reading)
    runs = []
    for number, (part, operator, trial) in enumerate(study.order):
        readings = by_run.get(number, [])
        runs.append(
            Run(number, part, operator, trial, readings[-1] if readings else None, tuple(readings[:-1]))
        )
    return runs


def readings_of(study: GaugeStudy, runs: Iterable[Run]) -> list[StudyReading]:
    """The readings that count, as the engine takes them."""
    attribute = study.design == GaugeStudy.Design.ATTRIBUTE
    return [
        StudyReading(
            run.part, run.operator, run.trial, run.reading.value if attribute else float(run.reading.value)
        )
        for run in runs
        if run.reading is not None
    ]


def result_of(study: GaugeStudy, runs: list[Run]) -> StudyResult:
    """The result of a complete study. Raises StudyError for an incomplete one, or where the data say nothing."""
    missing = sum(run.reading is None for run in runs)
    if missing:
        raise StudyError(f"{missing} of {len(runs)} readings are missing")
    attribute = study.design == GaugeStudy.Design.ATTRIBUTE
    return study_result(
        Design(study.design),
        readings_of(study, runs),
        tolerance=None if study.tolerance is None else float(study.tolerance),
        references={part: value if attribute else float(value) for part, value in study.references.items()},
    )


def narrowest_tolerance(characteristic: Characteristic, *, at: datetime) -> Decimal | None:
    """USL - LSL of the narrowest specification in force; None where none has both limits."""
    lines = lines_in_force(at=at).filter(specification__characteristic=characteristic)
    widths = [line.usl - line.lsl for line in lines if line.lsl is not None and line.usl is not None]
    return min(widths, default=None)


def studies_of_site(site: Site) -> QuerySet[GaugeStudy]:
    """Newest first, with what a list shows."""
    return (
        GaugeStudy.objects.filter(site=site)
        .select_related("gauge", "characteristic__step", "planned_by", "verdict__signature")
        .order_by("-pk")
    )


def latest_verdicts(gauges: Iterable[Gauge]) -> dict[int, GaugeVerdict]:
    """Gauge → the verdict of its newest signed study; one query."""
    rows = (
        GaugeVerdict.objects.filter(study__gauge__in=list(gauges))
        .select_related("study__characteristic")
        .order_by("study__gauge", "-pk")
        .distinct("study__gauge")
    )
    return {row.study.gauge_id: row for row in rows}


def plan_warnings(site: Site, lines: Iterable[ControlPlanLine]) -> dict[int, str]:
    """Line → why its gauge may not be trusted: no signed study of its characteristic, or the newest one failed.

    Lines without a gauge kind are absent. Each gauge of the kind that was studied speaks by its newest study.
    """
    named = [line for line in lines if line.gauge_kind]
    rows = (
        GaugeVerdict.objects.filter(
            study__site=site,
            study__gauge__retired_at__isnull=True,
            study__characteristic__in={line.characteristic_id for line in named},
        )
        .select_related("study__gauge")
        .order_by("study__gauge", "study__characteristic", "-pk")
        .distinct("study__gauge", "study__characteristic")
    )
    known: dict[tuple[int, str], list[GaugeVerdict]] = {}
    for row in rows:
        known.setdefault((row.study.characteristic_id, row.study.gauge.kind), []).append(row)
    found = {}
    for line in named:
        verdicts = known.get((line.characteristic_id, line.gauge_kind))
        if not verdicts:
            found[line.pk] = "no gauge study"
            continue
        failed = [
            row.study.gauge.code for row in verdicts if row.verdict == GaugeVerdict.Verdict.UNACCEPTABLE
        ]
        if failed:
            found[line.pk] = f"gauge study failed: {', '.join(sorted(failed))}"
    return found


def result_content(result: StudyResult) -> dict[str, Any]:
    """JSON-safe: what is shown, sent and signed."""
    return {
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
        "ndc": result.ndc,
        "components": [dict(vars(component)) for component in result.components],
        "figures": [{"name": name, "value": value} for name, value in result.figures],
    }
