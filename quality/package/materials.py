"""Artifacts about the material: what the package speaks of, where it came from, what was measured and how it ran."""

from __future__ import annotations

from lots.catalogue import recipe_parameters
from lots.models import RecipeRevision, Submission
from lots.queries import lots_by_id, recipe_revision_of
from quality.package.subject import LOTS_OF_A_QUALIFICATION, Subject
from quality.package.table import Table, instant, text


def scope(subject: Subject) -> list[Table]:
    """What the package is about and on whose request; one row per lot."""
    package = subject.package
    facts = [
        ("Package", package.code),
        ("Subject", package.subject),
        ("Site", f"{package.site.name} ({package.site.code})"),
        ("Asked for by", f"{package.requested_by.printed_name}, {instant(package.requested_at)}"),
        ("Baseline", f"number {package.baseline.number}" if package.baseline else "none approved"),
        ("Cells", str(len(subject.cells))),
    ]
    rows = tuple(
        (
            lot.code,
            str(lot.product_revision or ""),
            lot.work_order.code if lot.work_order else "",
            sum(owner.pk == lot.pk for owner in subject.group_of.values()),
            lot.get_state_display(),
            instant(lot.created_at),
        )
        for lot in subject.lots
    )
    words = (
        ""
        if package.lot
        else f"The {LOTS_OF_A_QUALIFICATION} newest released cell lots of the product revision, or all if fewer."
    )
    return [
        Table("What it is about", ("", ""), tuple(facts), wide=(1,)),
        Table("Lots", ("Lot", "Product", "Order", "Cells", "State", "Made"), rows, words),
    ]


def traceability_map(subject: Subject) -> list[Table]:
    """Each cell with each material that it was made from, however many steps before."""
    lots = lots_by_id(subject.all_keys)
    rows = []
    for cell in subject.cells:
        run = subject.formation.get(cell.pk)
        channel = run.equipment.code if run and run.equipment else ""
        for key in sorted(subject.ancestors[cell.pk]):
            made_from = lots[key]
            rows.append(
                (
                    cell.code,
                    subject.group_of[cell.pk].code,
                    channel,
                    made_from.code,
                    made_from.material.code,
                    made_from.material.get_kind_display(),
                    instant(made_from.created_at),
                )
            )
    head = ("cell", "cell_lot", "formation_channel", "made_from", "material", "kind", "made_at")
    return [Table("Traceability map", head, tuple(rows))]


def raw_data(subject: Subject) -> list[Table]:
    """Every current value of the lots and cells as it was delivered. The curves lie beside, in `05_raw/`."""
    codes = {lot.pk: lot.code for lot in (*subject.lots, *subject.cells)}
    files = dict(
        Submission.objects.filter(pk__in={row.submission_id for row in subject.measurements})
        .exclude(file_sha256="")
        .values_list("pk", "file_sha256")
    )
    rows = tuple(
        (
            codes[row.lot_id or 0],
            row.characteristic.step.code,
            row.characteristic.code,
            text(row.position),
            row.entered_text,
            row.entered_unit,
            f"{row.qualifier}{text(row.value)}",
            row.characteristic.unit,
            row.quality,
            instant(row.measured_at),
            instant(row.received_at),
            row.gauge.code if row.gauge else "",
            row.submission.source.code,
            str(row.submission.uuid),
            row.sequence,
            files.get(row.submission_id, ""),
        )
        for row in subject.measurements
    )
    head = (
        *("lot", "step", "characteristic", "position", "entered", "entered_unit", "value", "unit", "quality"),
        *("measured_at", "received_at", "gauge", "source", "submission", "sequence", "file_sha256"),
    )
    return [Table("Raw data", head, rows)]


def conditions(subject: Subject) -> list[Table]:
    """Under which settings each step ran; settings of a step beside each of its runs."""
    revisions = recipe_revision_of([*subject.lots, *subject.cells])
    names = {row.pk: str(row) for row in RecipeRevision.objects.filter(pk__in=set(revisions.values()))}
    settings = {
        key: "; ".join(f"{name} = {value:g}" for name, value in sorted(recipe_parameters(key).items()))
        for key in names
    }
    rows = tuple(
        (
            run.lot.code,
            run.route_step.step.code,
            run.attempt,
            run.equipment.code if run.equipment else "",
            instant(run.started_at),
            instant(run.finished_at),
            "reported" if run.reported else "",
            names.get(revisions.get(run.lot_id, 0), ""),
        )
        for run in subject.runs
    )
    head = ("lot", "step", "attempt", "equipment", "started_at", "finished_at", "reported", "recipe")
    recipes = tuple((names[key], settings[key]) for key in sorted(names))
    return [Table("Runs", head, rows), Table("Recipes", ("recipe", "parameters"), recipes)]
