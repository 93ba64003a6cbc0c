"""What people of the line decide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mes.simulator.events import ContainerClosed
from mes.simulator.model import LineModel
from mes.simulator.people import Planner, ProcessEngineer, exclusions
from tests.support.told import Told

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
SOLIDS = {"characteristic": "mixing.solids_pct", "family": "imr"}


def chart(**fields: Any) -> dict[str, Any]:
    """Four points; the third lies beyond the first limits, and inside those that the last was plotted with."""
    points = {
        "id": [11, 12, 13, 14],
        "sequence": [0, 1, 2, 3],
        "lots": [["A"], ["B"], ["C"], ["D"]],
        "excluded": [None] * 4,
        "statistic": [1.0, 9.0, 4.0, 1.0],
        "lcl": [None, -3.0, -3.0, -5.0],
        "ucl": [None, 3.0, 3.0, 5.0],
        "dispersion": [0.1, 0.2, 0.3, 0.1],
        "dispersion_lcl": [None] * 4,
        "dispersion_ucl": [None, 1.0, 1.0, 1.0],
    }
    signals = [
        {"sequence": n, "rule": "beyond_limits", "meaning": "a point beyond a limit", "panel": "location"}
        for n in (1, 2)
    ]
    return {"points": points, "signals": signals} | fields


def test_a_point_is_excluded_only_while_it_lies_beyond_the_latest_limits() -> None:
    assert exclusions(chart(), {}) == {"12": "a point beyond a limit while the limits were provisional"}


def test_charts_that_somebody_at_the_line_has_planned_are_left_to_them() -> None:
    solids = SOLIDS | {"id": 1, "learning": True, "points_total": 99}
    others = [
        solids | {"id": 2, "family": "forecast"},
        solids | {"id": 3, "characteristic": "mixing.mix_time_min"},
    ]
    door = Told(charts={"items": [solids, *others], "next": None}, holds={"items": [], "next": None})
    door.answers["1"] = long_chart()
    engineer = ProcessEngineer(door, {"pe.sato": "key"}, "secret")
    assert engineer.look_at_charts() == 1
    assert [path for path, _ in door.posted] == ["/charts/1/freeze"]


@pytest.mark.parametrize("status", [403, 409])
def test_freeze_that_a_visitor_made_impossible_is_tried_again_later(status: int) -> None:
    """They changed the basis meanwhile, or wrong passwords have locked the signature: that is no defect of the line."""
    solids = SOLIDS | {"id": 1, "learning": True, "points_total": 99}
    door = Told(charts={"items": [solids], "next": None}, holds={"items": [], "next": None})
    door.answers["1"] = long_chart()
    door.status["/charts/1/freeze"] = status
    engineer = ProcessEngineer(door, {"pe.sato": "key"}, "secret")
    engineer.look_at_charts()
    engineer.look_at_charts()
    assert [path for path, _ in door.posted] == ["/charts/1/freeze"] * 2
    assert engineer.frozen == []


def long_chart() -> dict[str, Any]:
    points = {name: column * 20 for name, column in chart()["points"].items()}
    return {"points": points | {"id": list(range(80)), "sequence": list(range(80))}, "signals": []} | SOLIDS


def test_a_defective_lots_point_is_excluded_with_the_reason_of_its_hold() -> None:
    found = exclusions(chart(signals=[]), {"D": "Solids content 66.41 % is above USL 66 %"})
    assert found == {"14": "D is on hold: Solids content 66.41 % is above USL 66 %"}


def test_a_point_that_somebody_excluded_already_is_not_named_again() -> None:
    one = chart()
    one["points"]["excluded"][1] = "wrong spindle"
    assert exclusions(one, {"B": "too wet", "D": "too wet"}) == {"14": "D is on hold: too wet"}


def test_a_run_excludes_nothing() -> None:
    run = {"sequence": 1, "rule": "run_one_side", "meaning": "9 on one side", "panel": "location"}
    assert exclusions(chart(signals=[run]), {}) == {}


def test_the_rolls_of_a_pair_that_is_not_wanted_stay_in_stock() -> None:
    model = LineModel(5, START, pairs=2)
    planner = Planner(model, {}, wanted=lambda pair: pair == 1)
    closed, stacked = set(), set()
    while (event := model.next_event()) is not None:
        model.confirm(event)
        planner.after(event)
        closed |= {event.lot_code} if isinstance(event, ContainerClosed) else set()
        stacked |= {event.lot_code} if event.step == "stacking" else set()
    assert len(closed) == 8
    assert stacked == {"SIM-CL-0002-1-1", "SIM-CL-0002-2-1"}


def test_tray_that_was_refused_waits_for_nothing() -> None:
    """Nine refused trays are no queue before formation: the rolls of the next pair are still released."""
    model = LineModel(5, START, pairs=3)
    planner = Planner(model, {}, most_waiting=1)
    stacked = []
    while (event := model.next_event()) is not None:
        refused = event.step == "stacking" and "-0001-" in event.lot_code
        model.refuse(event) if refused else model.confirm(event)
        planner.after(event)
        if refused:
            planner.refused(event)
        elif event.step == "stacking":
            stacked.append(event.lot_code)
    assert stacked


def test_tray_that_left_the_flow_waits_for_nothing() -> None:
    model = LineModel(5, START, pairs=3)
    planner = Planner(model, {}, most_waiting=1)
    stacked = []
    while (event := model.next_event()) is not None:
        model.confirm(event)
        planner.after(event)
        if event.step == "stacking":
            stacked.append(event.lot_code)
            model.drop(event.lot_code)
    assert any("-0003-" in tray for tray in stacked)
