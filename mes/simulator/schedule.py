"""The line's agenda: what comes next in time, which lots are out of the flow, and what is true of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mes.simulator.events import LineEvent
from mes.simulator.faults import Fault, FaultBook, FaultPlan
from mes.simulator.plant import Plant
from mes.simulator.streams import Streams
from mes.simulator.truth import FaultTrace, LatentValue, TruthRecord
from mes.simulator.waiting import Left, WaitingRoom

# Order of tasks at one instant: the air first, then its log, then what people do.
AIR, LOG, LINE = 0, 1, 2
TAKING_UP = timedelta(minutes=45)  # from a lot's return to the end of the step that it left


@dataclass(frozen=True)
class Settings:
    """How the line is run. Lengths of time in minutes unless the name says otherwise."""

    start_at: datetime
    pairs: int | None = 10  # roll pairs to make; None: for ever
    pair_interval_min: int = 120
    roll_length_m: int = 240
    cell_lots_per_slit_roll: int = 1
    log_period_s: int = 120
    log_packet_min: int = 30
    prefix: str = "SIM"
    raw_every: int = 0  # raw records and files of every n-th pair; 0: of none
    raw_cells: int = 1  # cells of a tray whose formation files are delivered, the first ones
    raw_whole: bool = False  # of the first tray all cells

    def pair_starts_at(self, pair: int) -> datetime:
        return self.start_at + timedelta(minutes=pair * self.pair_interval_min)


@dataclass(frozen=True)
class Step:
    """An event that may happen, and what follows when it did. `leave_out` are cells that it happened without."""

    event: LineEvent
    happened: Callable[[], None]
    refused: Callable[[], None] = lambda: None
    leave_out: Callable[[Sequence[str]], None] = lambda cells: None


Task = Callable[[datetime], Step | None]


class Agenda:
    """Tasks in time order, with the context that every part of the line shares."""

    def __init__(
        self,
        settings: Settings,
        streams: Streams,
        plant: Plant,
        faults: FaultBook,
        plans: tuple[FaultPlan, ...],
    ) -> None:
        self.settings = settings
        self.streams = streams
        self.plant = plant
        self.faults = faults
        self.latents: list[LatentValue] = []
        self.dry_room_work = 0  # tasks ahead of the sealed cell: while there are any, the dry room is logged
        self._traces = tuple(FaultTrace(plan) for plan in plans)
        self._heap: list[tuple[datetime, int, int, bool, Task]] = []
        self._pushed = 0
        self._issued = 0
        self._children: dict[str, list[str]] = {}
        self._dropped: set[str] = set()
        self._stock: set[str] = set()
        self._taken_up: dict[str, datetime] = {}
        self._task: Task = lambda at: None
        self.waiting = WaitingRoom()

    def push(self, at: datetime, task: Task, *, order: int = LINE, before_seal: bool = False) -> None:
        """Do `task` at an instant. `before_seal` tasks keep the dry-room log running."""
        self._pushed += 1
        self.dry_room_work += before_seal
        heapq.heappush(self._heap, (at, order, self._pushed, before_seal, task))

    def next_step(self, until: datetime | None = None) -> Step | None:
        """Run tasks until one makes an event; None when nothing is left to do, or nothing `until` an instant."""
        while self._heap and (until is None or self._heap[0][0] <= until):
            at, _, _, before_seal, task = heapq.heappop(self._heap)
            self.dry_room_work -= before_seal
            step = self._run(task, at)
            if step is not None:
                return step
        return None

    def _run(self, task: Task, at: datetime) -> Step | None:
        self._task = task
        return task(at)

    def head(
        self,
        at: datetime,
        started_at: datetime,
        step: str,
        lot_code: str,
        equipment: str | None,
        by: str = "",
    ) -> dict[str, object]:
        """The fields that every event has. `by` names who reports; otherwise whoever is on shift at that
        step.
        """
        self._issued += 1
        return {
            "sequence": self._issued,
            "at": at,
            "started_at": started_at,
            "step": step,
            "lot_code": lot_code,
            "equipment": equipment,
            "operator": by or self.plant.operator_at(at, step or "mixing"),
        }

    def wants_raw(self, pair: int) -> bool:
        """Whether the instruments' own records of a pair are delivered."""
        return self.settings.raw_every > 0 and pair % self.settings.raw_every == 0

    def code(self, kind: str, pair: int, *rest: int) -> str:
        """A lot code such as SIM-RC-0004-1: kind, 1-based pair, then lane, run and cell."""
        tail = "".join(f"-{n:02d}" if i > 1 else f"-{n}" for i, n in enumerate(rest))
        return f"{self.settings.prefix}-{kind}-{pair + 1:04d}{tail}"

    def link(self, child: str, parents: Iterable[str]) -> None:
        for parent in parents:
            self._children.setdefault(parent, []).append(child)

    def descendants(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Everything made from the given lots, each once, nearest first."""
        found: dict[str, None] = {}
        queue = list(codes)
        for code in queue:
            for child in self._children.get(code, ()):
                if child not in found:
                    found[child] = None
                    queue.append(child)
        return tuple(found)

    def drop(self, lot_code: str) -> None:
        """Take a lot and all that was made from it out of the flow."""
        self._dropped.add(lot_code)
        self._dropped.update(self.descendants((lot_code,)))

    def keep_in_stock(self, lot_code: str) -> None:
        """Take a lot out of the flow by the line's own decision: it waits for nothing."""
        self._stock.add(lot_code)
        self.drop(lot_code)

    def out(self, *lot_codes: str) -> bool:
        """Whether any of these lots is out of the flow."""
        return any(code in self._dropped for code in lot_codes)

    def wait(self, left: Left) -> None:
        """These lots left the flow, which `waiting` remembers."""
        left.codes = [code for code in left.codes if code not in self._stock]
        self.waiting.add(left)

    def left(self, step: str, *lot_codes: str, running: bool = False) -> bool:
        """Whether any of these lots is out of the flow; the task that asks is then done again once it is back."""
        away = [code for code in lot_codes if self.out(code)]
        if away:
            task = self._task
            self.wait(Left(step, away[:1], lambda _: task, running))
        return bool(away)

    def leave(self, step: str, lot_code: str, *, running: bool = False) -> None:
        """The event of the task was refused: its lot leaves the flow before this step."""
        self.drop(lot_code)
        self.left(step, lot_code, running=running)

    def take_up(self, left: Left, codes: Sequence[str], at: datetime, *, by_people: bool) -> None:
        """Bring these of the lots back; what they left is done at an instant, or was done `by_people`."""
        left.codes = [code for code in left.codes if code not in codes]
        self._dropped -= {*codes, *left.also} - self._stock
        if left.again is None:
            return
        task = left.again(tuple(codes))
        self._taken_up.update(dict.fromkeys(codes, at - TAKING_UP))
        self.push(at, partial(self._pass_over, task=task) if by_people else task)

    def _pass_over(self, at: datetime, task: Task) -> None:
        step = self._run(task, at)
        if step is not None:
            step.happened()

    def since(self, started_at: datetime, *lot_codes: str) -> datetime:
        """When a step of these lots began: not before they were taken up again."""
        return max([started_at, *(self._taken_up[code] for code in lot_codes if code in self._taken_up)])

    def note(self, subject: str, at: datetime, **values: float) -> None:
        """Remember hidden values of a subject."""
        self.latents.extend(LatentValue(subject, name, float(value), at) for name, value in values.items())

    def touch(
        self,
        faults: tuple[Fault, ...],
        pair: int,
        lot: str,
        at: datetime,
        interval_mm: tuple[int, int] | None = None,
    ) -> None:
        """A lot was made at the step of these faults: record it where a plan covers its pair."""
        for trace in self._traces:
            if trace.plan.fault in faults and trace.plan.covers(pair):
                trace.touch(lot, at, interval_mm)

    def touch_exposed(
        self, faults: tuple[Fault, ...], lot: str, opened_at: datetime, closed_at: datetime
    ) -> None:
        """A lot was open in the faulty zone: record it where a plan's window overlaps."""
        for trace in self._traces:
            start, end = self.faults.window(trace.plan)
            if trace.plan.fault in faults and start < closed_at and (end is None or opened_at < end):
                trace.touch(lot, start)

    def truth(self) -> Iterator[TruthRecord]:
        return (trace.record(self.descendants(trace.lots)) for trace in self._traces)
