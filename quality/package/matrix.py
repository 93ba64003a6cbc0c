"""The test matrix: what is specified for the material or asked by its control plan, what was tested, what was not."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef

from lots.models import Characteristic, Lot, Measurement, StepExecution, Supersession
from lots.queries import current_measurements, lots_by_id, route_steps, valid_measurements
from lots.steps.base import SubjectKind
from lots.units import written_unit
from quality.deviations import SIDES
from quality.models import ControlPlanLine, Deviation, Judgement, Specification, SpecificationLine
from quality.package.checks import Finding
from quality.package.subject import Subject
from quality.package.table import Cell, Table
from quality.plans import lines_for, revision_of
from quality.specifications import SpecificationBook

ARTIFACT = "02_test_matrix.xlsx"
NOT_TESTED = "not tested"
NAME, STEP, RESULT = 3, 2, -1  # columns
HEAD = (
    *("Requirement", "Title", "Step", "Characteristic", "LSL", "USL", "Unit", "Severity", "Frequency"),
    *("Values", "Out of specification", "Not determined", "Result"),
)


Of = tuple[int | None, int]  # product revision and characteristic


@dataclass
class Asked:
    """What the routes of the lots ask for: the newest line of each specification, and the lines of the control plans
    that the lots' own orders pinned."""

    specified: dict[int, SpecificationLine] = field(default_factory=dict)  # by specification
    planned: dict[Of, list[ControlPlanLine]] = field(default_factory=lambda: defaultdict(list))


def test_matrix(subject: Subject) -> list[Table]:
    """Requirement by requirement: the criterion, how often it was tested, and what came of it.

    Of the lots and cells, and of everything that these were made from. What was never tested has its row, too.
    """
    verdicts, asked = _verdicts(subject), _asked(subject)
    deviated = _deviated(subject)
    lines = specification_lines(subject, verdicts, asked)
    unjudged = _recorded(subject, {_of(line) for line in lines if not verdicts[line.pk]})
    rows = [
        _judged_row(line, verdicts[line.pk], unjudged[_of(line)], asked.planned[_of(line)], deviated)
        for line in lines
    ]
    specified = {characteristic for _, characteristic in map(_of, lines)}
    planned: dict[int, list[ControlPlanLine]] = defaultdict(list)
    for (_, characteristic), own in asked.planned.items():
        if characteristic not in specified:
            planned[characteristic] += own
    rows += _planned_rows(subject, planned, deviated)
    return [Table("Test matrix", HEAD, tuple(rows), wide=(1, 3))]


def untested(matrix: Table) -> list[Finding]:
    """What the lots' own plans ask for and has no value, nor a deviation that excuses that."""
    names = [f"{row[NAME]} ({row[STEP]})" for row in matrix.rows if row[RESULT] == NOT_TESTED]
    return [Finding(ARTIFACT, f"{name}: it was never tested") for name in dict.fromkeys(names)]


def specification_lines(
    subject: Subject, verdicts: dict[int, Counter[str]] | None = None, asked: Asked | None = None
) -> list[SpecificationLine]:
    """The lines that judged a current value, and those in force of specifications by which none was judged."""
    judged = SpecificationLine.objects.filter(pk__in=_verdicts(subject) if verdicts is None else verdicts)
    specified = (_asked(subject) if asked is None else asked).specified
    known = set(judged.values_list("specification", flat=True))
    keys = {line.pk for specification, line in specified.items() if specification not in known}
    return list(
        (judged | SpecificationLine.objects.filter(pk__in=keys))
        .select_related(
            "requirement", "specification__characteristic__step", "specification__product_revision__product"
        )
        .order_by(
            "specification__characteristic__step__sequence",
            "specification__characteristic__code",
            "revision",
            "pk",
        )
    )


def _verdicts(subject: Subject) -> dict[int, Counter[str]]:
    """Specification line → how many current values got which verdict."""
    superseded = Supersession.objects.filter(old_id=OuterRef("measurement_id"))
    rows = Judgement.objects.filter(~Exists(superseded), lot_id__in=subject.all_keys)
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for line, verdict, count in rows.order_by().values_list("line", "verdict").annotate(n=Count("pk")):
        found[line][verdict] = count
    return found


