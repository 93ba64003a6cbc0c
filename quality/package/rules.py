"""Artifacts about the rules: which revisions applied, by which method and gauge it was measured."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import Max

from lots.models import Calibration, Gauge, RecipeRevision
from lots.queries import recipe_revision_of
from lots.units import written_unit
from quality.models import (
    ControlPlanRevision,
    RequirementRevision,
    WorkOrderPlan,
)
from quality.package.matrix import specification_lines
from quality.package.subject import Subject
from quality.package.table import Table, instant


def _plans(subject: Subject) -> list[ControlPlanRevision]:
    orders = {lot.work_order_id for lot in subject.lots}
    keys = WorkOrderPlan.objects.filter(work_order__in=orders - {None}).values("revision")
    return list(ControlPlanRevision.objects.filter(pk__in=keys).select_related("plan").order_by("pk"))


def revisions(subject: Subject) -> list[Table]:
    """Requirements, specifications, control plans and recipes with the reason of each revision."""
    lines = specification_lines(subject)
    requirements = RequirementRevision.objects.filter(
        requirement__in={line.requirement_id for line in lines}
    ).select_related("requirement")
    approved = subject.package.baseline.content if subject.package.baseline else {}
    wording = tuple(
        (
            row.requirement.code,
            row.number,
            "yes" if approved.get(row.requirement.code) == row.number else "",
            row.statement,
            row.acceptance,
            row.change_reason,
            instant(row.issued_at),
        )
        for row in requirements.order_by("requirement__code", "number")
    )
    limits = tuple(
        (
            line.specification.characteristic.code,
            str(line.specification.product_revision),
            line.revision,
            line.lsl,
            line.target,
            line.usl,
            written_unit(line.specification.characteristic.unit),
            line.requirement.code,
            line.change_reason,
            instant(line.effective_at),
        )
        for line in lines
    )
    plans = tuple(
        (str(plan), instant(plan.published_at), plan.change_reason, plan.lines.count())
        for plan in _plans(subject)
    )
    pinned = RecipeRevision.objects.filter(
        pk__in=set(recipe_revision_of([*subject.lots, *subject.cells]).values())
    ).select_related("recipe")
    recipes = tuple((str(row), row.recipe.name, instant(row.issued_at)) for row in pinned.order_by("pk"))
    head = ("Requirement", "Revision", "In the baseline", "Statement", "Acceptance", "Reason", "Issued")
    return [
        Table("Requirements", head, wording, wide=(3, 4, 5)),
        Table(
            "Specifications",
            (
                *("Characteristic", "Product", "Revision", "LSL", "Target", "USL", "Unit"),
                *("Requirement", "Reason", "Effective"),
            ),
            limits,
            wide=(0, 8),
        ),
        Table("Control plans", ("Revision", "Published", "Reason", "Lines"), plans, wide=(2,)),
        Table("Recipes", ("Revision", "Name", "Issued"), recipes),
    ]


def methods(subject: Subject) -> list[Table]:
    """How each characteristic was measured, and the calibration of each gauge that measured one."""
    measured = {row.characteristic_id: row.characteristic for row in subject.measurements}
    ways = tuple(
        (
            row.step.name,
            row.name,
            written_unit(row.unit),
            "computed" if row.derived else row.gauge_kind.replace("_", " ") or row.role,
            row.help,
        )
        for row in sorted(measured.values(), key=lambda row: (row.step.sequence, row.code))
    )
    used: dict[int, list[str]] = defaultdict(list)
    for value in subject.measurements:
        if value.gauge_id is not None:
            used[value.gauge_id].append(instant(value.measured_at))
    newest = (
        Calibration.objects.filter(gauge__in=used)
        .values("gauge")
        .annotate(key=Max("pk"))
        .values_list("key", flat=True)
    )
    calibrations = {row.gauge_id: row for row in Calibration.objects.filter(pk__in=list(newest))}
    gauges = []
    for gauge in Gauge.objects.filter(pk__in=used).order_by("code"):
        last = calibrations.get(gauge.pk)
        gauges.append(
            (
                gauge.code,
                gauge.name,
                len(used[gauge.pk]),
                min(used[gauge.pk]),
                max(used[gauge.pk]),
                instant(last.calibrated_at) if last else "never",
                instant(last.due_at) if last else "",
                last.certificate if last else "",
                ("passed" if last.passed else "failed") if last else "",
            )
        )
    head = (
        *("Gauge", "Name", "Values", "First used", "Last used"),
        *("Calibrated", "Due", "Certificate", "Result"),
    )
    # Gauges come first: they decide whether the artifact has something to say.
    return [
        Table("Gauges and their calibration", head, tuple(gauges)),
        Table("Methods", ("Step", "Characteristic", "Unit", "By", "How"), ways if gauges else (), wide=(4,)),
    ]
