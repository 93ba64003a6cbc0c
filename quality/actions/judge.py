"""Judge every value against its specification; a violation is a defect and a hold in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import Hold, Lot, Measurement, Site
from lots.queries import lots_open_in_zone
from quality.actions.spike import limits_after, note_spikes
from quality.models import Defect, Judgement, SpecificationLine, TightenedLimits
from quality.specifications import SpecificationBook, compare, violation_text
from quality.spikes import STEP, spike_behind


@dataclass(frozen=True)
class Violation:
    """A value out of specification, with the defect and the hold it caused (None: nothing to hold)."""

    row: Measurement
    line: SpecificationLine
    defect: Defect
    hold: Hold | None
    text: str


@dataclass(frozen=True)
class Verdicts:
    """How the rows of a submission were judged; rows without a specification are not in it."""

    judgements: tuple[Judgement, ...]
    violations: tuple[Violation, ...]


def judge_values(
    rows: Iterable[Measurement], lots: dict[int, Lot], site: Site, *, now: datetime, site_now: datetime
) -> Verdicts:
    """Judge good rows; must run in the transaction that stores them."""
    good = [row for row in rows if row.quality == Measurement.Quality.GOOD]
    book = SpecificationBook((row.characteristic_id for row in good), at=site_now)
    judged: list[tuple[Measurement, Judgement]] = []
    spikes = spike_behind(
        {lots[r.lot_id] for r in good if r.lot_id is not None and r.characteristic.step.code == STEP}
    )
    for row in good:
        for line in _lines(book, row, lots):
            spike = spikes.get(row.lot_id or 0)
            tightened = limits_after(spike, line, site_now=site_now) if spike is not None else None
            judged.append((row, _judgement(row, line, tightened, now)))
    Judgement.objects.bulk_create(judgement for _, judgement in judged)
    note_spikes(
        [(r, j.line) for r, j in judged if j.verdict == Judgement.Verdict.VIOLATES and r.zone_id is not None],
        site,
        site_now=site_now,
    )
    bad = [(r, j) for r, j in judged if j.verdict == Judgement.Verdict.VIOLATES]
    return Verdicts(
        judgements=tuple(judgement for _, judgement in judged),
        violations=tuple(_hold_and_flag(bad, site, site_now=site_now)),
    )


def _lines(book: SpecificationBook, row: Measurement, lots: dict[int, Lot]) -> list[SpecificationLine]:
    if row.lot_id is None:
        return book.lines_for_zone(row.characteristic_id)
    line = book.line_for_lot(row.characteristic_id, lots[row.lot_id])
    return [line] if line is not None else []


def _judgement(
    row: Measurement, line: SpecificationLine, tightened: TightenedLimits | None, now: datetime
) -> Judgement:
    limits = tightened or line
    return Judgement(
        measurement_received_at=row.received_at,
        measurement_id=row.id,
        lot_id=row.lot_id,
        line=line,
        lsl=limits.lsl,
        usl=limits.usl,
        tightened=tightened,
        verdict=compare(row.value, row.qualifier, limits.lsl, limits.usl),
        judged_at=now,
    )


def _hold_and_flag(
    bad: list[tuple[Measurement, Judgement]], site: Site, *, site_now: datetime
) -> Iterable[Violation]:
    """One hold per subject and characteristic, however many positions violate; one defect per value."""
    holds: dict[tuple[int | None, int | None, int], Hold | None] = {}
    for row, judgement in bad:
        text = violation_text(row, judgement.line, judgement.tightened)
        subject = (row.lot_id, row.zone_id, row.characteristic_id)
        if judgement.line.severity == SpecificationLine.Severity.SHOULD:
            hold = None
        elif subject in holds:
            hold = holds[subject]
        else:
            hold = holds[subject] = _hold(row, text, site, site_now)
        defect = Defect.objects.create(
            site=site,
            judgement=judgement,
            lot_id=row.lot_id,
            characteristic=row.characteristic,
            requirement=judgement.line.requirement,
            hold=hold,
            found_at=site_now,
        )
        yield Violation(row, judgement.line, defect, hold, text)


def _hold(row: Measurement, text: str, site: Site, site_now: datetime) -> Hold | None:
    if row.lot_id is not None:
        affected = [row.lot_id]
    elif row.zone_id is not None:
        affected = lots_open_in_zone(row.zone_id, row.measured_at, row.measured_at)
    else:
        affected = []
    if not affected:
        return None
    return place_hold(
        site=site,
        source=Hold.Source.DEFECT,
        source_id=row.id,
        reason=text,
        extents=[HeldExtent(lot_id) for lot_id in affected],
        placed_at=site_now,
    )
