"""The flow from staged rolls to accepted cells: stack, fill, soak, form, accept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from mes.simulator import events as e
from mes.simulator import physics
from mes.simulator.cells import CELLS_PER_LOT, CellBuild, CellShop, SlitRoll
from mes.simulator.electrode_line import StagedRoll, minutes
from mes.simulator.faults import BAD_CHANNEL, Fault
from mes.simulator.raw_cells import chamber_record, formation_files, state_of
from mes.simulator.raw_out import FileOut, RecordOut
from mes.simulator.schedule import Agenda, Step
from mes.simulator.side_readings import ageing, finishing, prechecks, value_of

STACK_MIN, FILL_MIN, PAUSE_MIN = 45, 40, 15
FORMATION = timedelta(hours=97)
AGEING = timedelta(days=7)
FINISHING = timedelta(hours=6)
REST_H = 24.0
SEPARATOR_M_PER_CELL = 4.6
MM_PER_CELL = {"cathode": physics.CATHODE_MM_PER_CELL, "anode": physics.ANODE_MM_PER_CELL}


@dataclass
class CellLot:
    """A tray of twelve cells on its way. `key` is (pair, lane, run) of its cathode roll."""

    code: str
    key: tuple[int, ...]
    cells: tuple[str, ...]
    builds: list[CellBuild]
    capacities: list[float] = field(default_factory=list)
    sealed_g: list[float] = field(default_factory=list)


class CellLine:
    """Pairs staged cathode and anode rolls first in, first out."""

    def __init__(self, agenda: Agenda, raw: Callable[[str, int], str]) -> None:
        self._a = agenda
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
            spans = [_interval(roll, i) for roll in (cathode, anode)]
            made = e.CellMade(
                f"{code}-{i + 1:02d}", cathode.lot_code, *spans[0], anode.lot_code, *spans[1], readings
            )
            cells.append(made)
            builds.append(CellBuild(_slice(cathode, *spans[0]), _slice(anode, *spans[1]), tab))
        separator = self._raw("SEPARATOR", key[0])
        event = e.CellLotStacked(
            **head, readings=(self._shop.rejected_sheets(key, at),), cells=tuple(cells),
            consumed=(e.Consumed(separator, round(SEPARATOR_M_PER_CELL * CELLS_PER_LOT, 1)),),
        )  # fmt: skip
        lot = CellLot(code, key, tuple(c.cell_code for c in cells), builds)

        def happened() -> None:
            for roll in (cathode, anode):
                self._put_back(
                    replace(roll, next_mm=_interval(roll, CELLS_PER_LOT)[0], cell_lots=roll.cell_lots + 1)
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
                    self._put_back(replace(roll, refusals=1, next_mm=_interval(roll, CELLS_PER_LOT)[0]))
            if all(self._ready.values()):
                self._plan_stacking(at)

        return Step(event, happened, refused)

    def _put_back(self, roll: StagedRoll) -> None:
        """The roll returns to the head of its queue while it has lots to give and length to give them from."""
        enough = _interval(roll, CELLS_PER_LOT)[0] <= roll.web.length_mm
        if (
            roll.cell_lots < self._a.settings.cell_lots_per_slit_roll
            and enough
            and not self._a.out(roll.lot_code)
        ):
            self._ready[roll.web.electrode.name].insert(0, roll)

    def _touch(self, faults: tuple[Fault, ...], lot: CellLot, at: datetime) -> None:
        for cell in (lot.code, *lot.cells):
            self._a.touch(faults, lot.key[0], cell, at)

    def _flowing(self, lot: CellLot, reports: Sequence[e.CellReport]) -> tuple[e.CellReport, ...]:
        """The reports of cells that are still in the flow; empty when the lot itself is out."""
        if self._a.out(lot.code):
            return ()
        return tuple(r for r in reports if not self._a.out(r.cell_code))

    def _fill(self, at: datetime, started_at: datetime, lot: CellLot) -> Step | None:
        electrolyte = self._raw("ELECTROLYTE", lot.key[0])
        filled = self._shop.fill(lot.key, lot.builds, started_at)
        reports = [e.CellReport(c, readings) for c, (_, _, readings) in zip(lot.cells, filled, strict=True)]
        flowing = self._flowing(lot, reports)
        if not flowing or self._a.out(electrolyte):
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
                self._a.note(
                    cell, at, true_retained_g=build.retained_g, true_vacuum_mbar=build.true_vacuum_mbar
                )
            self._touch((Fault.UNDERFILL, Fault.WETTING_POOR), lot, started_at)
            soaked, shown = self._shop.soak(lot.key, at)
            self._a.push(at + minutes(soaked), lambda t: self._soak(t, started_at, lot, shown))

        return Step(event, happened, lambda: self._a.drop(lot.code))

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
        flowing = self._flowing(lot, [e.CellReport(cell, (shown,)) for cell in lot.cells])
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "filling", lot.code, "FILL-1")
        return Step(
            e.CellLotSoaked(**head, cells=flowing),
            lambda: self._a.push(at + minutes(PAUSE_MIN), lambda t: self._start_formation(t, lot)),
            lambda: self._a.drop(lot.code),
        )

    def _start_formation(self, at: datetime, lot: CellLot) -> Step | None:
        """Takes the tray that is free; with none free the lot waits for the first."""
        tray = min(self._trays_free, key=lambda t: (self._trays_free[t] > at, self._trays_free[t], t))
        if self._trays_free[tray] > at:
            self._a.push(self._trays_free[tray], lambda t: self._start_formation(t, lot))
            return None
        channels = self._a.plant.channels(tray)
        shown = self._shop.rest_voltages(lot.key, at)
        reports = [e.CellReport(c, (r,), ch) for c, r, ch in zip(lot.cells, shown, channels, strict=True)]
        flowing = self._flowing(lot, reports)
        if not flowing:
            return None
        head: Any = self._a.head(at, at, "formation", lot.code, tray)
        checked = prechecks(self._a.streams, lot.key, flowing, REST_H, at)
        event = e.FormationStarted(**head, tray=tray, cells=flowing, prechecks=checked, completes=False)

        def happened() -> None:
            self._trays_free[tray] = at + FORMATION + minutes(PAUSE_MIN)
            self._a.push(at + FORMATION, lambda t: self._form(t, at, lot, tray, channels))

        return Step(event, happened, lambda: self._a.drop(lot.code))

    def _form(
        self, at: datetime, started_at: datetime, lot: CellLot, tray: str, channels: tuple[str, ...]
    ) -> Step | None:
        formed = self._shop.form(lot.key, lot.builds, channels, at)
        reports = [e.CellReport(c, r, ch) for c, (_, r), ch in zip(lot.cells, formed, channels, strict=True)]
        flowing = self._flowing(lot, reports)
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "formation", lot.code, tray)

        def happened() -> None:
            lot.capacities = [capacity for capacity, _ in formed]
            for cell, capacity in zip(lot.cells, lot.capacities, strict=True):
                self._a.note(cell, at, true_capacity_ah=capacity)
            for report in flowing:
                if report.channel == BAD_CHANNEL:
                    self._a.touch((Fault.FORMATION_CHANNEL_BAD,), lot.key[0], report.cell_code, started_at)
            self._a.push(at + FINISHING, lambda t: self._finish(t, at, lot))
            self._a.push(at + AGEING, lambda t: self._accept(t, at, lot))

        return Step(
            e.CellLotFormed(**head, tray=tray, cells=flowing, raw=self._files(lot, flowing)),
            happened,
            lambda: self._a.drop(lot.code),
        )

    def _finish(self, at: datetime, started_at: datetime, lot: CellLot) -> Step | None:
        records = finishing(
            self._a.streams, lot.key, zip(lot.cells, lot.sealed_g, strict=True), started_at, at
        )
        flowing = tuple((step, self._flowing(lot, reports)) for step, reports in records.items())
        if not all(reports for _, reports in flowing):
            return None
        head: Any = self._a.head(at, started_at, "formation", lot.code, None)
        event = e.CellLotFinished(**head, records=flowing)
        return Step(event, lambda: None, lambda: self._a.drop(lot.code))

    def _accept(self, at: datetime, started_at: datetime, lot: CellLot) -> Step | None:
        tested = self._shop.accept(lot.key, lot.builds, lot.capacities, at)
        flowing = self._flowing(lot, [e.CellReport(c, r) for c, r in zip(lot.cells, tested, strict=True)])
        if not flowing:
            return None
        head: Any = self._a.head(at, started_at, "acceptance", lot.code, "ACC-1")
        aged = ageing(self._a.streams, lot.key, flowing, started_at, at)
        return Step(
            e.CellLotAccepted(**head, cells=flowing, aged=aged), lambda: None, lambda: self._a.drop(lot.code)
        )


def _interval(roll: StagedRoll, cell: int) -> tuple[int, int]:
    """The interval, mm, of the `cell`-th (0-based) cell that is cut next from a roll."""
    length = MM_PER_CELL[roll.web.electrode.name]
    start = roll.next_mm + cell * length
    return start, start + length


def _slice(roll: StagedRoll, from_mm: int, to_mm: int) -> SlitRoll:
    web = roll.web
    return SlitRoll(
        loading=web.loading_between(roll.lane, from_mm, to_mm),
        porosity_ratio=web.porosity / physics.target_porosity(web.electrode),
        residual_ppm=web.residual_ppm,
        burr_um=web.burr_um[roll.lane - 1],
        dose_g_h_m3=roll.dose_g_h_m3,
    )
