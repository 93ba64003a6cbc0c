"""Changes of the process after which the safety chain must be looked at again: coating, separator, pressure (9.5).

Three ways lead to one: approved limits, an issued recipe revision, a corrective action that was carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from django.db.models import Q

from lots.models import AuditEvent, Characteristic, Product, RecipeParameter, RecipeRevision
from quality.models import CaseEntry, ControlPlanLine, SpecificationLine

# Which steps and characteristics are meant, and what the handbook calls them; which they are is ours.
STEPS = {"coating": "coating", "stacking": "separator", "calendering": "pressure"}
CHARACTERISTICS = {"filling.vacuum_mbar": "pressure", "degassing.vacuum_mbar": "pressure"}


@dataclass(frozen=True)
class ProcessChange:
    """One change that asks for a review: the handbook's word for what changed, what it was, and when (real time)."""

    area: str
    words: str
    changed_at: datetime


def process_changes(product: Product) -> list[ProcessChange]:
    """Changes of the product's limits, recipes and by corrective actions, the newest first; first issues are none."""
    found = [*_limits(product), *_recipes(product), *_actions(product)]
    return sorted(found, key=lambda change: change.changed_at, reverse=True)


def _area_of(characteristic: Characteristic) -> str:
    return CHARACTERISTICS.get(characteristic.code) or STEPS.get(characteristic.step.code, "")


def _area_of_parameter(parameter: RecipeParameter) -> str:
    """Parameters carry no characteristic: a vacuum is told by its name."""
    vacuum = f"{parameter.step.code}.vacuum_mbar" in CHARACTERISTICS and "vacuum" in parameter.name
    return "pressure" if vacuum else STEPS.get(parameter.step.code, "")


def _limits(product: Product) -> Iterator[ProcessChange]:
    of = "specification__characteristic"
    for line in SpecificationLine.objects.filter(
        Q(**{f"{of}__step__code__in": STEPS}) | Q(**{f"{of}__code__in": CHARACTERISTICS}),
        specification__product_revision__product=product,
        revision__gt=1,
        approval__isnull=False,
    ).select_related("approval", f"{of}__step"):
        assert line.approval is not None
        characteristic = line.specification.characteristic
        words = f"{characteristic.name.lower()}, revision {line.revision}: {line.change_reason}"
        yield ProcessChange(_area_of(characteristic), words, line.approval.signed_at)


def _recipes(product: Product) -> Iterator[ProcessChange]:
    """Issued revisions in which a set value of such a step differs from the revision before."""
    revisions = list(
        RecipeRevision.objects.filter(recipe__product=product)
        .select_related("recipe")
        .prefetch_related("parameters__step")
        .order_by("recipe", "issued_at", "pk")
    )
    for _, of_one in groupby(revisions, key=lambda revision: revision.recipe_id):
        for earlier, later in pairwise(of_one):
            levers = _changed_levers(earlier, later)
            names = ", ".join(f"{lever.step.name.lower()} {lever.name.replace('_', ' ')}" for lever in levers)
            if levers:
                yield ProcessChange(
                    _area_of_parameter(levers[0]), f"recipe {later}: {names}", later.issued_at
                )


def _changed_levers(earlier: RecipeRevision, later: RecipeRevision) -> list[RecipeParameter]:
    """Parameters of a step that matters that were added, taken out or given another value."""
    before, after = (
        {
            (parameter.step_id, parameter.name): parameter
            for parameter in revision.parameters.all()
            if _area_of_parameter(parameter)
        }
        for revision in (earlier, later)
    )
    differing = [
        key
        for key in before.keys() | after.keys()
        if key not in before
        or key not in after
        or (before[key].value, before[key].unit) != (after[key].value, after[key].unit)
    ]
    return [after.get(key) or before[key] for key in sorted(differing)]


def _actions(product: Product) -> Iterator[ProcessChange]:
    """Corrective actions on such a lever, once they were carried out."""
    actions = {
        entry.pk: entry
        for entry in CaseEntry.objects.filter(kind=CaseEntry.Kind.ACTION).select_related("case")
    }
    areas = _areas_of_levers(actions.values(), product)
    done = {
        entry.pk: entry.content["action"]
        for entry in CaseEntry.objects.filter(kind=CaseEntry.Kind.ACTION_DONE)
        if entry.content["action"] in areas
    }
    written = _written_at(done)
    for key, action in done.items():
        entry = actions[action]
        words = f"{entry.content['lever_words']}, {entry.case}: {entry.content['statement']}"
        yield ProcessChange(areas[action], words, written[key])


def _areas_of_levers(actions: Iterable[CaseEntry], product: Product) -> dict[int, str]:
    """Action → what it changes in the handbook's word, of those on a lever of the product that matters."""
    keys: dict[str, dict[int, list[int]]] = {}
    for entry in actions:
        by_key = keys.setdefault(entry.content["lever"], {})
        by_key.setdefault(entry.content["lever_key"], []).append(entry.pk)
    areas: dict[int, str] = {}
    parameters = keys.get("recipe parameter", {})
    for parameter in RecipeParameter.objects.filter(
        pk__in=parameters, recipe_revision__recipe__product=product
    ).select_related("step"):
        areas |= dict.fromkeys(parameters[parameter.pk], _area_of_parameter(parameter))
    lines = keys.get("control-plan line", {})
    for line in ControlPlanLine.objects.filter(
        pk__in=lines, revision__plan__product_revision__product=product
    ).select_related("characteristic__step"):
        areas |= dict.fromkeys(lines[line.pk], _area_of(line.characteristic))
    return {action: area for action, area in areas.items() if area}


def _written_at(entries: Iterable[int]) -> dict[int, datetime]:
    """Real instants of case entries: what they carry themselves is the site's clock, and a hazard's is not."""
    events = AuditEvent.objects.filter(
        table_name="quality_caseentry", row_id__in=[str(key) for key in entries], operation="insert"
    )
    return {int(row): at for row, at in events.values_list("row_id", "at")}
