"""What the gates read of a set of lots, in a number of queries that does not grow with the set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Count, Exists, Func, OuterRef, Q

from lots.models import HoldLot, Lot, Measurement, OpenInterval, StepExecution
from lots.queries import active_holds, current_measurements, executions_with_inherited, valid_measurements
from quality.blockers import Blocker
from quality.concessions import concession_blockers
from quality.deviations import in_force
from quality.models import Defect, Deviation, Disposition, DispositionItem, Judgement, SpecificationLine
from quality.plans import gate_lines, revision_of
from quality.shelf_life import shelf_life_blockers
from spc.queries import closing_for_lots, unfinished_for_lots, unjudged_signals_for_lots


@dataclass(frozen=True)
class Material:
    """What lies in the lots themselves, by lot."""

    holds: dict[int, list[HoldLot]]
    open_containers: set[int]
    concessions: dict[int, list[Blocker]]
    shelf_life: dict[int, list[Blocker]]

    def carried(self) -> Material:
        """Without the holds on intervals: what a step that carries them through asks for."""
        whole = {
            key: [member for member in members if member.from_mm is None]
            for key, members in self.holds.items()
        }
        return replace(self, holds=whole)


@dataclass(frozen=True)
class History:
    """What the lots have been through: the latest attempt at each route step, and every rework that was decided."""

    executions: dict[tuple[int, int], StepExecution]
    reworks: dict[int, list[Disposition]]


@dataclass(frozen=True)
class Outside:
    """A current value out of its limits: whether they must hold, the hold that it caused, and what was decided."""

    value: Decimal
    must: bool
    hold_id: int | None
    decision: str

    @property
    def text(self) -> str:
        """The value as a deviation names it."""
        return f"{self.value.normalize():f}"

    def needs_more_than(self, deviation: Deviation | None) -> bool:
        """Whether a gate refuses it: a deviation covers the values that it was signed for, and no later one."""
        return self.must and (deviation is None or self.text not in deviation.outside.split(", "))


@dataclass(frozen=True)
class Evidence:
    """The lots' values: how many valid ones by (lot, characteristic), and what keeps them from being relied upon.

    `suspect` counts those of gauges that were out of calibration or found wrong: they are there and do not count.
    `outside` are values out of limits by (lot, characteristic); `deviations` those in force by (lot, gate,
    characteristic).
    """

    counts: Counter[tuple[int, int]]
    suspect: Counter[tuple[int, int]]
    undetermined: list[Measurement]
    quarantined: list[Measurement]
    waiting: dict[int, dict[int, str]]
    unjudged: dict[int, set[int]]
    outside: dict[tuple[int, int], list[Outside]]
    deviations: dict[tuple[int, str, int], Deviation]

    def excused(self, lot_id: int) -> set[int]:
        """Characteristics of the lot whose values a deviation does without."""
        return {characteristic for lot, _, characteristic in self.deviations if lot == lot_id}

    def present(self, key: tuple[int, int], needed: int) -> str:
        """So many of so many values, and why others do not count."""
        words = f"{self.counts[key]} of {needed} values"
        if not self.suspect[key]:
            return words
        left_out = self.suspect[key]
        return f"{words} (not counted: {left_out} of a gauge that cannot be relied upon; measure again)"


def material_of(lots: Sequence[Lot], *, now: datetime, whole_only: bool = False) -> Material:
    """Open holds (`whole_only`: not those on intervals), open containers, concessions, shelf life."""
    keys = [lot.pk for lot in lots]
    holds: dict[int, list[HoldLot]] = {}
    for member in active_holds(keys):
        holds.setdefault(member.lot_id, []).append(member)
    open_now = OpenInterval.objects.filter(lot__in=keys, closed_at__isnull=True)
    found = Material(
        holds=holds,
        open_containers=set(open_now.values_list("lot_id", flat=True)),
        concessions=concession_blockers(lots, now=now),
        shelf_life=shelf_life_blockers(lots, now=now),
    )
    return found.carried() if whole_only else found


def history_of(lots: Iterable[Lot]) -> History:
    """Latest executions and rework decisions.

    A roll that was cut, joined or wound anew has behind it what all rolls that it came from had.
    """
    lots = list(lots)
    keys = [lot.pk for lot in lots]
    items = (
        DispositionItem.objects.filter(lot__in=keys, disposition__decision=Disposition.Decision.REWORK)
        .select_related("disposition__rework_from")
        .order_by()
    )
    reworks: dict[int, list[Disposition]] = {}
    for item in items:
        reworks.setdefault(item.lot_id, []).append(item.disposition)
    return History(executions=executions_with_inherited(lots), reworks=reworks)


def evidence_of(
    lots: Sequence[Lot], executions: dict[tuple[int, int], StepExecution], *, now: datetime
) -> Evidence:
    """Values of the lots; of those taken at a step only the latest attempt's count."""
    keys = [lot.pk for lot in lots]
    latest = {execution.pk for execution in executions.values()}
    counts: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    there = current_measurements(Measurement.objects.filter(lot_id__in=keys))
    for quality, lot, characteristic, number in (
        there.filter(Q(execution__in=latest) | Q(execution__isnull=True))
        .values_list("quality", "lot_id", "characteristic_id")
        .annotate(values=Count("id"))
        .order_by()
    ):
        counts[quality][lot, characteristic] = number
    rows = _doubtful(keys)
    return Evidence(
        counts=counts[Measurement.Quality.GOOD],
        suspect=counts[Measurement.Quality.SUSPECT],
        undetermined=[row for row in rows if row.undetermined and not row.again],
        quarantined=[row for row in rows if row.quality == Measurement.Quality.QUARANTINED and not row.again],
        waiting=_waiting(keys),
        unjudged=_unjudged(keys),
        outside=_outside([row for row in rows if row.violates], latest),
        deviations=in_force(gated, now=now) if (gated := [lot for lot in lots if _has_gates(lot)]) else {},
    )


