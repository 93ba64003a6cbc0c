"""Every kind of chart on readings that no plant should have: it answers, or refuses in its own words."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import MISSING_POINT, PlottedPoint, SubgroupData, SubgroupError, TooFewReadingsError
from spc.engine.families import Panel
from spc.engine.kinds import ChartKind
from spc.engine.live import Fit, advance, allowed_rules_of, estimate, load_state, require_spread, start
from tests.spc.engine.live.test_screening import LABELS, SINGLE, SIZED, definition_of

REFUSALS = (TooFewReadingsError, SubgroupError)
NASTY = [math.nan, 0.0, -0.0, 1.0, 1.0 + 2**-52, -1.0, 1e-300, 5e-324, 1e99, -1e99, 7e99]
ordinary = st.one_of(st.floats(9, 11), st.integers(9, 11).map(float))
nasty = st.one_of(ordinary, st.sampled_from(NASTY))


def rows_of(kind: ChartKind, values: st.SearchStrategy[float]) -> st.SearchStrategy[SubgroupData]:
    """One point of the kind, gaps included."""
    if kind in {ChartKind.G, ChartKind.T}:
        rows = st.builds(
            lambda flag, at: SubgroupData((flag,), at=float(at)),
            st.sampled_from([0.0, 1.0]),
            st.integers(0, 10**9),
        )
    elif kind in SIZED:
        rows = st.builds(
            lambda count, more: SubgroupData((float(count),), size=float(max(1, count + more))),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
        )
    elif kind is ChartKind.C:
        rows = st.integers(0, 10**9).map(lambda count: SubgroupData((float(count),)))
    elif kind in SINGLE:
        rows = values.map(lambda value: SubgroupData((value,), labels=("A",)))
    else:
        rows = st.tuples(values, values, values).map(lambda row: SubgroupData(row, labels=LABELS))
    return st.one_of(rows, st.just(MISSING_POINT))


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(ChartKind))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_readings_are_answered_or_refused(kind: ChartKind, data: st.DataObject) -> None:
    values = data.draw(st.sampled_from([ordinary, nasty]))
    phase1 = data.draw(st.lists(rows_of(kind, values), max_size=30))
    later = data.draw(st.lists(rows_of(kind, nasty), max_size=12))
    rules = tuple(sorted(allowed_rules_of(kind, Panel.LOCATION)))
    try:
        fit = estimate(definition_of(kind), phase1)
        require_spread(fit)
    except REFUSALS as refusal:
        assert str(refusal)
        return
    fit = Fit.from_dict(json.loads(json.dumps(fit.to_dict(), allow_nan=False)))
    state = start(fit, rules)
    for row in later:
        kept = load_state(json.loads(json.dumps(state.to_dict(), allow_nan=False)))
        assert kept == state
        try:
            state, point = advance(kept, row)
        except REFUSALS as refusal:
            assert str(refusal)
            continue  # the chart goes on without the point that it refused
        _is_sound(point, missing=row.is_missing)


def _is_sound(point: PlottedPoint, *, missing: bool) -> None:
    numbers = [point.statistic, point.center, point.lcl, point.ucl, point.z, point.dispersion]
    assert all(number is None or math.isfinite(number) for number in numbers), point
    if missing:
        assert point.statistic is None and point.hits == ()
    if point.lcl is not None and point.ucl is not None:
        assert point.lcl <= point.ucl
