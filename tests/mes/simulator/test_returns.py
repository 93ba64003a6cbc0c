"""What had to leave the line and may go on is taken up where it stood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from mes.simulator.driver import Driver
from mes.simulator.events import (
    CellLotAccepted,
    CellLotFilled,
    CellLotStacked,
    ContainerClosed,
    LineEvent,
    RollCalendered,
    RollCoated,
    RollDried,
    RollSlit,
    StripWeighed,
    ZoneLogged,
)
from mes.simulator.gateway import Gateway
from mes.simulator.live import Line
from mes.simulator.model import LineModel
from mes.simulator.people import Planner
from mes.simulator.returns import LOOK_AFTER, LOOK_EVERY, MOST_ASKED, Returns
from mes.simulator.schedule import TAKING_UP
from tests.support.told import Keys, ToldLine

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
ROLL, TRAY = "SIM-RC-0001", "SIM-CL-0001-1-1"
Happens = Callable[[LineEvent, ToldLine], None]


def run(happens: Happens, *, looks: bool = True) -> list[LineEvent]:
    """Events that were carried out; after each, `happens` says what people do."""
    door, seen = ToldLine(), list[LineEvent]()
    model = LineModel(5, START, pairs=2)
    planner, returns = Planner(model, {}), Returns(door, Keys(), model)

    def after(event: LineEvent) -> None:
        planner.after(event)
        if looks:
            returns.look(event.at)
        seen.append(event)
        happens(event, door)

    driver = Driver(model, Gateway(door, Keys(), lambda: None, "SIM", True), after=after)
    driver.run()
    refused = {(r["event"], r["lot"]) for r in driver.summary.refusals}
    return [e for e in seen if (type(e).__name__, e.lot_code) not in refused]


def hold(door: ToldLine, lot: str, *others: str) -> None:
    for code in (lot, *others):
        door.held[len(door.held) + 1] = code
        door.blockers[code] = {"held"}


def held_and_released(kind: type, lot: str, running: bool = False) -> Happens:
    """The lot is held after its event, and released half a dozen events later."""
    since: list[int] = []

    def happens(event: LineEvent, door: ToldLine) -> None:
        if isinstance(event, kind) and event.lot_code == lot:
            hold(door, lot)
            since.append(0)
        elif since and lot in door.blockers:
            since[0] += 1
            if since[0] == 12:
                door.blockers[lot] = {"step_runs"} if running else set()

    return happens


@pytest.mark.parametrize(
    ("behind", "then", "running"),
    [(RollCoated, StripWeighed, False), (StripWeighed, RollDried, True), (RollDried, RollCalendered, False)],
)
def test_a_released_roll_goes_on_with_the_step_that_it_missed(
    behind: type, then: type, running: bool
) -> None:
    happens = held_and_released(behind, ROLL, running)
    events = run(happens)
    (missed,) = [e for e in events if isinstance(e, then) and e.lot_code == ROLL]
    undisturbed = [e for e in LineModel(5, START, pairs=2).undisturbed() if isinstance(e, then)]
    planned = next(e for e in undisturbed if e.lot_code == ROLL)
    assert missed.at > planned.at and [r.value for r in missed.readings] == [
        r.value for r in planned.readings
    ]
    assert running or missed.started_at > planned.started_at
    accepted = {cell.cell_code for e in events if isinstance(e, CellLotAccepted) for cell in e.cells}
    assert len(accepted) == 48
    # Without anybody looking it stays where it is.
    left = run(held_and_released(behind, ROLL, running), looks=False)
    assert not any(isinstance(e, then) and e.lot_code == ROLL for e in left)


def test_cells_that_are_released_together_go_on_together_behind_their_tray() -> None:
    cells = [f"{TRAY}-03", f"{TRAY}-07"]

    def happens(event: LineEvent, door: ToldLine) -> None:
        if isinstance(event, CellLotStacked) and event.lot_code == TRAY:
            hold(door, *cells)
        if isinstance(event, CellLotFilled) and event.lot_code == "SIM-CL-0002-2-1":
            door.blockers.clear()

    events = run(happens)
    filled = [e for e in events if isinstance(e, CellLotFilled) and e.lot_code == TRAY]
    assert [[c.cell_code for c in e.cells] for e in filled][1:] == [cells]
    accepted = [c.cell_code for e in events if isinstance(e, CellLotAccepted) for c in e.cells]
    assert len(accepted) == len(set(accepted)) == 48


def test_a_step_that_people_did_is_passed_over_but_not_one_that_makes_lots() -> None:
    def events(step_done: type, refused: type) -> list[LineEvent]:
        """Behind `step_done` people do the next step of the roll: the line's event of it is refused, once."""

        def happens(event: LineEvent, door: ToldLine) -> None:
            if event.lot_code == ROLL and isinstance(event, step_done):
                door.refuses["/steps/start", ROLL] = "already_done"
                door.blockers[ROLL] = {"already_done"}
            if event.lot_code == ROLL and isinstance(event, refused):
                door.refuses.clear()

        return run(happens)

    calendered_by_hand = events(RollDried, RollCalendered)
    assert not any(isinstance(e, RollCalendered) and e.lot_code == ROLL for e in calendered_by_hand)
    assert any(isinstance(e, RollSlit) and e.lot_code == ROLL for e in calendered_by_hand)
    slit_by_hand = events(RollCalendered, RollSlit)
    assert not any("-DC-0001-" in e.lot_code for e in slit_by_hand)


