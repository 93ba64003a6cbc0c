from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from spc.engine.constants import SubgroupSizeError, c4, c4_of_df, d2, d3, sd_of_s

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "constants.json"
CONSTANTS = json.loads(REFERENCE.read_text())["constants"]


@pytest.mark.parametrize("n", range(2, 26))
def test_definition_12_constants_match_18_digit_quadrature(n: int) -> None:
    expected = CONSTANTS[str(n)]
    assert d2(n) == pytest.approx(expected["d2"], rel=1e-14)
    assert d3(n) == pytest.approx(expected["d3"], rel=1e-12)
    assert c4(n) == pytest.approx(expected["c4"], rel=1e-14)


def test_closed_forms_for_two_values() -> None:
    assert d2(2) == pytest.approx(2 / math.sqrt(math.pi), rel=1e-15)
    assert d3(2) == pytest.approx(math.sqrt(2 - 4 / math.pi), rel=1e-13)
    assert c4(2) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-15)
    assert sd_of_s(2) == pytest.approx(math.sqrt(1 - 2 / math.pi), rel=1e-15)


@pytest.mark.parametrize("n", [100, 1000])
def test_large_subgroups_match_harter_tables(n: int) -> None:
    # Harter (1960), Tables of range and studentized range: E[W] for n = 100 is 5.01519, for n = 1000 6.48287.
    assert d2(n) == pytest.approx({100: 5.01519, 1000: 6.48287}[n], abs=6e-6)


def test_c4_is_continuous_where_its_series_takes_over() -> None:
    by_logarithms = math.sqrt(2 / 301) * math.exp(math.lgamma(151.0) - math.lgamma(150.5))
    assert c4_of_df(301.0) == pytest.approx(by_logarithms, rel=1e-12)
    assert c4(300) < c4(301) < c4(302) < 1


@pytest.mark.parametrize("constant", [d2, d3, c4])
def test_one_value_has_no_spread(constant: object) -> None:
    assert callable(constant)
    with pytest.raises(SubgroupSizeError):
        constant(1)
