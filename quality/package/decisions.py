"""Artifacts about what came of it: results by cell, decisions with their reasons, deviations with their impact, and
the chain from safety requirements to evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from django.db.models import Prefetch

from lots.models import HoldLot, Supersession
from lots.units import written_unit
from quality.acceptance import Rules
from quality.actions.accept_lot import CAPACITY, EFFICIENCY, LEAK_FREE, RESISTANCE
from quality.lot_sampling import Scheme
from quality.models import (
    AcceptanceDecision,
    AcceptancePlan,
    Deviation,
    DeviationSignature,
    DispositionItem,
    Judgement,
    Nonconformance,
    Release,
    Requirement,
    Signature,
    SpecificationLine,
)
from quality.package.safety import hazard_table
from quality.package.subject import Subject
from quality.package.table import Cell, Table, instant, text
from quality.release_view import rows_of

RESULTS = {
    "Capacity, A·h": (CAPACITY, "formation.discharge_capacity_ah"),
    "Efficiency, %": (EFFICIENCY,),
    "First-cycle efficiency, %": ("formation.fce_pct",),
    "Resistance, mΩ": (RESISTANCE,),
    "Leak test": (LEAK_FREE,),
}


def results(subject: Subject) -> list[Table]:
    """One row per cell, and the specified characteristics with their spread over all of them."""
    rows = []
    for cell in subject.cells:
        found: list[Cell] = []
        for codes in RESULTS.values():
            value = next(
                (subject.latest[cell.pk, code].value for code in codes if (cell.pk, code) in subject.latest),
                None,
            )
            found.append(value)
        if any(value is not None for value in found):
            if found[-1] is not None:
                found[-1] = "passed" if found[-1] == 1 else "failed"
            rows.append((cell.code, subject.group_of[cell.pk].code, *found))
    spread = tuple(
        (
            row.characteristic,
            written_unit(row.unit),
            row.requirement,
            row.lsl,
            row.usl,
            row.count,
            row.lowest,
            row.mean,
            row.highest,
            row.violations,
        )
        for row in rows_of([*subject.lots, *subject.cells])
    )
    head = ("Characteristic", "Unit", "Requirement", "LSL", "USL", "n", "Lowest", "Mean", "Highest", "Out")
    return [
        Table("Cells", ("Cell", "Lot", *RESULTS), tuple(rows)),
        Table("Against specification", head, spread if rows else (), wide=(0,)),
    ]


def _signed(signature: Signature) -> str:
    return f"{signature.printed_name}: {signature.meaning}"


def decision_table(subject: Subject) -> list[Table]:
    """Six fields: what was decided about what, by which criterion, on which evidence, with which outcome, by whom."""
    keys = subject.own_keys
    rows = (*_acceptances(keys), *_releases(keys), *_dispositions(keys))
    head = ("Decision", "Criterion", "Evidence", "Outcome", "Signed", "At")
    return [Table("Decisions", head, rows, wide=(0, 1, 2, 3))]


def _acceptances(keys: list[int]) -> Iterator[tuple[str, ...]]:
    rows = AcceptanceDecision.objects.filter(plan__lot__in=keys).select_related("plan__lot", "signature")
    for decision in rows.order_by("pk"):
        plan = decision.plan
        yield (
            f"Acceptance of {plan.lot.code}",
            "; ".join(_criteria(plan)),
            f"{plan.sample_size} cells, seed {plan.seed}: {', '.join(plan.sample)}",
            f"{'accepted' if decision.accepted else 'rejected'}: {'; '.join(decision.content['reasons'])}",
            _signed(decision.signature),
            instant(decision.decided_at),
        )


def _criteria(plan: AcceptancePlan) -> Iterator[str]:
    """What the frozen plan asked, in words: the handbook's rules, and each sampling line of the control plan."""
    rules = Rules.from_content(plan.rules)
    yield "no leak"
    yield (
        f"{text(rules.share_pct)} % of the sample with a capacity of at least {text(rules.capacity_min_ah)} A·h and"
        f" an efficiency of at least {text(rules.efficiency_min_pct)} %"
    )
    yield f"at most {rules.outliers_max} of the sample above {text(rules.resistance_max_mohm)} mΩ"
    for scheme in map(Scheme.from_content, plan.sampling):
        yield f"{scheme.name}: {scheme.n} cells, {scheme.numbers}"


def _releases(keys: list[int]) -> Iterator[tuple[str, ...]]:
    rows = Release.objects.filter(lot__in=keys).select_related("lot", "signature", "site")
    for release in rows.order_by("pk"):
        yield (
            f"Release of {release.lot.code}",
            "every gate green; released by somebody who recorded none of its values",
            f"{release.certificate}: {len(release.content['rows'])} characteristics",
            "released",
            _signed(release.signature),
            instant(release.released_at),
        )


