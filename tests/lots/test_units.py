"""Units convert exactly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.steps import STEPS
from lots.units import UnitMismatch, convert, units_like


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        ("0.0012", "Ohm", "mOhm", "1.2"),
        ("268", "g/m2", "mg/cm2", "26.8"),
        ("233.15", "K", "Cel", "-40"),
        ("-40", "Cel", "K", "233.15"),
        ("90", "s", "min", "1.5"),
        ("0.05", "%", "[ppm]", "500"),
        ("20000", "mA.h", "A.h", "20"),
        ("2700", "kg/m3", "g/cm3", "2.7"),
        ("5", "%", "%", "5"),
    ],
)
def test_converts_exactly(value: str, unit: str, to: str, expected: str) -> None:
    assert convert(Decimal(value), unit, to) == Decimal(expected)


def test_refuses_another_quantity_and_names_what_would_do() -> None:
    with pytest.raises(UnitMismatch, match=r"'mm' cannot be converted to 'mOhm'; use mOhm, Ohm, uOhm"):
        convert(Decimal(1), "mm", "mOhm")
    with pytest.raises(UnitMismatch, match="cannot be converted"):
        convert(Decimal(1), "mV/wk", "mV")


def test_refuses_what_is_no_exact_number_of_the_unit() -> None:
    with pytest.raises(UnitMismatch, match="50 s is no exact number of min; give it in min"):
        convert(Decimal(50), "s", "min")


@given(st.decimals(min_value="-1e6", max_value="1e6", places=3), st.sampled_from(["um", "mm", "cm", "m"]))
def test_there_and_back_is_the_same(value: Decimal, unit: str) -> None:
    assert convert(convert(value, unit, "nm"), "nm", unit) == value


def test_every_declared_unit_is_like_itself() -> None:
    units = {c.unit for step in STEPS for c in step.characteristics}
    assert units and all(units_like(unit)[0] == unit for unit in units)
