"""What the line does when a reaction asks for it, and what its quality engineer decides and leaves to others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from mes.simulator.asked import more_asked, stopped
from mes.simulator.doors import Door
from mes.simulator.events import CellLotAccepted, CellLotFormed, LineEvent, RollCoated, RollDried
from mes.simulator.model import LineModel
from mes.simulator.quality_people import LOOK_EVERY, STOP_LASTS, QualityEngineer
from tests.support.told import Told

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
RESIDUAL = "drying.residual_ppm"
STOP = {"id": 7, "step": "coating", "equipment": "COAT-1", "material": "ROLL-CATHODE", "reason": "tilted"}


def events(**options: Any) -> list[LineEvent]:
    return list(LineModel(3, START, (), pairs=1, **options).undisturbed())


def of(kind: type, run: list[LineEvent]) -> Any:
    return next(event for event in run if isinstance(event, kind))


def engineer(door: Door) -> QualityEngineer:
    return QualityEngineer(door, {"qe.lopez": "key"}, "secret")


def test_a_stop_concerns_its_machine_and_material_and_an_unset_part_means_all() -> None:
    roll = cast("RollCoated", of(RollCoated, events()))
    assert (roll.equipment, roll.material) == ("COAT-1", "ROLL-CATHODE")

    def why(**parts: str | None) -> str | None:
        return stopped(Told(stops={"items": [STOP | parts]}), "key", roll)

    assert why() == why(equipment=None) == why(material=None) == "tilted"
    assert why(material="ROLL-ANODE") is why(equipment="COAT-2") is why(step="slitting") is None


def test_tightened_sampling_is_answered_with_the_samples_that_are_missing() -> None:
    roll = cast("RollDried", of(RollDried, events()))
    assert [r.position for r in (*roll.readings, *roll.spare) if r.code == RESIDUAL] == [*"123456789"]

    def asked(needed: int) -> int:
        """No tightening is in force any more; the gates still ask what they asked when the roll began."""
        gates = {"gates": [{"checks": [{"characteristic": RESIDUAL, "needed": needed}]}]}
        return more_asked(Told(tightenings={"items": []}, gates=gates), "key", roll)

    assert (asked(6), asked(3)) == (3, 0)


def test_a_stop_is_lifted_with_a_reason_when_it_has_stood_for_its_time() -> None:
    door = Told(stops={"items": [STOP | {"stopped_at": START.isoformat()}]})
    kim = engineer(door)
    kim.look_at_stops(START + STOP_LASTS - timedelta(seconds=1))
    assert door.posted == []
    kim.look_at_stops(START + STOP_LASTS)
    ((path, body),) = door.posted
    assert path == "/stops/7/lift" and body["password"] == "secret" and "levelled" in body["reason"]
    door.status["/stops/7/lift"] = 409
    kim.look_at_stops(START + STOP_LASTS)  # somebody was faster
    assert kim.lifted == [7, 7]


def test_stops_are_looked_at_once_in_a_few_events_of_the_line() -> None:
    door = Told(stops={"items": []})
    roll = of(RollCoated, events())
    kim = engineer(door)
    for number in range(2 * LOOK_EVERY):
        kim.after(replace(roll, sequence=number))
    assert door.requests == 2


def test_plans_are_frozen_when_formed_and_the_first_and_the_newest_decision_are_left_open() -> None:
    door = Told(stops={"items": []})
    run = events()
    formed, accepted = of(CellLotFormed, run), of(CellLotAccepted, run)
    kim = engineer(door)
    kim.after(formed)
    ((path, plan),) = door.posted
    assert path == f"/lots/{formed.lot_code}/acceptance" and plan["sample_size"] == 5
    door.posted.clear()
    for name in ("FIRST", "SECOND", "THIRD", "FOURTH"):
        kim.after(replace(accepted, lot_code=name))
    assert [path for path, _ in door.posted] == [
        f"/lots/{name}/acceptance/decision" for name in ("SECOND", "THIRD")
    ]


def test_of_the_first_tray_all_cells_have_files_and_of_others_the_first_cell() -> None:
    run = events(raw_every=1, raw_whole=True)
    files = {
        event.lot_code.rpartition("-CL-")[2]: {raw.lot_code for raw in event.raw}
        for event in run
        if isinstance(event, CellLotFormed)
    }
    assert {tray: len(cells) for tray, cells in files.items()} == {"0001-1-1": 12, "0001-2-1": 1}
