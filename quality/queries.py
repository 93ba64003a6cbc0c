"""Reads for the people who answer for quality: what governs a value, what violated it, what a plan costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery

from lots.models import Characteristic, Lot, Measurement, Site
from lots.queries import lots_by_id
from quality.evidence import measurements_by_id
from quality.models import (
    ControlPlanLine,
    Defect,
    Judgement,
    ProcessWindow,
    Requirement,
    SpecificationLine,
)
from spc.definition import chart_definition
from spc.engine.live import false_alarm_rate
from spc.models import Chart, Point

NEWEST_JUDGEMENTS = 50_000


def lines_in_force(*, at: datetime) -> QuerySet[SpecificationLine]:
    """The newest effective line of every specification, with what a page shows beside it."""
    later = SpecificationLine.objects.filter(
        specification=OuterRef("specification"), revision__gt=OuterRef("revision"), effective_at__lte=at
    )
    return (
        SpecificationLine.objects.filter(~Exists(later), effective_at__lte=at)
        .select_related(
            "requirement",
            "specification__characteristic__step",
            "specification__product_revision__product",
            "specification__material",
        )
        .order_by(
            "specification__characteristic__step__sequence",
            "specification__characteristic__code",
            "specification__material__code",
        )
    )


def lines_of_chart(chart: Chart, *, at: datetime) -> list[SpecificationLine]:
    """Specification lines that judge what the chart plots; several for air that serves several products."""
    stream, plan = chart.stream, chart.stream.plan
    lines = lines_in_force(at=at).filter(specification__characteristic=plan.characteristic_id)
    if stream.product_revision_id is not None:
        lines = lines.filter(specification__product_revision=stream.product_revision_id)
    if plan.material_id is not None:
        lines = lines.filter(
            Q(specification__material=plan.material_id) | Q(specification__material__isnull=True)
        )
    found = list(lines)
    own = [line for line in found if line.specification.material_id == plan.material_id]
    return own or found


@dataclass(frozen=True)
class OutOfSpecification:
    """Judged values of a line among the newest judgements, how many of them violate it, and the key of the last one."""

    judged: int
    violating: int
    last_id: int

    @property
    def share_pct(self) -> float:
        return 100.0 * self.violating / self.judged if self.judged else 0.0


def out_of_specification(site: Site, line_ids: Iterable[int]) -> dict[int, OutOfSpecification]:
    """Line → share among the NEWEST_JUDGEMENTS newest judgements of lots and air of the site."""
    newest = Judgement.objects.aggregate(key=Max("id"))["key"] or 0
    rows = (
        _judgements_of(site, line_ids)
        .filter(id__gt=newest - NEWEST_JUDGEMENTS)
        .values_list("line_id")
        .annotate(
            judged=Count("id"),
            violating=Count("id", filter=Q(verdict=Judgement.Verdict.VIOLATES)),
            last=Max("id"),
        )
    )
    return {line: OutOfSpecification(*counted) for line, *counted in rows}


def last_judgements(site: Site, shares: Mapping[int, OutOfSpecification | None]) -> dict[int, Judgement]:
    """Line → its last judgement of lots and air of the site, also where that is older than those of its share."""
    older = _judgements_of(site, [line for line, share in shares.items() if share is None])
    keys = {share.last_id for share in shares.values() if share is not None}
    keys |= set(older.values("line").annotate(key=Max("id")).values_list("key", flat=True))
    return {row.line_id: row for row in Judgement.objects.filter(pk__in=keys)}


def _judgements_of(site: Site, line_ids: Iterable[int]) -> QuerySet[Judgement]:
    """Of lots and air of the site."""
    measured_there = Measurement.objects.filter(
        received_at=OuterRef("measurement_received_at"), id=OuterRef("measurement_id"), site=site
    )
    return Judgement.objects.filter(
        Exists(Lot.objects.filter(pk=OuterRef("lot_id"), site=site))
        | Q(lot_id__isnull=True) & Exists(measured_there),
        line__in=list(line_ids),
    )


def newest_defects(site: Site) -> QuerySet[Defect]:
    """Defects of the site, newest first, with the requirement violated and the hold caused."""
    return (
        Defect.objects.filter(site=site)
        .select_related("characteristic__step", "requirement", "lot", "hold", "judgement__line")
        .order_by("-id")
    )


@dataclass(frozen=True)
class Rivals:
    """A characteristic that another requirement speaks of too: all that is said, side by side, never merged."""

    characteristic: Characteristic
    lines: tuple[SpecificationLine, ...]
    windows: tuple[ProcessWindow, ...]


def rivals_of(requirement: Requirement, characteristic_ids: Iterable[int], *, at: datetime) -> list[Rivals]:
    """Characteristics of the requirement on which other requirements set limits as well."""
    keys = set(characteristic_ids)
    lines = list(lines_in_force(at=at).filter(specification__characteristic__in=keys))
    windows = list(
        ProcessWindow.objects.filter(characteristic__in=keys).select_related("characteristic", "requirement")
    )
    rivals = []
    for characteristic in Characteristic.objects.filter(pk__in=keys).order_by("step__sequence", "code"):
        own_lines = [line for line in lines if line.specification.characteristic_id == characteristic.pk]
        own_windows = [window for window in windows if window.characteristic_id == characteristic.pk]
        speaking = {line.requirement_id for line in own_lines} | {w.requirement_id for w in own_windows}
        if speaking - {requirement.pk, None}:
            rivals.append(Rivals(characteristic, tuple(own_lines), tuple(own_windows)))
    return rivals


@dataclass(frozen=True)
class JudgedValue:
    """A judgement with the value that it is about (None: kept in an archive) and its lot."""

    judgement: Judgement
    value: Measurement | None
    lot: Lot | None


def newest_judgements(site: Site, lines: Sequence[SpecificationLine], *, count: int) -> list[JudgedValue]:
    """The newest judgements by the lines, of values recorded at the site."""
    here = Measurement.objects.filter(
        received_at=OuterRef("measurement_received_at"), id=OuterRef("measurement_id"), site=site
    )
    rows = list(
        Judgement.objects.filter(Exists(here), line__in=lines)
        .select_related("line__specification__characteristic")
        .order_by("-id")[:count]
    )
    values = measurements_by_id((row.measurement_received_at, row.measurement_id) for row in rows)
    lots = lots_by_id(row.lot_id for row in rows if row.lot_id is not None)
    return [JudgedValue(row, values.get(row.measurement_id), lots.get(row.lot_id or 0)) for row in rows]


def weekly_false_alarms(lines: Iterable[ControlPlanLine], site: Site, *, now: datetime) -> dict[int, float]:
    """Line → false alarms to expect in a week: points to be plotted in seven days over the ARL of the line's rules.

    Points are those of the last seven days on every chart that published revisions of the plan drew of the same
    characteristic and material, so that a new chart is expected to be fed as those before it were; they count by their
    readings where the subgroup's size changes. Lines without a chart are absent. `now` is on the site clock.
    """
    charted = [line for line in lines if line.chart_family]
    # Walks back from the newest point to the first that is a week old, not over the whole history.
    older = Point.objects.filter(
        chart=OuterRef("pk"), replaced_at__isnull=True, measured_at__lte=now - timedelta(days=7)
    ).order_by("-sequence")
    drawn = ControlPlanLine.objects.filter(
        revision__plan__revisions__in={line.revision_id for line in charted},
        revision__published_at__isnull=False,
        chart_plan__isnull=False,
    )
    charts = (
        Chart.objects.filter(stream__plan__in=drawn.order_by().values("chart_plan"), stream__plan__site=site)
        .annotate(last_older=Subquery(older.values("sequence")[:1]))
        .select_related("stream__plan", "state")
    )
    readings: Counter[tuple[int, int | None]] = Counter()
    for chart in charts:
        plan, older_than = chart.stream.plan, chart.last_older
        points = chart.state.next_sequence - (0 if older_than is None else older_than + 1)
        readings[plan.characteristic_id, plan.material_id] += plan.subgroup_size * points
    expected = {}
    for line in charted:
        definition = chart_definition(
            line.chart_family,
            rules=line.rules,
            parameters=line.parameters,
            subgroup_by=line.subgroup_by,
            subgroup_size=line.subgroup_size,
        )
        week = readings[line.characteristic_id, line.material_id] / line.subgroup_size
        expected[line.pk] = week * false_alarm_rate(definition)
    return expected
