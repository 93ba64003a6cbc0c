"""Plans side by side: curves, limits and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.sampling import AttributesPlan, DoublePlan, PlanError, average_outgoing_quality_limit
from spc.engine.sampling_designs import Design, DesignKind, Wish, designs
from spc.engine.sampling_standards import Severity

WISH = Wish(
    lot_size=2000, level="II", aql="1.0", severity=Severity.NORMAL,
    good=0.01, producer_risk=0.05, bad=0.06, consumer_risk=0.10,
)  # fmt: skip
GRID = np.linspace(0.0, 1.0, 101)


def test_the_standard_and_the_smallest_plans_stand_side_by_side() -> None:
    found = {design.kind: design for design in designs(WISH)}
    assert list(found) == list(DesignKind)
    assert found[DesignKind.STANDARD_SINGLE].plan == AttributesPlan(125, 3)
    assert found[DesignKind.STANDARD_DOUBLE].plan == DoublePlan(80, 1, 3, 80, 4)
    assert found[DesignKind.STANDARD_SINGLE].letter == "K"
    samples = [found[kind].largest_sample for kind in list(DesignKind)[2:]]
    assert samples == sorted(samples, reverse=True)  # knowing more needs fewer items
    assert all(found[kind].keeps(WISH) for kind in list(DesignKind)[2:])


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    good=st.floats(0.001, 0.05),
    ratio=st.floats(1.5, 10.0),
    producer=st.floats(0.01, 0.2),
    consumer=st.floats(0.01, 0.2),
)
def test_every_curve_falls_and_every_wish_is_kept(
    good: float, ratio: float, producer: float, consumer: float
) -> None:
    wish = replace(
        WISH, good=good, bad=min(0.6, good * ratio), producer_risk=producer, consumer_risk=consumer
    )
    for design in designs(wish):
        curve = design.acceptance(GRID)
        assert (
            np.all(np.isfinite(curve))
            and curve[0] == pytest.approx(1.0, abs=1e-12)
            and curve[-1] == pytest.approx(0.0, abs=1e-9)
        )
        assert np.all(np.diff(curve) <= 1e-9)
        assert design.letter or design.keeps(wish)
        assert np.all(design.outgoing(GRID) <= GRID + 1e-12)
        assert np.all(design.sample_number(GRID) <= design.largest_sample)


def test_what_leaves_is_what_the_formula_of_a_single_plan_gives() -> None:
    plan = AttributesPlan(52, 3)
    design = Design(DesignKind.ATTRIBUTES, plan, 10_000)
    assert design.outgoing_limit() == pytest.approx(average_outgoing_quality_limit(plan, lot_size=10_000))


def test_a_double_plan_lets_out_what_both_stages_leave() -> None:
    design = Design(DesignKind.STANDARD_DOUBLE, DoublePlan(50, 1, 2, 50, 4), 1000)
    single = Design(DesignKind.ATTRIBUTES, AttributesPlan(50, 1), 1000)  # never comes to a second sample
    assert design.outgoing(GRID) == pytest.approx(single.outgoing(GRID))


def test_a_plan_larger_than_its_lot_inspects_every_item_and_lets_nothing_out() -> None:
    design = Design(DesignKind.ATTRIBUTES, AttributesPlan(52, 3), 40)
    assert design.whole_lot and design.outgoing_limit() == 0.0


def test_reduced_inspection_has_no_double_plan_here() -> None:
    kinds = [design.kind for design in designs(replace(WISH, severity=Severity.REDUCED))]
    assert DesignKind.STANDARD_DOUBLE not in kinds and DesignKind.STANDARD_SINGLE in kinds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bad": 0.011}, "1.3 times"),
        ({"lot_size": 1}, "two items"),
        ({"level": "IV"}, "inspection level"),
        ({"aql": "1.1"}, "AQL"),
        ({"producer_risk": 0.95}, "P.accept."),
    ],
)
def test_a_wish_that_no_plan_keeps_says_why(change: dict[str, object], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        designs(replace(WISH, **change))  # type: ignore[arg-type]