def test_rolls_in_stock_stay_there_and_what_is_scrapped_is_asked_for_once() -> None:
    door, model = ToldLine(), LineModel(5, START, pairs=1)
    planner, returns = Planner(model, {}, wanted=lambda pair: False), Returns(door, Keys(), model)
    door.blockers["SIM-RA-0001"] = {"not_active"}
    stacked = 0
    while (event := model.next_event()) is not None:
        model.confirm(event)
        planner.after(event)
        stacked += isinstance(event, CellLotStacked)
        if isinstance(event, RollCoated) and event.lot_code == "SIM-RA-0001":
            model.drop(event.lot_code)
        returns.look(event.at)
        if isinstance(event, ContainerClosed):
            model.drop(event.lot_code)
    assert stacked == 0 and door.asked == ["SIM-RA-0001"]


def test_looks_are_few_and_each_asks_few_lots_in_turns() -> None:
    door, model = ToldLine(), LineModel(5, START, pairs=20)
    returns = Returns(door, Keys(), model)
    rolls = [f"SIM-RC-{pair:04d}" for pair in range(1, 21)]
    door.blockers = {roll: {"held"} for roll in rolls}
    dried = 0
    while (event := model.next_event()) is not None and dried < 20:
        model.confirm(event)
        dried += isinstance(event, RollDried)
        if isinstance(event, RollCoated) and event.lot_code in rolls:
            model.drop(event.lot_code)
    returns.look(START)
    assert len(door.asked) == MOST_ASKED == len(set(door.asked))
    returns.look(START)
    assert set(door.asked) == set(rolls)
    door.asked.clear()
    slit = next(e for e in LineModel(5, START, pairs=1).undisturbed() if isinstance(e, RollSlit))
    for _ in range(2 * LOOK_EVERY - 1):
        returns.after(slit)
    assert len(door.asked) == MOST_ASKED


