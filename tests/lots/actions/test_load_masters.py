"""Loading the declarations of the process steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lots.actions.load_masters import MastersRefused, load_steps
from lots.models import AuditEvent, Characteristic, ProcessStep
from lots.steps import CHARACTERISTICS, DERIVATIONS, STEPS
from lots.steps.base import DataType, PositionKind, Role, StepDeclaration

pytestmark = pytest.mark.django_db


def redeclared(code: str, **changes: object) -> tuple[StepDeclaration, ...]:
    """The steps with one characteristic declared otherwise."""
    return tuple(
        replace(
            step,
            characteristics=tuple(
                replace(c, **changes) if c.code == code else c  # type: ignore[arg-type]
                for c in step.characteristics
            ),
        )
        for step in STEPS
    )


def test_every_declared_step_and_characteristic_is_stored() -> None:
    load_steps()
    assert list(ProcessStep.objects.order_by("sequence").values_list("code", flat=True)) == [
        step.code for step in STEPS
    ]
    stored = {c.code: c for c in Characteristic.objects.select_related("step")}
    assert stored.keys() == CHARACTERISTICS.keys()
    for code, declared in CHARACTERISTICS.items():
        row = stored[code]
        assert (row.unit, row.role, row.data_type) == (declared.unit, declared.role, declared.data_type)
        assert (row.position_kind, row.subject_kind) == (declared.position, declared.subject)
        assert (row.decimals, row.gauge_kind, row.help) == (
            declared.decimals,
            declared.gauge_kind,
            declared.help,
        )
        assert row.step.code == code.split(".")[0]


def test_outputs_of_derivations_and_nothing_else_are_derived() -> None:
    load_steps()
    derived = set(Characteristic.objects.filter(derived=True).values_list("code", flat=True))
    assert derived == {derivation.output for derivation in DERIVATIONS}


def test_loading_again_writes_nothing() -> None:
    load_steps()
    before = list(Characteristic.objects.order_by("id").values()), AuditEvent.objects.count()
    load_steps()
    assert (list(Characteristic.objects.order_by("id").values()), AuditEvent.objects.count()) == before


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("unit", {"unit": "mm"}),
        ("position_kind", {"position": PositionKind.METRE}),
        ("data_type", {"data_type": DataType.COUNT}),
        ("role", {"role": Role.PARAMETER}),
    ],
)
def test_a_characteristic_keeps_its_meaning(field: str, changes: dict[str, object]) -> None:
    load_steps()
    before = list(Characteristic.objects.order_by("id").values())
    with pytest.raises(MastersRefused, match=rf"coating\.thickness_um: {field} is stored as .* declared as"):
        load_steps(redeclared("coating.thickness_um", **changes))
    assert list(Characteristic.objects.order_by("id").values()) == before


def test_a_measured_characteristic_does_not_become_derived() -> None:
    load_steps()
    steps = tuple(replace(step, derivations=()) for step in STEPS)
    with pytest.raises(MastersRefused, match="derived is stored as 'True' and declared as 'False'"):
        load_steps(steps)


def test_wording_may_change() -> None:
    load_steps()
    load_steps(redeclared("mixing.solids_pct", help="Dry a sample of 5 g.", decimals=1))
    row = Characteristic.objects.get(code="mixing.solids_pct")
    assert (row.help, row.decimals, row.unit) == ("Dry a sample of 5 g.", 1, "%")


def test_a_step_does_not_change_its_place() -> None:
    load_steps()
    with pytest.raises(MastersRefused, match="step coating: sequence is stored as 20 and declared as 10"):
        load_steps((STEPS[3], STEPS[0]))