def _asked(subject: Subject) -> Asked:
    """Of steps that a lot must run or that one of them ran; air is no part of a lot's route."""
    lots = lots_by_id(subject.all_keys)
    ran = set(StepExecution.objects.filter(lot_id__in=lots).values_list("route_step", flat=True).distinct())
    revisions = {lot.product_revision_id for lot in lots.values()} - {None}
    of_step: dict[tuple[int | None, int], set[int]] = defaultdict(set)
    for revision, step, characteristic in Specification.objects.filter(
        product_revision__in=revisions, characteristic__subject_kind=SubjectKind.LOT
    ).values_list("product_revision", "characteristic__step", "characteristic"):
        of_step[revision, step].add(characteristic)
    book = SpecificationBook(set().union(*of_step.values()), at=subject.package.requested_at)
    asked = Asked()
    kinds: set[tuple[int | None, int | None, int, int]] = set()
    for lot in lots.values():
        for route_step in route_steps(lot):
            if not route_step.required and route_step.pk not in ran:
                continue
            step = route_step.step_id
            for characteristic in of_step[lot.product_revision_id, step]:
                line = book.line_for_lot(characteristic, lot)
                if line is not None:
                    last = asked.specified.get(line.specification_id, line)
                    asked.specified[line.specification_id] = max(last, line, key=lambda one: one.revision)
            if (kind := (lot.product_revision_id, lot.work_order_id, lot.material_id, step)) not in kinds:
                kinds.add(kind)
                _plan(lot, step, asked)
    return asked


def _plan(lot: Lot, step: int, asked: Asked) -> None:
    revision = revision_of(lot)
    for line in lines_for(revision, step, lot.material_id) if revision is not None else ():
        asked.planned[lot.product_revision_id, line.characteristic_id].append(line)


def _of(line: SpecificationLine) -> Of:
    return line.specification.product_revision_id, line.specification.characteristic_id


def _recorded(subject: Subject, wanted: set[Of]) -> Counter[Of]:
    """Good values of what is specified and judged none: it was specified after they were recorded."""
    rows = valid_measurements(subject.all_keys if wanted else ()).filter(
        characteristic__in={characteristic for _, characteristic in wanted}
    )
    counts: Counter[Of] = Counter()
    lots = lots_by_id(subject.all_keys)
    for lot, characteristic, n in (
        rows.order_by().values_list("lot_id", "characteristic").annotate(n=Count("id"))
    ):
        counts[lots[lot or 0].product_revision_id, characteristic] += n
    return counts


def _deviated(subject: Subject) -> set[int]:
    """Characteristics that one of the lots passed without, by a deviation that both sides signed."""
    rows = Deviation.objects.filter(lot__in=subject.all_keys).annotate(sides=Count("signatures"))
    return set(rows.filter(sides=SIDES).values_list("characteristic", flat=True))


def _untested_words(characteristic: int, planned: list[ControlPlanLine], deviated: set[int]) -> str:
    if characteristic in deviated:
        return f"{NOT_TESTED}; see the deviations"
    if (
        not planned
    ):  # of material made before it was specified, say: no gate asked for it, and nobody could now
        return f"{NOT_TESTED}; not asked by the control plan"
    if not any(line.required_count or line.sampling for line in planned):
        return f"{NOT_TESTED}; not asked of each lot"
    return NOT_TESTED


def _judged_row(
    line: SpecificationLine,
    found: Counter[str],
    unjudged: int,
    plan: list[ControlPlanLine],
    deviated: set[int],
) -> tuple[Cell, ...]:
    characteristic = line.specification.characteristic
    violating, unknown = found[Judgement.Verdict.VIOLATES], found[Judgement.Verdict.UNDETERMINED]
    if found.total():
        result = "violated" if violating else "not determined" if unknown else "met"
    elif unjudged:
        result = "recorded before it was specified"
    else:
        result = _untested_words(characteristic.pk, plan, deviated)
    return (
        line.requirement.code,
        line.requirement.title,
        characteristic.step.name,
        characteristic.name,
        line.lsl,
        line.usl,
        written_unit(characteristic.unit),
        line.get_severity_display(),
        plan[0].frequency if plan else "",
        found.total() or unjudged,
        violating,
        unknown,
        result,
    )


def _planned_rows(
    subject: Subject, planned: dict[int, list[ControlPlanLine]], deviated: set[int]
) -> list[tuple[Cell, ...]]:
    """What the control plans ask of each lot without a specification: it is recorded, and judged by nothing."""
    required = {key: of for key, of in planned.items() if any(line.required_count for line in of)}
    rows = current_measurements(
        Measurement.objects.filter(lot_id__in=subject.all_keys, characteristic__in=required)
    )
    counts = dict(rows.order_by().values_list("characteristic").annotate(n=Count("id")))
    characteristics = Characteristic.objects.filter(pk__in=required).select_related("step")
    return [
        (
            *("", "asked by the control plan", one.step.name, one.name, None, None),
            *(written_unit(one.unit), "", required[one.pk][0].frequency, counts.get(one.pk, 0), 0, 0),
            "recorded" if one.pk in counts else _untested_words(one.pk, required[one.pk], deviated),
        )
        for one in characteristics.order_by("step__sequence", "code")
    ]