def _dispositions(keys: list[int]) -> Iterator[tuple[str, ...]]:
    items = DispositionItem.objects.filter(lot__in=keys).select_related(
        "disposition__signature", "hold_lot__hold", "lot"
    )
    for _, group in groupby(items.order_by("disposition", "lot__code"), key=lambda item: item.disposition_id):
        held = list(group)
        disposition = held[0].disposition
        yield (
            f"Disposition of {len(held)} held lots: {', '.join(item.lot.code for item in held[:5])}",
            disposition.cause,
            held[0].hold_lot.hold.reason,
            f"{disposition.get_decision_display().lower()}: {disposition.reason}",
            _signed(disposition.signature),
            instant(disposition.decided_at),
        )


def deviations(subject: Subject) -> list[Table]:
    """What did not go as planned, and its impact: holds, deviations, nonconformances, corrected values."""
    members: dict[int, list[HoldLot]] = defaultdict(list)
    for member in (
        HoldLot.objects.filter(lot__in=subject.own_keys).select_related("hold", "lot").order_by("hold", "lot")
    ):
        members[member.hold_id].append(member)
    holds = tuple(
        (
            rows[0].hold.get_source_display(),
            rows[0].hold.reason,
            f"{len({row.lot_id for row in rows})} of these lots and cells",
            _closed(rows),
            instant(rows[0].hold.placed_at),
        )
        for rows in members.values()
    )
    cases = tuple(
        (
            case.code,
            case.title,
            case.lot.code if case.lot else "",
            case.get_state_display(),
            instant(case.opened_at),
        )
        for case in Nonconformance.objects.filter(site=subject.package.site_id, lot__in=subject.own_keys)
        .select_related("lot")
        .order_by("pk")
    )
    permitted = tuple(
        (
            row.lot.code,
            row.get_gate_display(),
            row.characteristic.name,
            row.outside or "without a value",
            row.reason,
            row.requested_by.printed_name,
            "; ".join(each.signature.printed_name for each in row.signatures.all()) or "nobody",
            instant(row.expires_at),
        )
        for row in Deviation.objects.filter(lot__in=subject.own_keys)
        .select_related("lot", "characteristic", "requested_by")
        .prefetch_related(
            Prefetch("signatures", DeviationSignature.objects.select_related("signature").order_by("pk"))
        )
        .order_by("pk")
    )
    shown = {row.submission_id for row in subject.measurements}
    corrected = tuple(
        (str(row.submission.uuid) if row.submission else "", row.reason, instant(row.superseded_at))
        for row in Supersession.objects.filter(submission__in=shown, superseded_by__isnull=False)
        .select_related("submission")
        .order_by("pk")
    )
    return [
        Table("Holds", ("From", "Reason", "Impact", "Closed by", "Placed"), holds, _none(holds), wide=(1, 3)),
        Table(
            "Deviations",
            ("Lot", "Gate", "Check", "Values", "Reason", "Asked for by", "Signed by", "Until"),
            permitted,
            _none(permitted),
            wide=(4,),
        ),
        Table("Nonconformances", ("Case", "Title", "Lot", "State", "Opened"), cases, _none(cases), wide=(1,)),
        Table("Corrected values", ("Submission", "Reason", "At"), corrected, _none(corrected), wide=(0, 1)),
    ]


def _none(rows: tuple[tuple[str, ...], ...]) -> str:
    return "" if rows else "None."


def _closed(rows: list[HoldLot]) -> str:
    still = sum(row.disposition_id is None for row in rows)
    return f"{still} of {len(rows)} still open" if still else "disposed of; see the decisions"


def _limits(line: SpecificationLine) -> str:
    """From where to where, in words."""
    unit = written_unit(line.specification.characteristic.unit)
    if line.lsl is None or line.usl is None:
        words = f"at most {text(line.usl)}" if line.lsl is None else f"at least {text(line.lsl)}"
    else:
        words = f"{text(line.lsl)} to {text(line.usl)}"
    return f"{words} {unit}".strip()


def safety_chain(subject: Subject) -> list[Table]:
    """From each hazard to its evidence, and from each safety requirement to what judged this material."""
    tested: dict[int, list[str]] = defaultdict(list)
    lines = SpecificationLine.objects.filter(
        pk__in=Judgement.objects.filter(lot_id__in=subject.own_keys).values("line")
    ).select_related("specification__characteristic")
    for line in lines:
        characteristic = line.specification.characteristic
        tested[line.requirement_id].append(f"{characteristic.name} ({_limits(line)})")
    rows = tuple(
        (
            requirement.code,
            requirement.title,
            "; ".join(sorted(set(tested[requirement.pk]))) or "no value of this material was judged by it",
        )
        for requirement in Requirement.objects.filter(kind=Requirement.Kind.SAFETY).order_by("code")
    )
    head = ("Requirement", "Title", "Criteria judged on this material")
    return [hazard_table(subject), Table("Safety requirements", head, rows, wide=(1, 2))]
