"""The flow from raw material to slit rolls that wait, closed, in the dry room's staging zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mes.simulator import events as e
from mes.simulator import physics
from mes.simulator.deliveries import Deliveries
from mes.simulator.electrodes import STRIP_MINUTES, Batch, ElectrodeShop, Web
from mes.simulator.faults import Fault
from mes.simulator.physics import ANODE, CATHODE, Electrode
from mes.simulator.raw_rolls import RawShop
from mes.simulator.schedule import Agenda, Step
from mes.simulator.side_readings import slurry_release
from mes.simulator.staged import StagedRoll
from mes.simulator.waiting import Left
from mes.simulator.zone_log import ZoneLogger

STAGING = "DR-STAGING"
PAIRS_PER_DELIVERY = 10
MIXERS = {"cathode": "MIX-1", "anode": "MIX-2"}
LETTER = {"cathode": "C", "anode": "A"}
ACTIVE = {"cathode": "NMO-ACTIVE", "anode": "HC-ACTIVE"}
# Duration of each step and the pause before it, min.
MIX_MIN, COAT_SETUP_MIN, DRY_MIN, CALENDER_MIN, SLIT_MIN = 200, 40, 1230, 35, 30
PAUSE_MIN = 10
OPEN_MIN, OPEN_SD_MIN = 14.0, 3.2
# From a pair's mixing to its first open container, about: when zone faults of that pair begin.
DRY_ROOM_LEAD_MIN = MIX_MIN + COAT_SETUP_MIN + DRY_MIN + CALENDER_MIN + SLIT_MIN + 5 * PAUSE_MIN
SLURRY_WASTE, BINDER_SHARE = 1.05, 0.04


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


class ElectrodeLine:
    """Pushes a pair of rolls into the agenda every `pair_interval_min`; hands staged rolls to `staged`."""

    def __init__(
        self, agenda: Agenda, logger: ZoneLogger, staged: Callable[[StagedRoll, datetime], None]
    ) -> None:
        self._a = agenda
        self._logger = logger
        self._staged = staged
        self._length_mm = agenda.settings.roll_length_m * 1000
        self._deliveries = Deliveries(agenda, PAIRS_PER_DELIVERY)
        self._shop = ElectrodeShop(agenda.streams, agenda.faults, self._length_mm)
        self._raw = RawShop(agenda, self._shop)

    def begin(self) -> None:
        self._a.push(self._a.settings.pair_starts_at(0), lambda at: self._start_pair(at, 0), before_seal=True)

    def raw(self, material: str, pair: int) -> str:
        """The delivery that a pair draws on."""
        return self._deliveries.code(material, pair)

    def _start_pair(self, at: datetime, pair: int) -> None:
        settings = self._a.settings
        if settings.pairs is not None and pair >= settings.pairs:
            return
        if pair % PAIRS_PER_DELIVERY == 0:
            self._deliver(at, pair)
        for electrode, delay in ((CATHODE, 1), (ANODE, PAUSE_MIN + 1)):
            started = at + minutes(delay)
            ends = started + minutes(MIX_MIN)
            self._a.push(
                ends, partial(self._mix, started_at=started, electrode=electrode, pair=pair), before_seal=True
            )
        self._a.push(
            settings.pair_starts_at(pair + 1), lambda t: self._start_pair(t, pair + 1), before_seal=True
        )

    def _slurry_kg(self, electrode: Electrode) -> float:
        area_cm2 = self._length_mm * electrode.web_width_mm / 100.0
        dry_kg = area_cm2 * physics.SIDES * physics.target_loading(electrode) * 1e-6
        return round(dry_kg / electrode.solids_pct * 100.0 * SLURRY_WASTE, 1)

    def _deliver(self, at: datetime, pair: int) -> None:
        cathode_kg, anode_kg = self._slurry_kg(CATHODE), self._slurry_kg(ANODE)
        lots = self._a.settings.cell_lots_per_slit_roll * 2 * PAIRS_PER_DELIVERY
        quantities = {
            "NMO-ACTIVE": (8.0 * cathode_kg, "kg"),
            "HC-ACTIVE": (8.0 * anode_kg, "kg"),
            "BINDER": (cathode_kg + anode_kg, "kg"),
            "AL-FOIL": (2.2 * PAIRS_PER_DELIVERY * self._a.settings.roll_length_m, "m"),
            "SEPARATOR": (70.0 * lots, "m"),
            "SALT-NAPF6": (0.3 * lots, "kg"),
            "ELECTROLYTE": (1.0 * lots, "kg"),
        }
        self._deliveries.arrive(at, pair, quantities)

    def _mix(self, at: datetime, started_at: datetime, electrode: Electrode, pair: int) -> Step | None:
        active, binder = self.raw(ACTIVE[electrode.name], pair), self.raw("BINDER", pair)
        if self._a.out(active, binder):
            self._a.wait(Left("", [raw for raw in (active, binder) if self._a.out(raw)], None))
            return None
        code = self._a.code(f"S{LETTER[electrode.name]}", pair)
        batch, readings = self._shop.mix(electrode, pair, at)
        kg = self._slurry_kg(electrode)
        dry_kg = kg * batch.solids_pct / 100.0
        consumed = (
            e.Consumed(active, round(dry_kg * (1.0 - BINDER_SHARE), 3)),
            e.Consumed(binder, round(dry_kg * BINDER_SHARE, 3)),
        )
        head: Any = self._a.head(at, started_at, "mixing", code, MIXERS[electrode.name])
        event = e.SlurryMade(
            **head, readings=readings, electrode=electrode.name, material=f"SLURRY-{electrode.name.upper()}",
            quantity_kg=kg, consumed=consumed,
            record=slurry_release(
                self._a.streams, electrode.name, pair, electrode.solids_pct, kg, readings, at
            ),
        )  # fmt: skip

        def happened() -> None:
            self._a.link(code, (active, binder))
            self._a.note(code, at, true_solids_pct=batch.solids_pct, true_ln_viscosity=batch.ln_viscosity)
            self._touch(electrode, (Fault.SOLIDS_HIGH, Fault.VISCOSITY_HIGH), pair, code, started_at, None)
            self._deliveries.prepare(at, electrode.name, pair)
            run_min = COAT_SETUP_MIN + self._a.settings.roll_length_m / electrode.web_speed_m_min
            start = at + minutes(PAUSE_MIN)
            self._a.push(
                start + minutes(run_min), lambda t: self._coat(t, start, batch, code, kg), before_seal=True
            )

        return Step(event, happened, lambda: self._a.drop(code))

    def _touch(
        self,
        electrode: Electrode,
        faults: tuple[Fault, ...],
        pair: int,
        lot: str,
        at: datetime,
        length_mm: int | None,
    ) -> None:
        if electrode is CATHODE:
            self._a.touch(faults, pair, lot, at, None if length_mm is None else (0, length_mm))

    def _coat(self, at: datetime, started_at: datetime, batch: Batch, slurry: str, kg: float) -> Step | None:
        pair, electrode = batch.pair, batch.electrode
        foil = self._deliveries.foil(electrode.name, pair)
        if self._a.left("", slurry, foil):
            return None
        started_at = self._a.since(started_at, slurry, foil)
        code = self._a.code(f"R{LETTER[electrode.name]}", pair)
        web, readings = self._shop.coat(batch, at)
        head: Any = self._a.head(at, started_at, "coating", code, "COAT-1")
        event = e.RollCoated(
            **head, readings=readings, electrode=electrode.name, material=f"ROLL-{electrode.name.upper()}",
            length_mm=self._length_mm, raw=self._raw.scan(web, code, at),
            consumed=(e.Consumed(slurry, kg), e.Consumed(foil, float(self._a.settings.roll_length_m))),
        )  # fmt: skip

        def happened() -> None:
            self._a.link(code, (slurry, foil))
            self._a.note(code, at, true_loading_mg_cm2=web.loading)
            self._touch(electrode, (Fault.GAP_SHIFT, Fault.DIE_TILT), pair, code, started_at, web.length_mm)
            start = at + minutes(PAUSE_MIN)
            self._a.push(
                start + minutes(STRIP_MINUTES + 1),
                lambda t: self._weigh_strip(t, start, web, code),
                before_seal=True,
            )

        return Step(event, happened, lambda: self._a.drop(code))

    def _weigh_strip(self, at: datetime, started_at: datetime, web: Web, code: str) -> Step | None:
        if self._a.left("drying", code):
            return None
        started_at = self._a.since(started_at, code)
        ends = started_at + minutes(DRY_MIN)
        residual, strip, residuals = self._shop.dry(web, started_at, ends)
        head: Any = self._a.head(at, started_at, "drying", code, "DRY-1")
        dried = replace(web, residual_ppm=residual)
        raw = self._raw.strip(web, strip, code, started_at)
        return Step(
            e.StripWeighed(**head, readings=strip, completes=False, raw=raw),
            lambda: self._a.push(
                ends, lambda t: self._dry(t, started_at, dried, code, residuals), before_seal=True
            ),
            lambda: self._a.leave("drying", code),
        )

    def _dry(
        self, at: datetime, started_at: datetime, web: Web, code: str, residuals: tuple[e.ReadingOut, ...]
    ) -> Step | None:
        if self._a.left("drying", code, running=True):
            return None
        head: Any = self._a.head(at, started_at, "drying", code, "DRY-1")

        def happened() -> None:
            self._a.note(code, at, true_residual_ppm=web.residual_ppm)
            self._touch(web.electrode, (Fault.DRYER_AIRFLOW_LOW,), web.pair, code, started_at, web.length_mm)
            self._logger.begin(at + minutes(PAUSE_MIN))
            start = at + minutes(PAUSE_MIN)
            self._a.push(
                start + minutes(CALENDER_MIN), lambda t: self._calender(t, start, web, code), before_seal=True
            )

        spare = self._shop.more_residuals(web, at)
        return Step(
            e.RollDried(**head, readings=residuals, spare=spare),
            happened,
            lambda: self._a.leave("drying", code, running=True),
        )

    def _calender(self, at: datetime, started_at: datetime, web: Web, code: str) -> Step | None:
        if self._a.left("calendering", code):
            return None
        started_at = self._a.since(started_at, code)
        porosity, readings = self._shop.calender(web, at)
        head: Any = self._a.head(at, started_at, "calendering", code, "CAL-1")

        def happened() -> None:
            self._a.note(code, at, true_porosity_pct=100.0 * porosity)
            self._touch(web.electrode, (Fault.CALENDER_LOAD_HIGH,), web.pair, code, started_at, web.length_mm)
            pressed, start = replace(web, porosity=porosity), at + minutes(PAUSE_MIN)
            self._a.push(
                start + minutes(SLIT_MIN), lambda t: self._slit(t, start, pressed, code), before_seal=True
            )

        return Step(
            e.RollCalendered(**head, readings=readings), happened, lambda: self._a.leave("calendering", code)
        )

    def _slit(self, at: datetime, started_at: datetime, web: Web, code: str) -> Step | None:
        if self._a.left("slitting", code):
            return None
        started_at = self._a.since(started_at, code)
        burrs, readings = self._shop.slit(web, at)
        letter, name = LETTER[web.electrode.name], web.electrode.name
        daughters = tuple(
            e.Daughter(self._a.code(f"D{letter}", web.pair, lane), lane, *lanes, 0, web.length_mm)
            for lane, lanes in ((1, (1.0, 3.0)), (2, (3.0, 5.0)))
        )
        head: Any = self._a.head(at, started_at, "slitting", code, "SLIT-1")
        event = e.RollSlit(
            **head, readings=readings, electrode=name, material=f"SLIT-{name.upper()}", daughters=daughters
        )

        def happened() -> None:
            done = replace(web, burr_um=burrs)
            for daughter in daughters:
                self._a.link(daughter.lot_code, (code,))
                opens = at + minutes(PAUSE_MIN * daughter.lane)
                self._logger.poll(opens, STAGING)
                self._a.push(opens, partial(self._open, web=done, daughter=daughter), before_seal=True)

        return Step(event, happened, lambda: self._a.leave("slitting", code))

    def _open(self, at: datetime, web: Web, daughter: e.Daughter) -> Step | None:
        if self._a.left("dry_room", daughter.lot_code):
            return None
        rng = self._a.streams.of(f"open time {web.electrode.name}", web.pair, daughter.lane)
        closes = at + minutes(max(2.0, OPEN_MIN + OPEN_SD_MIN * float(rng.standard_normal())))
        head: Any = self._a.head(at, at, "dry_room", daughter.lot_code, None)

        def happened() -> None:
            self._logger.poll(closes, STAGING)
            self._a.push(closes, lambda t: self._close(t, at, web, daughter), before_seal=True)

        return Step(
            e.ContainerOpened(**head, zone=STAGING, completes=False),
            happened,
            lambda: self._a.leave("dry_room", daughter.lot_code),
        )

    def _close(self, at: datetime, opened_at: datetime, web: Web, daughter: e.Daughter) -> Step | None:
        """A container that stands open is closed even when its lot is held; the roll then waits where it is."""
        code = daughter.lot_code
        head: Any = self._a.head(at, opened_at, "dry_room", code, None)
        dose = self._logger.zone(STAGING).dose_g_h_m3(opened_at, at)
        staged = partial(self._staged, StagedRoll(code, daughter.lane, web, dose))

        def happened() -> None:
            self._a.note(code, at, true_dose_g_h_m3=dose)
            self._a.touch_exposed((Fault.DOOR_LEFT_OPEN, Fault.SENSOR_DRIFT), code, opened_at, at)
            if not self._a.out(code):
                staged(at)
            else:
                refused()

        def refused() -> None:
            self._a.drop(code)
            self._a.wait(Left("", [code], lambda _: staged))

        return Step(e.ContainerClosed(**head, zone=STAGING, opened_at=opened_at), happened, refused)
