"""Write the declarations of `lots.steps` to the database: process steps and their characteristics."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Characteristic, ProcessStep
from lots.steps import STEPS
from lots.steps.base import CharacteristicDeclaration, StepDeclaration

STEP_SPACING = 10  # room for optional steps between two others, without renumbering
WORDING = ("name", "help", "decimals", "gauge_kind")


class MastersRefused(Exception):
    """A declaration contradicts what is stored; the message says which and what to do."""


@transaction.atomic
def load_steps(steps: Sequence[StepDeclaration] = STEPS) -> tuple[int, int]:
    """Add what is new and refresh wordings; (steps, characteristics) now declared. Repeating it changes nothing.

    Raises MastersRefused when the meaning of a stored characteristic would change (step, unit, role, data type,
    position, subject, derived or measured) or a step would move: stored values would mean something else.
    """
    act_as(None, process="load_masters")
    for declared, sequence in zip(steps, sequences(steps), strict=True):
        step = _load_step(declared, sequence=sequence)
        outputs = {derivation.output for derivation in declared.derivations}
        for characteristic in declared.characteristics:
            _load_characteristic(characteristic, step, derived=characteristic.code in outputs)
    return len(steps), sum(len(step.characteristics) for step in steps)


def sequences(steps: Sequence[StepDeclaration]) -> list[int]:
    """The steps' places: those of every route at multiples of the spacing, optional ones just behind them."""
    found, latest, behind = [], 0, 0
    for step in steps:
        latest, behind = (latest, behind + 1) if step.optional else (latest + STEP_SPACING, 0)
        found.append(latest + behind)
    return found


def _load_step(declared: StepDeclaration, *, sequence: int) -> ProcessStep:
    step, _ = ProcessStep.objects.get_or_create(
        code=declared.code,
        defaults={"name": declared.name, "material_kind": declared.material_kind, "sequence": sequence},
    )
    for field, wanted in (("material_kind", declared.material_kind), ("sequence", sequence)):
        if getattr(step, field) != wanted:
            raise MastersRefused(
                f"step {step.code}: {field} is stored as {getattr(step, field)!r} and declared as {wanted!r}; "
                "lots have run by it: declare a new step instead"
            )
    if step.name != declared.name:
        step.name = declared.name
        step.save(update_fields=["name"])
    return step


def _load_characteristic(
    declared: CharacteristicDeclaration, step: ProcessStep, *, derived: bool
) -> Characteristic:
    meaning = {
        "step": step,
        "unit": declared.unit,
        "role": str(declared.role),
        "data_type": str(declared.data_type),
        "position_kind": str(declared.position),
        "subject_kind": str(declared.subject),
        "derived": derived,
    }
    wording = {field: getattr(declared, field) for field in WORDING}
    stored, created = Characteristic.objects.select_related("step").get_or_create(
        code=declared.code, defaults=meaning | wording
    )
    if created:
        return stored
    for field, wanted in meaning.items():
        if getattr(stored, field) != wanted:
            raise MastersRefused(
                f"{declared.code}: {field} is stored as {str(getattr(stored, field))!r} and declared as "
                f"{str(wanted)!r}; stored values would change their meaning: declare a new code instead"
            )
    changed = [field for field in WORDING if getattr(stored, field) != wording[field]]
    if changed:
        for field in changed:
            setattr(stored, field, wording[field])
        stored.save(update_fields=changed)
    return stored
