"""What people and machines of the line send to Halite for each event: the public API and nothing else.

Operators' readings go under the operator's own key when they finish the step; what a machine reads goes under
the line controller's key. A gate that is only waiting for an evaluation is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mes.simulator import events as e
from mes.simulator.asked import more_asked, stopped
from mes.simulator.bodies import (
    COATING_LANES,
    cell_body,
    codes_of,
    daughter_body,
    delivery_body,
    input_body,
    iso,
    lot_body,
    reading_body,
)
from mes.simulator.catalogue import MACHINE_GAUGES
from mes.simulator.deliver_raw import Counts, Told, deliver
from mes.simulator.doors import Answer, Door
from mes.simulator.refusals import Refused, patiently, refusal_of
from mes.simulator.rooms import check_rooms
from mes.simulator.several import OF_THE_ROOM, Send, whole_or_each
from mes.simulator.side_steps import by_cell, run_step

LINE = "equipment.line"


@dataclass
class Gateway:
    """Carries out events. `keys` are API keys by username; `wait` lets the evaluation go on for a moment.

    `beside_people`: others work on the line, too, so that what was done before is no defect. Cells of a tray that they
    were first with are `left_out` of the event; the others go on.
    """

    door: Door
    keys: Mapping[str, str]
    wait: Callable[[], None]
    prefix: str
    beside_people: bool = False
    counts: Counts = field(default_factory=Counts)
    left_out: dict[str, Refused] = field(default_factory=dict)
    _event: e.LineEvent | None = None
    _sent: int = 0

    def carry_out(self, event: e.LineEvent) -> None:
        """Do what the event says. Raises Refused when Halite does not allow it."""
        self._event, self._sent, self.left_out = event, 0, {}
        match event:
            case e.RawLotReceived():
                self.allowed("/receipts", delivery_body(event))
                self.counts.lots += 1
            case e.ElectrolyteMade() | e.FoilPrepared():
                if event.opens:
                    self._open(event.consumed[0].lot_code)
                inputs = [input_body(c) for c in event.consumed]
                self._make(lot_body(event.lot_code, event.material, event.quantity, inputs))
                self._beside(event.record_step, {event.lot_code: event.record}, event.started_at)
            case e.SlurryMade():
                inputs = [input_body(c) for c in event.consumed]
                self._make(lot_body(event.lot_code, event.material, event.quantity_kg, inputs))
                self._whole_step([event.lot_code])
                with suppress(Refused):  # a batch that fails is mixed all the same, and is not released
                    self._beside("slurry_release", {event.lot_code: event.record}, event.at)
            case e.RollCoated():
                if (reason := stopped(self.door, self.keys[event.operator], event)) is not None:
                    raise Refused(reason, ("stopped",))
                inputs = [input_body(c) for c in event.consumed]
                size: dict[str, Any] = {"length_mm": event.length_mm, "lanes": COATING_LANES}
                self._make(lot_body(event.lot_code, event.material, event.length_mm / 1000, inputs, **size))
                self._whole_step([event.lot_code])
                deliver(event.raw, self)
            case e.RollSlit():
                self._whole_step([event.lot_code])
                self._make(*(daughter_body(event, d) for d in event.daughters), at=event.at)
            case e.ContainerOpened():
                self._start([event.lot_code])
                self._container("open", {"lot": event.lot_code, "zone": event.zone})
            case e.ContainerClosed():
                self._container("close", {"lot": event.lot_code})
                self._finish([event.lot_code])
            case e.ZoneLogged() | e.DoorOpened():
                self._submit(event.operator, [reading_body(r, zone=event.zone) for r in event.readings])
            case e.CellLotStacked():
                self._stack(event)
            case e.FormationStarted():
                self._beside("formation_precheck", by_cell(event.prechecks), event.started_at)
                self._start(codes_of(event.cells), [c.channel for c in event.cells])
                self._report(event.cells)
            case e.CellLotFilled():
                self._start(codes_of(event.cells), event.equipment)
                for taken in event.consumed:
                    body = {"child": event.lot_code, "at": iso(event.at), **input_body(taken)}
                    self.allowed("/consumptions", body)
                self._report(event.cells)
                deliver(event.raw, self)
            case e.CellLotSoaked() | e.CellLotFormed():
                told = deliver(event.raw, self)
                self._finish(codes_of(event.cells), self._report(event.cells, but=told))
            case e.CellLotFinished():
                for step, reports in event.records:
                    self._beside(step, by_cell(reports), event.started_at)
            case e.CellLotAccepted():
                self._beside("ageing", by_cell(event.aged), event.started_at)
                self._start(codes_of(event.cells), event.equipment, at=event.at)
                self._finish(codes_of(event.cells), self._report(event.cells))
            case e.StripWeighed():
                self._start([event.lot_code], event.equipment)
                self._send_later([reading_body(r, lot=event.lot_code) for r in event.readings])
                deliver(event.raw, self)
            case e.RollDried():
                asked = more_asked(self.door, self.keys[event.operator], event)
                more = [reading_body(r, lot=event.lot_code) for r in event.spare[:asked]]
                self._finish([event.lot_code], self._own_readings() + more)
            case e.RollCalendered():
                self._whole_step([event.lot_code])
            case _:
                raise TypeError(f"no request is known for {type(event).__name__}")

    # --- parts of events --------------------------------------------------------------------------
    def _stack(self, event: e.CellLotStacked) -> None:
        """The operator scans both rolls; if they may be used, the tray and its cells are made."""
        made = event.cells[0]
        for roll in (made.cathode_roll, made.anode_roll):
            self._scan(roll)
        codes = [cell.cell_code for cell in event.cells]
        inputs = [input_body(c) for c in event.consumed]
        self._make(lot_body(event.lot_code, "CELL-LOT", len(codes), inputs))
        self._make(*(cell_body(cell, event.lot_code) for cell in event.cells))
        self._start(codes, event.equipment)
        by_operator = self._send_machine_readings(
            (reading_body(r, lot=cell.cell_code) for cell in event.cells for r in cell.readings),
        )
        # Tray readings stand at the tray's first cell: cell lots run no steps of their own.
        by_operator += [reading_body(r, lot=codes[0]) for r in event.readings]
        self._finish(codes, by_operator)

    def _whole_step(self, lots: list[str]) -> None:
        assert self._event is not None
        self._start(lots, self._event.equipment)
        self._finish(lots, self._own_readings())

    def _own_readings(self) -> list[dict[str, Any]]:
        """Send what machines read of the event's lot; the operator's readings are returned."""
        assert self._event is not None
        lot = self._event.lot_code
        return self._send_machine_readings(reading_body(r, lot=lot) for r in self._event.readings)

    def _report(self, cells: Iterable[e.CellReport], *, but: Collection[Told] = ()) -> list[dict[str, Any]]:
        """Send what machines read of cells; the operator's readings are returned, or sent while the step runs on.

        `but` names readings that came of an instrument's file already.
        """
        by_operator = self._send_machine_readings(
            reading_body(r, lot=cell.cell_code)
            for cell in cells
            if cell.cell_code not in self.left_out
            for r in cell.readings
            if (cell.cell_code, r.code, r.position or "") not in but
        )
        assert self._event is not None
        if not self._event.completes:
            self._send_later(by_operator)
        return by_operator

    def _send_machine_readings(self, readings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        listed = list(readings)
        self._submit(LINE, [r for r in listed if r["gauge"] in MACHINE_GAUGES])
        return [r for r in listed if r["gauge"] not in MACHINE_GAUGES]

    def _send_later(self, readings: list[dict[str, Any]]) -> None:
        """An operator's readings of a step that goes on."""
        assert self._event is not None
        self._submit(self._event.operator, readings)

    # --- requests ---------------------------------------------------------------------------------
    def _make(self, *lots: dict[str, Any], at: datetime | None = None) -> None:
        assert self._event is not None
        self.allowed("/lots", {"lots": list(lots), "at": iso(at or self._event.started_at)})
        self.counts.lots += len(lots)

    def _beside(self, step: str, readings: dict[str, tuple[e.ReadingOut, ...]], started_at: datetime) -> None:
        """A step beside the event's own; a lot that is not let run it may still be let run that."""
        assert self._event is not None
        at = self._event.at
        try:
            self.counts.readings += run_step(
                self.allowed, self._try, step, readings, started_at=started_at, at=at
            )
        except Refused as refused:  # what people have done before needs no second time
            if set(refused.blockers) != {"already_done"}:
                raise

    def _try(self, lots: Sequence[str], send: Send) -> tuple[list[Answer], dict[str, Refused]]:
        """All lots or, beside people, those of them that are let pass."""
        return whole_or_each(lots, send) if self.beside_people else ([send(list(lots))], {})

    def _each(self, lots: Sequence[str], send: Send) -> list[Answer]:
        """`_try` of the event's own step: who is refused is left out of it."""
        answers, refused = self._try([lot for lot in lots if lot not in self.left_out], send)
        self.left_out |= refused
        return answers

    def _start(self, lots: list[str], equipment: Any = None, at: datetime | None = None) -> None:
        assert self._event is not None
        event = self._event
        started_at = iso(at or event.started_at)

        def send(some: list[str]) -> Answer:
            own = [equipment[lots.index(lot)] for lot in some] if isinstance(equipment, list) else equipment
            body = {"lots": some, "step": event.step, "equipment": own, "at": started_at}
            return self.allowed("/steps/start", body)

        try:
            self._each(lots, send)
        except Refused as refused:
            if OF_THE_ROOM not in refused.blockers:
                raise
            check_rooms(self.door, self.keys[event.operator], self.allowed, event.step)
            self._each(lots, send)

    def _finish(self, lots: list[str], readings: list[dict[str, Any]] | None = None) -> None:
        assert self._event is not None
        event = self._event

        def send(some: list[str]) -> Answer:
            last = [r for r in readings or () if r["lot"] in some]
            body = {"lots": some, "step": event.step, "readings": last or None, "at": iso(event.at)}
            answer = self.allowed("/steps/finish", body)
            self.counts.readings += len(last)
            return answer

        for answer in self._each(lots, send):
            for part in [answer.body.get("readings"), *answer.body["answers"]]:
                self.counts.violations += len(part["violations"]) if part else 0

    def _submit(self, username: str, readings: list[dict[str, Any]]) -> None:
        if not readings:
            return
        answer = self.allowed("/submissions", {"readings": readings}, username=username)
        self.counts.readings += len(readings)
        self.counts.violations += len(answer.body["violations"])

    def _container(self, verb: str, body: dict[str, Any]) -> None:
        """Containers take no idempotency key: after a repeated request "already" means done."""
        assert self._event is not None
        answer = self.door.post(
            f"/containers/{verb}",
            {**body, "at": iso(self._event.at)},
            key=self.keys[self._event.operator],
        )
        if not answer.ok and not (answer.resent and answer.status == 409):
            raise refusal_of(answer, beside_people=self.beside_people)

    def _open(self, lot: str) -> None:
        """A delivery's container is opened; its life after opening begins."""
        assert self._event is not None
        self.allowed(f"/lots/{lot}/open", {"at": iso(self._event.at)})

    def _scan(self, lot: str) -> None:
        """Whether the lot may be used now; raises Refused with what keeps it."""

        def ask() -> Answer:
            assert self._event is not None
            answer = self.door.get(f"/lots/{lot}/gate", key=self.keys[self._event.operator])
            if answer.ok and answer.body["blockers"]:
                body = {"message": "; ".join(b["message"] for b in answer.body["blockers"]), **answer.body}
                return Answer(409, body, answer.resent)
            return answer

        self._patiently(ask)

    def allowed(self, path: str, body: dict[str, Any], *, username: str = "") -> Answer:
        assert self._event is not None
        self._sent += 1
        sender = username or self._event.operator
        idempotency_key = f"{self.prefix}.{self._event.sequence}.{self._sent}"
        return self._patiently(
            lambda: self.door.post(path, body, key=self.keys[sender], idempotency_key=idempotency_key)
        )

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        return patiently(ask, self._wait_once, beside_people=self.beside_people)

    def _wait_once(self) -> None:
        self.counts.waits += 1
        self.wait()
