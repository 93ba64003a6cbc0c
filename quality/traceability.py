"""Requirement → specification → control-plan line → measurement → evidence, as one table with its gaps.

The handbook's four rules (1.5) are the gap queries: every requirement has a verification method; every method
references a requirement; every lever has a parameter that is collected; a changed requirement makes what follows from
it suspect.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from lots.models import Measurement, Site
from lots.queries import current_measurements
from quality.models import (
    ControlPlanLine,
    Judgement,
    Recheck,
    Requirement,
    RequirementRevision,
    SpecificationLine,
)
from quality.plans import newest_revisions
from quality.queries import OutOfSpecification, last_judgements, lines_in_force, out_of_specification
from spc.engine import process_indices

READINGS = 500  # newest values behind a Ppk
FEWEST = 20


@dataclass(frozen=True)
class Link:
    """A specification line that verifies the requirement, with the control-plan lines that collect its values.

    `suspect`: the requirement was revised after the line and nobody has re-checked it. `ppk` is of the newest READINGS
    values; None for fewer than FEWEST of them.
    """

    line: SpecificationLine
    collected_by: tuple[ControlPlanLine, ...]
    suspect: bool
    share: OutOfSpecification | None
    last: Judgement | None
    ppk: float | None

    @property
    def is_collected(self) -> bool:
        return any(line.required_count or line.chart_family for line in self.collected_by)


@dataclass(frozen=True)
class MatrixRow:
    requirement: Requirement
    revision: RequirementRevision | None
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Gap:
    """One broken rule: its number in the handbook, what is wrong, and the requirement concerned."""

    rule: int
    words: str
    requirement: str = ""


@dataclass(frozen=True)
class Matrix:
    rows: tuple[MatrixRow, ...]
    gaps: tuple[Gap, ...]


def matrix(site: Site, *, at: datetime) -> Matrix:
    """The whole table of a site, `at` an instant of its clock. The number of queries does not grow with it."""
    lines = list(lines_in_force(at=at))
    plan_lines = list(
        ControlPlanLine.objects.filter(revision__in=newest_revisions(site)).select_related(
            "characteristic__step", "material", "specification", "revision__plan"
        )
    )
    by_characteristic: dict[int, list[ControlPlanLine]] = defaultdict(list)
    for plan_line in plan_lines:
        by_characteristic[plan_line.characteristic_id].append(plan_line)
    shares = out_of_specification(site, [line.pk for line in lines])
    newest = _newest_revisions()
    rechecked = set(Recheck.objects.values_list("requirement_revision_id", "line_id"))
    last = last_judgements(site, {line.pk: shares.get(line.pk) for line in lines})
    indices = _performance(lines, site)
    links: dict[int, list[Link]] = defaultdict(list)
    for line in lines:
        specification = line.specification
        collected = tuple(
            plan_line
            for plan_line in by_characteristic[specification.characteristic_id]
            if plan_line.material_id is None
            or specification.material_id is None
            or plan_line.material_id == specification.material_id
        )
        revision = newest.get(line.requirement_id)
        suspect = revision is not None and _is_suspect(line, revision, rechecked)
        links[line.requirement_id].append(
            Link(line, collected, suspect, shares.get(line.pk), last.get(line.pk), indices.get(line.pk))
        )
    rows = tuple(
        MatrixRow(requirement, newest.get(requirement.pk), tuple(links[requirement.pk]))
        for requirement in Requirement.objects.order_by("kind", "code")
    )
    return Matrix(rows, tuple(_gaps(rows, plan_lines, {line.specification_id for line in lines})))


def suspects_of(revision: RequirementRevision, lines: Iterable[SpecificationLine]) -> list[SpecificationLine]:
    """Those of the requirement's `lines` that nobody has re-checked since this newest revision of it."""
    rechecked = set(
        Recheck.objects.filter(requirement_revision=revision).values_list(
            "requirement_revision_id", "line_id"
        )
    )
    return [line for line in lines if _is_suspect(line, revision, rechecked)]


def _is_suspect(
    line: SpecificationLine, revision: RequirementRevision, rechecked: Container[tuple[int, int]]
) -> bool:
    return (
        revision.number > 1
        and revision.issued_at > line.effective_at
        and (revision.pk, line.pk) not in rechecked
    )


def _gaps(rows: Sequence[MatrixRow], plan_lines: Sequence[ControlPlanLine], specified: set[int]) -> list[Gap]:
    gaps = []
    for row in rows:
        code = row.requirement.code
        if row.revision is None:
            gaps.append(Gap(1, f"{code} has no statement and no acceptance criterion", code))
        if not row.links:
            gaps.append(Gap(1, f"{code} has no verification method: no specification traces to it", code))
        for link in row.links:
            name = link.line.specification.characteristic.name
            if not link.is_collected:
                gaps.append(Gap(3, f"{code}: {name} is specified and no control-plan line collects it", code))
            if link.suspect:
                gaps.append(
                    Gap(4, f"{code} was revised: {name} is suspect until somebody re-checks it", code)
                )
    for line in plan_lines:
        if line.specification_id is not None and line.specification_id not in specified:
            words = (
                f"{line.characteristic.name} is checked against a specification that no requirement is behind"
            )
            gaps.append(Gap(2, words))
    return gaps


def _newest_revisions() -> dict[int, RequirementRevision]:
    numbers = dict(
        RequirementRevision.objects.values_list("requirement").annotate(number=Max("number")).order_by()
    )
    rows = RequirementRevision.objects.filter(requirement__in=numbers).select_related("issued_by")
    return {row.requirement_id: row for row in rows if row.number == numbers[row.requirement_id]}


def _performance(lines: Sequence[SpecificationLine], site: Site) -> dict[int, float]:
    """Line → Ppk of the newest values judged by it; one query for the judgements and one for their values."""
    newest = Judgement.objects.aggregate(key=Max("id"))["key"] or 0
    judged: dict[int, list[int]] = defaultdict(list)
    rows = Judgement.objects.filter(line__in=[line.pk for line in lines], id__gt=newest - 40 * READINGS)
    instants = set()
    for line_id, key, received_at in rows.order_by("-id").values_list(
        "line_id", "measurement_id", "measurement_received_at"
    ):
        if len(judged[line_id]) < READINGS:
            judged[line_id].append(key)
            instants.add(received_at)
    if not instants:
        return {}
    wanted = {key for keys in judged.values() for key in keys}
    rows_of_site = Measurement.objects.filter(
        site=site,
        received_at__range=(min(instants), max(instants)),
        id__in=wanted,
        quality=Measurement.Quality.GOOD,
    )
    values = dict(current_measurements(rows_of_site).values_list("id", "value"))
    found = {}
    for line in lines:
        sample = [float(values[key]) for key in judged[line.pk] if key in values]
        if len(sample) < FEWEST:
            continue
        indices = process_indices(
            statistics.fmean(sample),
            statistics.stdev(sample),
            lsl=None if line.lsl is None else float(line.lsl),
            usl=None if line.usl is None else float(line.usl),
        )
        if indices.ck is not None:
            found[line.pk] = indices.ck
    return found
