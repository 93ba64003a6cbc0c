"""Reads for the people who answer for quality: what governs a chart, what waits, what stands behind a hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet

from lots.models import Hold, HoldLot, Lot, Measurement, Membership, Site, Submission, User
from quality.models import ControlPlanLine, Defect, Judgement, Signature, SpecificationLine
from quality.permissions import MATRIX, Action
from spc.engine import Family, Rule, expected_false_alarms, rules_for
from spc.engine.families import Panel
from spc.models import Chart, Point, Signal, SubgroupMember

NEWEST_JUDGEMENTS = 50_000
NEIGHBOURS = 3
# A neighbour is looked for among so many points on either side.
NEIGHBOUR_POINTS = 60


# --- specifications ---------------------------------------------------------------------------------
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
    """Judged values of a line among the newest judgements, and how many of them violate it."""

    judged: int
    violating: int

    @property
    def share_pct(self) -> float:
        return 100.0 * self.violating / self.judged if self.judged else 0.0


def out_of_specification(site: Site, line_ids: Iterable[int]) -> dict[int, OutOfSpecification]:
    """Line → share among the NEWEST_JUDGEMENTS newest judgements of lots and air of the site."""
    newest = Judgement.objects.aggregate(key=Max("id"))["key"] or 0
    rows = (
        Judgement.objects.filter(id__gt=newest - NEWEST_JUDGEMENTS, line__in=list(line_ids))
        .filter(
            Exists(Lot.objects.filter(pk=OuterRef("lot_id"), site=site))
            | Q(lot_id__isnull=True)
            & Exists(
                Measurement.objects.filter(
                    received_at=OuterRef("measurement_received_at"), id=OuterRef("measurement_id"), site=site
                )
            )
        )
        .values_list("line_id")
        .annotate(judged=Count("id"), violating=Count("id", filter=Q(verdict=Judgement.Verdict.VIOLATES)))
    )
    return {line: OutOfSpecification(judged, violating) for line, judged, violating in rows}


def newest_defects(site: Site) -> QuerySet[Defect]:
    """Defects of the site, newest first, with the requirement violated and the hold caused."""
    return (
        Defect.objects.filter(site=site)
        .select_related("characteristic__step", "requirement", "lot", "hold", "judgement__line")
        .order_by("-id")
    )


# --- holds ------------------------------------------------------------------------------------------
def holds_of_site(site: Site) -> QuerySet[Hold]:
    """Holds of the site; `open_lots` and `all_lots` count their members' lots."""
    return Hold.objects.filter(site=site).annotate(
        open_lots=Count("members__lot", filter=Q(members__disposition_id__isnull=True), distinct=True),
        all_lots=Count("members__lot", distinct=True),
    )


def open_holds(site: Site) -> QuerySet[Hold]:
    """Holds with at least one member not disposed of, longest waiting first."""
    waiting = HoldLot.objects.filter(hold=OuterRef("pk"), disposition_id__isnull=True)
    return holds_of_site(site).filter(Exists(waiting)).order_by("placed_at", "id")


@dataclass(frozen=True)
class Evidence:
    """What stands behind a hold: values out of specification, or the signal of a chart."""

    defects: tuple[Defect, ...]
    values: dict[int, Measurement]
    signal: Signal | None
    chart_id: int | None


def evidence_of(hold: Hold) -> Evidence:
    """The defects with their values, or the signal, that placed the hold."""
    defects = tuple(
        hold.defects.select_related(
            "characteristic",
            "requirement",
            "judgement__line__specification__characteristic",
            "judgement__line__specification__product_revision__product",
            "judgement__line__specification__material",
            "judgement__line__requirement",
            "lot",
        ).order_by("id")
    )
    signal = None
    if hold.source == Hold.Source.SIGNAL and hold.source_id is not None:
        signal = (
            Signal.objects.select_related("point", "firing", "chart__stream__plan__characteristic")
            .filter(pk=hold.source_id)
            .first()
        )
    values = measurements_by_id(
        (d.judgement.measurement_received_at, d.judgement.measurement_id) for d in defects
    )
    chart_id = signal.chart_id if signal else _chart_of_values(values)
    return Evidence(defects, values, signal, chart_id)


def measurements_by_id(keys: Iterable[tuple[datetime, int]]) -> dict[int, Measurement]:
    """Measurements by id; (received_at, id) finds the partition."""
    wanted = list(keys)
    rows = Measurement.objects.filter(
        received_at__in={at for at, _ in wanted}, id__in={key for _, key in wanted}
    ).select_related("characteristic", "operator", "gauge", "zone", "equipment")
    return {row.id: row for row in rows}


