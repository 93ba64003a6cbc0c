"""A tray of cells on its way: who of them goes on, and who has to leave and waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from mes.simulator import events as e
from mes.simulator.cells import CellBuild
from mes.simulator.schedule import Agenda, Step
from mes.simulator.waiting import Left, Task

Again = Callable[..., Step | None]  # (at, lot=...)


@dataclass
class CellLot:
    """A tray of twelve cells on its way. `key` is (pair, lane, run) of its cathode roll."""

    code: str
    key: tuple[int, ...]
    cells: tuple[str, ...]
    builds: list[CellBuild]
    capacities: list[float] = field(default_factory=list)
    sealed_g: list[float] = field(default_factory=list)
    own: tuple[str, ...] = ()  # the cells that go together; empty: all
    gone: set[str] = field(default_factory=set)  # those of them that had to leave, and wait

    @property
    def going(self) -> list[str]:
        return [cell for cell in self.own or self.cells if cell not in self.gone]


class TrayFlow:
    """What every step of a tray shares."""

    def __init__(self, agenda: Agenda) -> None:
        self._a = agenda

    def _flowing(
        self, lot: CellLot, reports: Sequence[e.CellReport], step: str, again: Again, *, running: bool = False
    ) -> tuple[e.CellReport, ...]:
        """The reports of cells that are still in the flow; the others wait, to do `again` what they miss."""
        of_all = self._a.out(lot.code)
        away = [cell for cell in lot.going if of_all or self._a.out(cell)]
        self._leave(lot, away, step, again, running)
        return tuple(r for r in reports if r.cell_code in lot.going)

    def _leave(
        self, lot: CellLot, cells: Sequence[str], step: str, again: Again, running: bool = False
    ) -> None:
        """These cells leave the tray before the step; those that come back together go on together."""

        def anew(some: tuple[str, ...]) -> Task:
            return partial(again, lot=replace(lot, own=some, gone=set()))

        lot.gone.update(cells)
        if cells:
            self._a.wait(Left(step, list(cells), anew, running, also=(lot.code,)))

    def _step(
        self,
        event: e.LineEvent,
        lot: CellLot,
        again: Again,
        happened: Callable[[], None],
        *,
        step: str = "",
        running: bool = False,
    ) -> Step:
        """The event of a tray: who is not let do its `step` waits."""
        before = step or event.step

        def refused() -> None:
            self._a.drop(lot.code)
            self._leave(lot, lot.going, before, again, running)

        def leave_out(cells: Sequence[str]) -> None:
            self._leave(lot, cells, before, again, running)

        return Step(event, happened, refused, leave_out)