class Same(Func):
    """Equal, or both missing."""

    arg_joiner = " IS NOT DISTINCT FROM "
    template = "(%(expressions)s)"
    output_field = BooleanField()


def _has_gates(lot: Lot) -> bool:
    revision = revision_of(lot)
    return revision is not None and bool(gate_lines(revision, lot.material_id))


def _outside(rows: list[Any], latest: set[int]) -> dict[tuple[int, int], list[Outside]]:
    """Values out of limits, of those taken at a step only the latest attempt's, with what was decided about them."""
    rows = [row for row in rows if row.execution_id is None or row.execution_id in latest]
    if not rows:
        return {}
    defects = {
        defect.judgement.measurement_id: defect
        for defect in Defect.objects.filter(
            judgement__measurement_id__in=[row.id for row in rows]
        ).select_related("judgement__line")
    }
    decided = {
        (item.hold_lot.hold_id, item.lot_id): item.disposition.decision
        for item in DispositionItem.objects.filter(
            lot__in={row.lot_id for row in rows}, hold_lot__hold__in={d.hold_id for d in defects.values()}
        ).select_related("hold_lot", "disposition")
    }
    found: dict[tuple[int, int], list[Outside]] = {}
    for row in rows:
        defect = defects.get(row.id)
        outside = Outside(
            value=row.value,
            must=defect is None or defect.judgement.line.severity == SpecificationLine.Severity.MUST,
            hold_id=defect.hold_id if defect is not None else None,
            decision=decided.get((defect.hold_id or 0, row.lot_id), "") if defect is not None else "",
        )
        found.setdefault((row.lot_id, row.characteristic_id), []).append(outside)
    return found


def _doubtful(keys: list[int]) -> list[Any]:
    """Current rows without a verdict, out of limits, or quarantined; `again` where something good and uncensored of
    the same characteristic was measured later at the same place."""
    if not _in_doubt(keys):
        return []

    def verdict(value: Judgement.Verdict) -> Exists:
        return Exists(Judgement.objects.filter(lot_id__in=keys, measurement_id=OuterRef("id"), verdict=value))

    again = valid_measurements(keys).filter(
        Same("position", OuterRef("position")),
        Same("roll_position_mm", OuterRef("roll_position_mm")),
        lot_id=OuterRef("lot_id"),
        characteristic_id=OuterRef("characteristic_id"),
        qualifier="",
        id__gt=OuterRef("id"),
    )
    return list(
        current_measurements(Measurement.objects.filter(lot_id__in=keys))
        .annotate(
            undetermined=verdict(Judgement.Verdict.UNDETERMINED),
            violates=verdict(Judgement.Verdict.VIOLATES),
        )
        .filter(Q(undetermined=True) | Q(violates=True) | Q(quality=Measurement.Quality.QUARANTINED))
        .annotate(again=Exists(again))
        .select_related("characteristic")
    )


def _in_doubt(keys: list[int]) -> bool:
    """Whether there is any such row, corrected ones included: asked first, as this is cheap and mostly false."""
    verdicts = (Judgement.Verdict.UNDETERMINED, Judgement.Verdict.VIOLATES)
    return (
        Judgement.objects.filter(lot_id__in=keys, verdict__in=verdicts).exists()
        or Measurement.objects.filter(lot_id__in=keys, quality=Measurement.Quality.QUARANTINED).exists()
    )


def _waiting(keys: list[int]) -> dict[int, dict[int, str]]:
    """Charts that have not evaluated the latest values yet, with their characteristic's name, by lot."""
    found: dict[int, dict[int, str]] = {}
    entries = list(
        unfinished_for_lots(keys).values_list(
            "submission_id", "chart_id", "chart__stream__plan__characteristic__name"
        )
    )
    if entries:
        concerned = Measurement.objects.filter(
            lot_id__in=keys, submission__in={submission for submission, _, _ in entries}
        ).values_list("submission_id", "lot_id")
        lots_of: dict[int, set[int]] = {}
        for submission, lot in concerned:
            if lot is not None:
                lots_of.setdefault(submission, set()).add(lot)
        for submission, chart, name in entries:
            for lot in lots_of.get(submission, ()):
                found.setdefault(lot, {})[chart] = name
    for lot, chart, name in closing_for_lots(keys):
        found.setdefault(lot, {})[chart] = name
    return found


def _unjudged(keys: list[int]) -> dict[int, set[int]]:
    """Charts of streams that the lot touched with a signal that the reaction plan has not judged, by lot."""
    if not unjudged_signals_for_lots(keys).exists():
        return {}
    return {
        key: charts
        for key in keys
        if (charts := set(unjudged_signals_for_lots([key]).values_list("chart_id", flat=True)))
    }
