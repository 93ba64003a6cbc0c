"""A tray of which people were first with a cell, or of which a cell is held at the last moment: the others go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mes.simulator.driver import Driver
from mes.simulator.events import CellLotAccepted, CellLotFilled, FormationStarted, LineEvent
from mes.simulator.gateway import Gateway
from mes.simulator.model import LineModel
from mes.simulator.refusals import Refused
from tests.support.told import Keys, ToldLine

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
CELL = "SIM-CL-0001-1-1-03"


def gateway(door: ToldLine, *, beside_people: bool = True) -> Gateway:
    return Gateway(door, Keys(), lambda: None, "SIM", beside_people)


def event(kind: type) -> Any:
    run = LineModel(3, START, pairs=1).undisturbed()
    return next(e for e in run if isinstance(e, kind) and e.lot_code == "SIM-CL-0001-1-1")


@pytest.mark.parametrize("blocker", ["step_runs", "held"])
def test_the_other_cells_of_a_tray_start_each_on_its_own_channel(blocker: str) -> None:
    door, formation = ToldLine({("/steps/start", CELL): blocker}), event(FormationStarted)
    line = gateway(door)
    line.carry_out(formation)
    assert set(line.left_out) == {CELL}
    started = [body for path, body in door.taken if path == "/steps/start" and body["step"] == "formation"]
    channels = {cell.cell_code: [cell.channel] for cell in formation.cells if cell.cell_code != CELL}
    assert {body["lots"][0]: body["equipment"] for body in started} == channels
    told = {
        r["lot"] for path, body in door.taken if path == "/submissions" for r in body.get("readings") or ()
    }
    assert told == set(channels)


def test_a_tray_nobody_of_whom_may_go_on_is_refused_and_a_line_alone_asks_once() -> None:
    formation = event(FormationStarted)
    door = ToldLine({("/steps/start", cell.cell_code): "held" for cell in formation.cells})
    with pytest.raises(Refused):
        gateway(door).carry_out(formation)
    filling, door = event(CellLotFilled), ToldLine({("/steps/start", CELL): "held"})
    with pytest.raises(Refused):
        gateway(door, beside_people=False).carry_out(filling)
    assert (door.taken, door.requests) == ([], 1)


@pytest.mark.parametrize("path", ["/steps/start", "/steps/finish"])
def test_a_cell_that_people_finish_leaves_the_flow_and_its_tray_is_accepted(path: str) -> None:
    door = ToldLine({(path, CELL): "already_done"})
    model, seen = LineModel(3, START, pairs=1), list[LineEvent]()
    Driver(model, gateway(door), after=seen.append).run()
    accepted = {cell.cell_code for e in seen if isinstance(e, CellLotAccepted) for cell in e.cells}
    assert len(accepted) == 23 and CELL not in accepted
    assert not model.out("SIM-CL-0001-1-1")