def test_a_line_that_only_logs_its_air_looks_every_hour() -> None:
    door, model = ToldLine(), LineModel(5, START, pairs=1)
    returns = Returns(door, Keys(), model)
    model.drop("SIM-SC-0001")
    run = list(LineModel(5, START, pairs=1).undisturbed())
    logged = next(e for e in run if isinstance(e, ZoneLogged))
    door.blockers["SIM-SC-0001"] = {"held"}
    while (event := model.next_event()) is not None and not door.asked:
        model.confirm(event)
        if event.lot_code == "SIM-SA-0001":
            returns.after(replace(logged, at=START))
            returns.after(replace(logged, at=START + LOOK_AFTER - timedelta(seconds=1)))
        if isinstance(event, RollCoated):
            returns.after(replace(logged, at=START + LOOK_AFTER))
    assert door.asked == ["SIM-SC-0001"]


def test_a_refused_delivery_comes_again_with_a_warning_and_the_line_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A visitor's rule refuses the foil; they take it back a few hours later."""
    door, model = ToldLine(), LineModel(5, START, pairs=1)
    returns, coated = Returns(door, Keys(), model), list[LineEvent]()
    door.refuses["/receipts", "SIM-AL-FOIL-0001"] = "certificate"
    door.blockers |= {"SIM-AL-FOIL-0001": {"not_received"}, "SIM-FC-0001": {"not_made"}}

    def after(event: LineEvent) -> None:
        if event.at > START + timedelta(hours=9):
            door.refuses.clear()
        if event.at > START + timedelta(hours=13):
            door.blockers.clear()
        returns.after(event)
        if isinstance(event, RollCoated):
            coated.append(event)

    driver = Driver(model, Gateway(door, Keys(), lambda: None, "SIM", True), after=after)
    driver.run()
    refused = [r["lot"] for r in driver.summary.refusals]
    assert refused == ["SIM-AL-FOIL-0001"] * 3
    warned = [r for r in caplog.records if r.levelname == "WARNING" and "SIM-AL-FOIL-0001" in str(r.msg)]
    assert len(warned) == 3
    assert {roll.lot_code for roll in coated} == {"SIM-RC-0001", "SIM-RA-0001"}


def test_a_delivery_that_incoming_inspection_holds_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = ToldLine()
    hold(door, "SIM-BINDER-0001")
    driver = Driver(LineModel(5, START, pairs=1), Gateway(door, Keys(), lambda: None, "SIM", True))
    driver.run()
    (told,) = [r.msg for r in caplog.records if r.levelname == "WARNING"]
    assert isinstance(told, dict)
    assert (told["event"], told["lot"], told["message"]) == ("delivery_held", "SIM-BINDER-0001", "held")


def test_what_is_released_after_its_run_has_ended_goes_on_beside_the_next_one_as_it_becomes_due() -> None:
    door, model = ToldLine(), LineModel(5, START, pairs=1)
    returns, seen = Returns(door, Keys(), model), list[LineEvent]()
    driver = Driver(model, Gateway(door, Keys(), lambda: None, "SIM", True), after=seen.append)
    hold(door, ROLL)
    driver.run()
    assert not any(isinstance(e, StripWeighed) and e.lot_code == ROLL for e in seen)
    line, ended = Line(driver, Mock(), Mock(), Mock(), returns), seen[-1].at + timedelta(days=9)
    seen.clear()
    line.go_on(ended)
    door.blockers[ROLL] = set()
    line.go_on(ended + LOOK_AFTER - timedelta(seconds=1))
    assert seen == []
    line.go_on(ended + LOOK_AFTER)
    line.go_on(ended + LOOK_AFTER + TAKING_UP)
    assert [(type(e), e.lot_code) for e in seen] == [(StripWeighed, ROLL)]
    line.go_on(ended + timedelta(days=16))
    steps = [e.step for e in seen if not isinstance(e, ZoneLogged)]
    assert steps[:4] == ["drying", "drying", "calendering", "slitting"]
    # The next run logs the dry room: this one adds what its sensors show when a container opens or closes.
    logged = [e for e in seen if isinstance(e, ZoneLogged)]
    assert logged and max(len(e.readings) for e in logged) < 40
    assert sum(isinstance(e, CellLotAccepted) for e in seen) == 2
