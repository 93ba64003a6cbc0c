"""The line model: a discrete-event generator that waits for the outside world after each event.

    model = LineModel(seed=7, start_at=start, faults=(FaultPlan(Fault.UNDERFILL, first_pair=5),))
    while (event := model.next_event()) is not None:
        ...                       # do through the public doors what the event says
        model.confirm(event)      # or model.refuse(event); model.drop(code) for a lot that is held

What follows an event is only planned once it is confirmed. A refused or dropped lot and all that was made
from it leave the flow, and the line goes on with the next lots, whose noise does not change by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mes.simulator.cell_line import CellLine
from mes.simulator.electrode_line import DRY_ROOM_LEAD_MIN, ElectrodeLine
from mes.simulator.events import LineEvent
from mes.simulator.faults import FaultBook, FaultPlan
from mes.simulator.plant import demo_plant
from mes.simulator.schedule import Agenda, Settings, Step
from mes.simulator.streams import Streams
from mes.simulator.truth import LatentValue, TruthRecord
from mes.simulator.waiting import Left, WaitingRoom
from mes.simulator.zone_log import ZoneLogger


class NotAnswered(Exception):
    """The event that was handed out last has to be confirmed or refused first, and no other."""


class LineModel:
    """The simulated line from `start_at` (aware; an instant of the site's clock). See `Settings` for the
    options.
    """

    def __init__(
        self, seed: int, start_at: datetime, faults: tuple[FaultPlan, ...] = (), **options: Any
    ) -> None:
        """ValueError for a naive `start_at`; TypeError for an unknown option."""
        if start_at.tzinfo is None:
            raise ValueError("start_at needs a time zone")
        settings = Settings(start_at.astimezone(UTC), **options)
        lead = timedelta(minutes=DRY_ROOM_LEAD_MIN)
        book = FaultBook(faults, lambda pair: settings.pair_starts_at(pair) + lead)
        self._agenda = Agenda(settings, Streams(seed), demo_plant(), book, faults)
        logger = ZoneLogger(self._agenda)
        cells = CellLine(self._agenda, lambda material, pair: electrodes.raw(material, pair))
        electrodes = ElectrodeLine(self._agenda, logger, cells.staged)
        electrodes.begin()
        self._pending: Step | None = None

    def next_event(self, until: datetime | None = None) -> LineEvent | None:
        """The next event in time, or None when there is none (`until` an instant). NotAnswered while the last one is
        open.
        """
        if self._pending is not None:
            raise NotAnswered(f"event {self._pending.event.sequence} is neither confirmed nor refused")
        self._pending = self._agenda.next_step(until)
        return None if self._pending is None else self._pending.event

    def confirm(self, event: LineEvent) -> None:
        """The event happened; plan what follows."""
        self._answer(event).happened()

    def refuse(self, event: LineEvent) -> None:
        """The event was not allowed and did not happen: its lot leaves the flow."""
        self._answer(event).refused()

    def drop(self, lot_code: str) -> None:
        """A lot or a cell is held: it and all made from it are not used any more. An unknown code is
        remembered.
        """
        self._agenda.drop(lot_code)

    def keep_in_stock(self, lot_code: str) -> None:
        """Not used any more by the line's own decision."""
        self._agenda.keep_in_stock(lot_code)

    def leave_out(self, event: LineEvent, cells: Sequence[str]) -> None:
        """The event that waits for its answer happens without these cells."""
        if self._pending is not None and self._pending.event is event:
            self._pending.leave_out(cells)
        for cell in cells:
            self.drop(cell)

    @property
    def waiting(self) -> WaitingRoom:
        """Lots that left the flow and may come back."""
        return self._agenda.waiting

    def take_up(self, left: Left, codes: Sequence[str], at: datetime, *, by_people: bool) -> None:
        """These may go on: at an instant with the step that they left or, where people did that, behind it."""
        self._agenda.take_up(left, codes, at, by_people=by_people)

    def out(self, lot_code: str) -> bool:
        """Whether the lot has left the flow."""
        return self._agenda.out(lot_code)

    def _answer(self, event: LineEvent) -> Step:
        pending = self._pending
        if pending is None or pending.event is not event:
            raise NotAnswered(f"event {event.sequence} is not the one that waits for an answer")
        self._pending = None
        return pending

    def undisturbed(self) -> Iterator[LineEvent]:
        """All events of a run in which nothing is ever refused."""
        while (event := self.next_event()) is not None:
            self.confirm(event)
            yield event

    @property
    def truth(self) -> tuple[TruthRecord, ...]:
        """One record for each fault plan, as far as the run has come."""
        return tuple(self._agenda.truth())

    @property
    def latents(self) -> tuple[LatentValue, ...]:
        """Hidden values noted so far, in time order."""
        return tuple(self._agenda.latents)
