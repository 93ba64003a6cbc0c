"""What is said of a lot when it is released: everything that blocks it, and the values that the certificate states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from django.db.models import Exists, OuterRef

from lots.models import GenealogyLink, HoldLot, Lot, Measurement, Submission, User
from lots.queries import current_measurements
from quality.blockers import Blocker, Code, lot_blocker
from quality.gates import leave_blockers
from quality.lot_sampling import sampling_lines
from quality.models import AcceptancePlan, Judgement, Nonconformance, Release
from spc.models import LimitRevision, SubgroupMember

CELLS_NAMED = 5


@dataclass(frozen=True)
class Row:
    """One line of the certificate: a specified characteristic with its limits and what was found."""

    characteristic: str
    unit: str
    requirement: str
    lsl: Decimal | None
    usl: Decimal | None
    count: int
    lowest: Decimal
    mean: Decimal
    highest: Decimal
    violations: int
    undetermined: int

    def content(self) -> dict[str, Any]:
        """JSON-safe, decimals as text."""
        return {
            name: None
            if value is None
            else (f"{value.normalize():f}" if isinstance(value, Decimal) else value)
            for name, value in vars(self).items()
        }


def members_of(lot: Lot) -> list[Lot]:
    """The lots that the release speaks of: the lot, and the members of a cell lot that have not been scrapped."""
    members = Lot.objects.filter(
        links_to_parents__parent=lot,
        links_to_parents__kind=GenealogyLink.Kind.MEMBER,
        links_to_parents__voided_at__isnull=True,
    ).exclude(state=Lot.State.SCRAPPED)
    return [lot, *members.select_related("site", "material", "work_order").order_by("pk")]


def release_blockers(lot: Lot, *, user: User | None, now: datetime) -> list[Blocker]:
    """Everything that keeps the lot from being released, by the user if one is named; empty when it may be."""
    lots = members_of(lot)
    found = leave_blockers(lots, now=now)
    blockers = list(found[lot.pk])
    blocked = [member for member in lots[1:] if found[member.pk]]
    for member in blocked[:CELLS_NAMED]:
        blockers += [Blocker(b.code, f"{member.code}: {b.message}", b.kind, b.key) for b in found[member.pk]]
    if len(blocked) > CELLS_NAMED:
        words = f"{len(blocked) - CELLS_NAMED} more of its {len(lots) - 1} cells must not leave either"
        blockers.append(lot_blocker(Code.HELD, words, lot))
    keys = [member.pk for member in lots]
    for case in Nonconformance.objects.filter(lot__in=keys, state=Nonconformance.State.OPEN).order_by("pk"):
        blockers.append(lot_blocker(Code.NONCONFORMANCE, f"{case.code} is open: {case.title}", lot))
    blockers += _acceptance_blockers(lot, lots[1:])
    if user is not None and recorded_by(keys, user):
        words = "you recorded values of it: another person must release it"
        blockers.append(lot_blocker(Code.INDEPENDENCE, words, lot))
    return blockers


def _acceptance_blockers(lot: Lot, cells: list[Lot]) -> list[Blocker]:
    plan = AcceptancePlan.objects.filter(lot=lot).select_related("decision").first()
    if plan is not None:
        undecided = not hasattr(plan, "decision")
        words = "its acceptance plan is not decided yet"
        return [Blocker(Code.MISSING, words, "acceptance", lot.pk)] if undecided else []
    if not cells or not (asked := sampling_lines(lot, cells[0].material_id)):
        return []
    names = ", ".join(line.characteristic.name.lower() for line in asked)
    words = f"its control plan samples {names}: freeze an acceptance plan before the cells are tested"
    return [Blocker(Code.MISSING, words, "acceptance", lot.pk)]


def current_release(lot: Lot) -> Release | None:
    """The release in force: the latest one, unless the lot has been held since it was signed."""
    since = HoldLot.objects.filter(lot=OuterRef("lot"), pk__gt=OuterRef("last_hold_member"))
    latest = Release.objects.filter(lot=lot).annotate(held_since=Exists(since)).order_by("-id")
    release = latest.select_related("signature", "site").first()
    return None if release is None or release.held_since else release


def rows_of(lots: Sequence[Lot]) -> list[Row]:
    """What the certificate states of the lots' specified characteristics: current values against their limits."""
    judgements = (
        Judgement.objects.filter(lot_id__in=[lot.pk for lot in lots])
        .select_related("line__requirement", "line__specification__characteristic__step")
        .order_by(
            "line__specification__characteristic__step__sequence",
            "line__specification__characteristic__code",
            "pk",
        )
    )
    by_measurement = {judgement.measurement_id: judgement for judgement in judgements}
    values = current_measurements(
        Measurement.objects.filter(lot_id__in=[lot.pk for lot in lots], id__in=by_measurement)
    ).values_list("id", "value")
    groups: dict[tuple[int, Decimal | None, Decimal | None], list[tuple[Judgement, Decimal]]] = defaultdict(
        list
    )
    found = dict(values)
    for key, judgement in by_measurement.items():
        if key in found:
            place = (judgement.line.specification_id, judgement.lsl, judgement.usl)
            groups[place].append((judgement, found[key]))
    return [_row(entries) for entries in groups.values()]


def learning_streams(lots: Sequence[Lot]) -> list[str]:
    """Characteristics of the lots whose stream had no frozen limits: released on specification only."""
    charted = SubgroupMember.objects.filter(lot_id__in=[lot.pk for lot in lots])
    frozen = LimitRevision.objects.filter(chart=OuterRef("subgroup__chart"), kind=LimitRevision.Kind.FROZEN)
    names = (
        charted.filter(~Exists(frozen))
        .values_list("subgroup__chart__stream__plan__characteristic__name", flat=True)
        .distinct()
    )
    return sorted(names)


def _row(entries: list[tuple[Judgement, Decimal]]) -> Row:
    judgement = entries[0][0]
    characteristic = judgement.line.specification.characteristic
    numbers = [value for _, value in entries]
    step = Decimal(1).scaleb(-characteristic.decimals - 1)
    verdicts = [entry.verdict for entry, _ in entries]
    return Row(
        characteristic=characteristic.name,
        unit=characteristic.unit,
        requirement=judgement.line.requirement.code,
        lsl=judgement.lsl,
        usl=judgement.usl,
        count=len(numbers),
        # Outwards: what is written never conforms where the value does not.
        lowest=min(numbers).quantize(step, rounding=ROUND_FLOOR),
        mean=(sum(numbers, Decimal(0)) / len(numbers)).quantize(step),
        highest=max(numbers).quantize(step, rounding=ROUND_CEILING),
        violations=verdicts.count(Judgement.Verdict.VIOLATES),
        undetermined=verdicts.count(Judgement.Verdict.UNDETERMINED),
    )


def recorded_by(keys: list[int], user: User) -> bool:
    """Whether the user recorded a value of one of the lots: then another person must decide on them."""
    submissions = Measurement.objects.filter(lot_id__in=keys).values("submission_id")
    return Submission.objects.filter(pk__in=submissions, recorded_by=user).exists()