def _chart_of_values(values: Iterable[int]) -> int | None:
    return (
        SubgroupMember.objects.filter(measurement_id__in=list(values))
        .order_by("id")
        .values_list("subgroup__chart_id", flat=True)
        .first()
    )


def neighbours(hold: Hold, evidence: Evidence) -> tuple[list[Lot], list[Lot]]:
    """Lots that the same stream made just before and just after; by order of making where no chart knows them."""
    held = list(hold.members.order_by("id").values_list("lot_id", flat=True)[:2_000])
    direct = hold.members.filter(inherited_from__isnull=True).order_by("id").values_list("lot_id", flat=True)
    roots = list(direct[:200]) or held[:1]
    if evidence.chart_id is not None:
        points = Point.objects.filter(chart=evidence.chart_id, subgroup__members__lot_id__in=roots)
        ends = points.aggregate(first=Min("sequence"), last=Max("sequence"))
        if ends["first"] is not None:
            before = _lots_of_points(
                evidence.chart_id, ends["first"] - NEIGHBOUR_POINTS, ends["first"], roots
            )
            after = _lots_of_points(
                evidence.chart_id, ends["last"] + 1, ends["last"] + NEIGHBOUR_POINTS, roots
            )
            return _lots(before[-NEIGHBOURS:]), _lots(after[:NEIGHBOURS])
    first = Lot.objects.filter(pk=roots[0]).first() if roots else None
    if first is None:
        return [], []
    alike = Lot.objects.filter(site=hold.site_id, material=first.material_id).exclude(pk__in=held)
    made_before = alike.filter(pk__lt=min(roots)).order_by("-pk").values_list("pk", flat=True)[:NEIGHBOURS]
    made_after = alike.filter(pk__gt=max(roots)).order_by("pk").values_list("pk", flat=True)[:NEIGHBOURS]
    return _lots(list(made_before)[::-1]), _lots(list(made_after))


def _lots_of_points(chart_id: int, first: int, end: int, without: Sequence[int]) -> list[int]:
    rows = (
        SubgroupMember.objects.filter(
            subgroup__points__chart=chart_id,
            subgroup__points__sequence__gte=first,
            subgroup__points__sequence__lt=end,
            lot_id__isnull=False,
        )
        .exclude(lot_id__in=without)
        .order_by("subgroup__points__sequence", "id")
        .values_list("lot_id", flat=True)
    )
    return list(dict.fromkeys(lot_id for lot_id in rows if lot_id is not None))


def _lots(keys: Sequence[int]) -> list[Lot]:
    """Lots in the order of their keys; `held` says whether anything holds them."""
    found = (
        Lot.objects.filter(pk__in=keys)
        .select_related("material")
        .annotate(held=Exists(HoldLot.objects.filter(lot=OuterRef("pk"), disposition_id__isnull=True)))
        .in_bulk()
    )
    return [found[key] for key in keys]


def people_who_may(site: Site, action: Action) -> QuerySet[User]:
    """Active users whose role at the site allows the action, by name."""
    roles = Membership.objects.filter(
        user=OuterRef("pk"), site=site, role__in=MATRIX[action], retired_at__isnull=True
    )
    return User.objects.filter(Exists(roles), is_active=True).order_by("first_name", "last_name", "username")


def recorded_any(user: User, values: Iterable[Measurement]) -> bool:
    """Whether the user recorded one of the values: then another person must decide on them."""
    submissions = {value.submission_id for value in values}
    return Submission.objects.filter(pk__in=submissions, recorded_by=user).exists()


def signature_of(key: int | None) -> Signature | None:
    return Signature.objects.filter(pk=key).first() if key is not None else None


# --- control plan -----------------------------------------------------------------------------------
def weekly_false_alarms(lines: Iterable[ControlPlanLine], site: Site, *, now: datetime) -> dict[int, float]:
    """Line → false alarms to expect in a week: points its charts plotted in the last seven days over the ARL.

    Lines without a chart are absent. `now` is on the site clock, as the points' instants are.
    """
    charted = [line for line in lines if line.chart_plan_id is not None]
    counts = dict(
        Point.objects.filter(
            chart__stream__plan__in={line.chart_plan_id for line in charted},
            chart__stream__plan__site=site,
            generation=F("chart__generation"),
            measured_at__gt=now - timedelta(days=7),
            measured_at__lte=now,
        )
        .values_list("chart__stream__plan")
        .annotate(points=Count("id"))
    )
    expected = {}
    for line in charted:
        rules = rules_for(
            Family(line.chart_family), Panel.LOCATION, [Rule(name) for name in line.rules.split()]
        )
        points = counts.get(line.chart_plan_id, 0)
        expected[line.pk] = expected_false_alarms(points, rules) if rules else 0.0
    return expected
