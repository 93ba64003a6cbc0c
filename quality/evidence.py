"""What stands behind holds and judgements: values, signals, neighbours, and the people who may decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from lots.models import Hold, HoldLot, Lot, Measurement, Membership, Site, Submission, User
from quality.models import Defect
from quality.permissions import MATRIX, Action
from spc.models import Signal, SubgroupMember
from spc.queries import current_points

NEIGHBOURS = 3
# A neighbour is looked for among so many points on either side.
NEIGHBOUR_POINTS = 60


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
    ).select_related("characteristic", "operator", "gauge", "zone", "equipment", "submission")
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
        points = current_points(evidence.chart_id).filter(subgroup__members__lot_id__in=roots)
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
            subgroup__points__replaced_at__isnull=True,
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
