"""The flow from staged rolls to accepted cells: stack, fill, soak, form, accept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mes.simulator import events as e
from mes.simulator import physics
from mes.simulator.cells import CELLS_PER_LOT, CellBuild, CellShop
from mes.simulator.electrode_line import minutes
from mes.simulator.faults import BAD_CHANNEL, Fault
from mes.simulator.raw_cells import chamber_record, formation_files, state_of
from mes.simulator.raw_out import FileOut, RecordOut
from mes.simulator.schedule import Agenda, Step
from mes.simulator.side_readings import ageing, finishing, prechecks, value_of
from mes.simulator.staged import StagedRoll, interval, part
from mes.simulator.trays import CellLot, TrayFlow
from mes.simulator.waiting import Left

STACK_MIN, FILL_MIN, PAUSE_MIN = 45, 40, 15
FORMATION = timedelta(hours=97)
AGEING = timedelta(days=7)
FINISHING = timedelta(hours=6)
REST_H = 24.0
SEPARATOR_M_PER_CELL = 4.6


class CellLine(TrayFlow):
    """Pairs staged cathode and anode rolls first in, first out."""

    def __init__(self, agenda: Agenda, raw: Callable[[str, int], str]) -> None:
        super().__init__(agenda)
        self._raw = raw
        self._shop = CellShop(agenda.streams, agenda.faults)
        self._ready: dict[str, list[StagedRoll]] = {"cathode": [], "anode": []}
        self._stacker_free = agenda.settings.start_at
        self._trays_free = dict.fromkeys(agenda.plant.trays(), agenda.settings.start_at)

    def staged(self, roll: StagedRoll, at: datetime) -> None:
        self._ready[roll.web.electrode.name].append(roll)
        if all(self._ready.values()):
            self._plan_stacking(at)

    def _plan_stacking(self, at: datetime) -> None:
        start = max(at + minutes(PAUSE_MIN), self._stacker_free)
        self._stacker_free = start + minutes(STACK_MIN)
        self._a.push(self._stacker_free, lambda t: self._stack(t, start), before_seal=True)

    def _stack(self, at: datetime, started_at: datetime) -> Step | None:
        for name, rolls in self._ready.items():
            self._ready[name] = [roll for roll in rolls if not self._a.out(roll.lot_code)]
            for roll in rolls:
                if self._a.out(roll.lot_code):
                    self._set_aside(roll)
        if not all(self._ready.values()):
            return None
        cathode, anode = self._ready["cathode"].pop(0), self._ready["anode"].pop(0)
        key = (cathode.web.pair, cathode.lane, cathode.cell_lots)
        # The tray of a refused try may have been made before something refused it: its code is gone.
        code = self._a.code("CL", key[0], key[1], key[2] + cathode.refusals + 1)
        head: Any = self._a.head(at, started_at, "stacking", code, "STACK-1")
        welded = self._shop.weld(key, head["operator"], at)
        cells, builds = [], []
        for i, (tab, readings) in enumerate(welded):
            spans = [interval(roll, i) for roll in (cathode, anode)]
            made = e.CellMade(
                f"{code}-{i + 1:02d}", cathode.lot_code, *spans[0], anode.lot_code, *spans[1], readings
            )
            cells.append(made)
            builds.append(CellBuild(part(cathode, *spans[0]), part(anode, *spans[1]), tab))
        separator = self._raw("SEPARATOR", key[0])
        event = e.CellLotStacked(
            **head, readings=(self._shop.rejected_sheets(key, at),), cells=tuple(cells),
            consumed=(e.Consumed(separator, round(SEPARATOR_M_PER_CELL * CELLS_PER_LOT, 1)),),
        )  # fmt: skip
        lot = CellLot(code, key, tuple(c.cell_code for c in cells), builds)

        def happened() -> None:
            for roll in (cathode, anode):
                self._put_back(
                    replace(roll, next_mm=interval(roll, CELLS_PER_LOT)[0], cell_lots=roll.cell_lots + 1)
                )
            if all(self._ready.values()):
                self._plan_stacking(at)
            self._a.link(code, (cathode.lot_code, anode.lot_code, separator))
            for cell in lot.cells:
                self._a.link(cell, (code, cathode.lot_code, anode.lot_code, separator))
            for made, build in zip(cells, builds, strict=True):
                self._a.note(made.cell_code, at, true_loading_mg_cm2=build.cathode.loading)
            self._touch((Fault.TAB_WELD_COLD,), lot, started_at)
            start = at + minutes(PAUSE_MIN)
            self._a.push(start + minutes(FILL_MIN), lambda t: self._fill(t, start, lot), before_seal=True)

        def refused() -> None:
            # A roll that is not held may be tried once more, with another partner; then it stays where it is. What the
            # tray took of it may be gone.
            for roll in (cathode, anode):
                if roll.refusals == 0:
                    self._put_back(replace(roll, refusals=1, next_mm=interval(roll, CELLS_PER_LOT)[0]))
            if all(self._ready.values()):
                self._plan_stacking(at)

        return Step(event, happened, refused)

    def _set_aside(self, roll: StagedRoll) -> None:
        self._a.wait(Left("", [roll.lot_code], lambda _: partial(self.staged, roll)))

    def _put_back(self, roll: StagedRoll) -> None:
        """The roll returns to the head of its queue while it has lots to give and length to give them from."""
        enough = interval(roll, CELLS_PER_LOT)[0] <= roll.web.length_mm
        if (
            roll.cell_lots < self._a.settings.cell_lots_per_slit_roll
            and enough
            and not self._a.out(roll.lot_code)
        ):
            self._ready[roll.web.electrode.name].insert(0, roll)

    def _touch(self, faults: tuple[Fault, ...], lot: CellLot, at: datetime) -> None:
        for cell in (lot.code, *lot.cells):
            self._a.touch(faults, lot.key[0], cell, at)

    def _fill(self, at: datetime, started_at: datetime, lot: CellLot) -> Step | None:
        electrolyte = self._raw("ELECTROLYTE", lot.key[0])
        again = partial(self._fill, started_at=started_at)
        started_at = self._a.since(started_at, *lot.own)
        filled = self._shop.fill(lot.key, lot.builds, started_at)
        reports = [e.CellReport(c, readings) for c, (_, _, readings) in zip(lot.cells, filled, strict=True)]
        flowing = self._flowing(lot, reports, "filling", again)
        if flowing and self._a.out(electrolyte):
            also = (lot.code, *lot.going)
            self._a.wait(Left("", [electrolyte], lambda _: partial(again, lot=lot), also=also))
            flowing = ()
        if not flowing:
            self._a.drop(lot.code)
            return None
        used_kg = round(physics.FILL_TARGET_G * 1e-3 * len(flowing), 3)
        head: Any = self._a.head(at, started_at, "filling", lot.code, "FILL-1")
        event = e.CellLotFilled(
            **head,
            cells=flowing,
            raw=self._chamber(lot, flowing, started_at),
            consumed=(e.Consumed(electrolyte, used_kg),),
            completes=False,
        )

        def happened() -> None:
            lot.builds = [
                replace(build, retained_g=retained, true_vacuum_mbar=mbar)
                for build, (retained, mbar, _) in zip(lot.builds, filled, strict=True)
            ]
            lot.sealed_g = [value_of(readings, "filling.mass_sealed_g") for _, _, readings in filled]
            for report in flowing:
                self._a.link(report.cell_code, (electrolyte,))
            for cell, build in zip(lot.cells, lot.builds, strict=True):
                if cell in (lot.own or lot.cells):
                    truth = {"true_retained_g": build.retained_g, "true_vacuum_mbar": build.true_vacuum_mbar}
                    self._a.note(cell, at, **truth)
            self._touch((Fault.UNDERFILL, Fault.WETTING_POOR), lot, started_at)
            soaked, shown = self._shop.soak(lot.key, at)
            self._a.push(at + minutes(soaked), lambda t: self._soak(t, started_at, lot, shown))

        return self._step(event, lot, again, happened)

    def _chamber(
        self, lot: CellLot, flowing: tuple[e.CellReport, ...], started_at: datetime
    ) -> tuple[RecordOut, ...]:
        if not self._a.wants_raw(lot.key[0]):
            return ()
        return chamber_record(self._a.streams.of("filling chamber", *lot.key), flowing[0], started_at)

    def _files(self, lot: CellLot, flowing: tuple[e.CellReport, ...]) -> tuple[FileOut, ...]:
        """The cycler's files and the spectra of the tray's first cells."""
        if not self._a.wants_raw(lot.key[0]):
            return ()
        files: list[FileOut] = []
        whole = self._a.settings.raw_whole and lot.key == (0, 1, 0)
        for cell in flowing if whole else flowing[: self._a.settings.raw_cells]:
            place = lot.cells.index(cell.cell_code)
            rng = self._a.streams.of("formation files", *lot.key, place)
            files += formation_files(cell.cell_code, state_of(cell.readings, lot.builds[place], rng), rng)
        return tuple(files)

    def _soak(self, at: datetime, started_at: datetime, lot: CellLot, shown: e.ReadingOut) -> Step | None:
        again = partial(self._soak, started_at=started_at, shown=shown)
        reports = [e.CellReport(cell, (shown,)) for cell in lot.cells]
        flowing = self._flowing(lot, reports, "filling", again, running=True)
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "filling", lot.code, "FILL-1")

        def happened() -> None:
            self._a.push(at + minutes(PAUSE_MIN), lambda t: self._start_formation(t, lot))

        return self._step(e.CellLotSoaked(**head, cells=flowing), lot, again, happened, running=True)

    def _start_formation(self, at: datetime, lot: CellLot) -> Step | None:
        """Takes the tray that is free; with none free the lot waits for the first."""
        tray = min(self._trays_free, key=lambda t: (self._trays_free[t] > at, self._trays_free[t], t))
        if self._trays_free[tray] > at:
            self._a.push(self._trays_free[tray], lambda t: self._start_formation(t, lot))
            return None
        channels = self._a.plant.channels(tray)
        shown = self._shop.rest_voltages(lot.key, at)
        reports = [e.CellReport(c, (r,), ch) for c, r, ch in zip(lot.cells, shown, channels, strict=True)]
        flowing = self._flowing(lot, reports, "formation", self._start_formation)
        if not flowing:
            return None
        head: Any = self._a.head(at, at, "formation", lot.code, tray)
        checked = prechecks(self._a.streams, lot.key, flowing, REST_H, at)
        event = e.FormationStarted(**head, tray=tray, cells=flowing, prechecks=checked, completes=False)

        def happened() -> None:
            self._trays_free[tray] = at + FORMATION + minutes(PAUSE_MIN)
            self._a.push(at + FORMATION, lambda t: self._form(t, at, lot, tray, channels))

        return self._step(event, lot, self._start_formation, happened)

    def _form(
        self, at: datetime, started_at: datetime, lot: CellLot, tray: str, channels: tuple[str, ...]
    ) -> Step | None:
        formed = self._shop.form(lot.key, lot.builds, channels, at)
        reports = [e.CellReport(c, r, ch) for c, (_, r), ch in zip(lot.cells, formed, channels, strict=True)]
        again = partial(self._form, started_at=started_at, tray=tray, channels=channels)
        flowing = self._flowing(lot, reports, "formation", again, running=True)
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "formation", lot.code, tray)

        def happened() -> None:
            lot.capacities = [capacity for capacity, _ in formed]
            for cell, capacity in zip(lot.cells, lot.capacities, strict=True):
                if cell in (lot.own or lot.cells):
                    self._a.note(cell, at, true_capacity_ah=capacity)
            for report in flowing:
                if report.channel == BAD_CHANNEL:
                    self._a.touch((Fault.FORMATION_CHANNEL_BAD,), lot.key[0], report.cell_code, started_at)
            self._a.push(at + FINISHING, lambda t: self._finish(t, at, lot))
            self._a.push(at + AGEING, lambda t: self._accept(t, at, lot))

        event = e.CellLotFormed(**head, tray=tray, cells=flowing, raw=self._files(lot, flowing))
        return self._step(event, lot, again, happened, running=True)

    def _finish(self, at: datetime, formed_at: datetime, lot: CellLot, late: bool = False) -> Step | None:
        """`late`: the others of the tray have gone ahead, so that acceptance follows from here."""
        again = partial(self._finish, formed_at=formed_at, late=True)
        started_at = self._a.since(formed_at, *lot.own)
        records = finishing(
            self._a.streams, lot.key, zip(lot.cells, lot.sealed_g, strict=True), started_at, at
        )
        first, *_ = records
        going = {r.cell_code for r in self._flowing(lot, records[first], first, again)}
        if not going:
            return None
        flowing = tuple(
            (step, tuple(r for r in reports if r.cell_code in going)) for step, reports in records.items()
        )
        head: Any = self._a.head(at, started_at, "formation", lot.code, None)

        def happened() -> None:
            if late:
                due = max(at + minutes(PAUSE_MIN), formed_at + AGEING)
                self._a.push(due, lambda t: self._accept(t, formed_at, lot))

        event = e.CellLotFinished(**head, records=flowing)
        return self._step(event, lot, again, happened, step=first)

    def _accept(self, at: datetime, started_at: datetime, lot: CellLot) -> Step | None:
        tested = self._shop.accept(lot.key, lot.builds, lot.capacities, at)
        reports = [e.CellReport(c, r) for c, r in zip(lot.cells, tested, strict=True)]
        again = partial(self._accept, started_at=started_at)
        flowing = self._flowing(lot, reports, "acceptance", again)
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "acceptance", lot.code, "ACC-1")
        aged = ageing(self._a.streams, lot.key, flowing, started_at, at)
        event = e.CellLotAccepted(**head, cells=flowing, aged=aged)
        return self._step(event, lot, again, lambda: None)
