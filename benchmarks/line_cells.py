"""Cells of the simulated line with their declared fault, as Halite reads them: files, raw records and readings.

Resistances, diffusion and noise come out of the cycler's file and the spectrum by the same code as an import; drying,
loading, porosity, dose and fill mass out of the readings by the formulas of `lots.science`.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from unittest.mock import patch

import numpy as np
from scipy.stats import norm

from benchmarks.faulty_cells import Made, values
from lots.science.coating import areal_loading_mg_cm2
from lots.science.defects.classify import Reference, reference, z_scores
from lots.science.defects.factors import crossed_effects
from lots.science.defects.signatures import Family, Feature
from lots.science.dry_room import moisture_dose
from lots.science.drying import drying_endpoint
from lots.science.formation.features import formation_result
from lots.science.impedance.fit import fit_randles
from lots.science.impedance.spectrum import high_frequency_intercept
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.impedance.read import read_impedance_file
from mes.simulator import cells as cell_shop
from mes.simulator import events as e
from mes.simulator import physics, raw_cells
from mes.simulator.electrode_line import STAGING
from mes.simulator.faults import BAD_CHANNEL, Fault, FaultPlan, Magnitude
from mes.simulator.model import LineModel
from mes.simulator.raw_out import FileOut, RecordOut

T = TypeVar("T")
START = datetime(2026, 1, 5, 6, tzinfo=UTC)
CELLS_OF_A_TRAY = 12
CELLS_READ = 3  # of each tray
AIR_C = 20.0
GOOD_CALLED_DEFECTIVE, FAULTY_FOUND = 0.02, 0.85
# What one step does to the next, and how much cells scatter: assumptions of the simulated line.
STRENGTHS: dict[ModuleType, tuple[str, ...]] = {
    physics: (
        *("CAPACITY_PER_DEFICIT", "FCE_PER_DOSE", "FCE_PER_RESIDUAL", "R_PER_DEFICIT", "R_IONIC_MOHM"),
        *("RESIDUAL_GAIN", "DRYING_PER_K", "CALENDER_GAP_SHARE", "DOOR_G_M3_PER_S", "AIR_CHANGE_MIN"),
    ),
    cell_shop: ("TAB_SD_MOHM", "RETAINED_SD_G", "CAPACITY_SD", "FCE_SD_PCT", "RESISTANCE_SD_MOHM"),
    raw_cells: ("NOISE_PER_MBAR", "ARC_SHARE", "ARC_SD", "ARC_PER_DOSE", "SPECTRUM_NOISE", "WARBURG_OHM"),
}
# The family that each named fault of the line is; those that leave no trace in a cell stand under their own name.
FAMILY: dict[Fault, Family] = {
    Fault.GAP_SHIFT: Family.LOADING_MISMATCH,
    Fault.DRYER_AIRFLOW_LOW: Family.DRYING_RESIDUE,
    Fault.CALENDER_LOAD_HIGH: Family.OVER_CALENDERING,
    Fault.DOOR_LEFT_OPEN: Family.MOISTURE,
    Fault.TAB_WELD_COLD: Family.CONTACT,
    Fault.UNDERFILL: Family.UNDERFILL,
    Fault.WETTING_POOR: Family.WETTING_OR_GAS,
    Fault.FORMATION_CHANNEL_BAD: Family.CYCLER_CHANNEL,
}


def make_line(
    fault: Fault | None, *, pairs: int, seed: int, times: int = 1, cells_read: int = CELLS_READ
) -> dict[str, Made]:
    """Cells by code, of a run in which the fault is on all the time at so many times its gross size; of a channel
    fault, those on that channel. The noise of a cell is its seed's: without the fault it is the same cell.

    Gross is far out for the mean of a tray, and may be little for a single cell.
    """
    plans = () if fault is None else (FaultPlan(fault, Magnitude.GROSS, first_pair=0),) * times
    truth = () if fault is None else (str(FAMILY.get(fault, fault)),)
    return _made(plans, truth, pairs=pairs, seed=seed, cells_read=cells_read)


def on_the_channel(*, pairs: int, seed: int, times: int) -> tuple[dict[str, Made], dict[str, Made]]:
    """Cells of the bad channel, and the same cells as they are on a good one."""
    plans = (FaultPlan(Fault.FORMATION_CHANNEL_BAD, Magnitude.GROSS, first_pair=0),) * times
    truth = (str(Family.CYCLER_CHANNEL),)
    bad, good = (
        _made(on, truth, pairs=pairs, seed=seed, cells_read=CELLS_OF_A_TRAY, channel=BAD_CHANNEL)
        for on in (plans, ())
    )
    return bad, good


def _made(
    plans: tuple[FaultPlan, ...],
    truth: tuple[str, ...],
    *,
    pairs: int,
    seed: int,
    cells_read: int,
    channel: str | None = None,
) -> dict[str, Made]:
    model = LineModel(seed, START, plans, pairs=pairs, raw_every=1, raw_cells=cells_read)
    line = _Line()
    for event in model.undisturbed():
        line.take(event)
    cells = line.features(lambda code: channel is None or line.channel[code] == channel)
    return {code: Made(truth, found) for code, found in cells.items()}


class _Line:
    """What is known of each lot so far; `made_of` leads from a cell to its slit rolls and from these to the webs."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.strip: dict[str, RecordOut] = {}
        self.made_of: dict[str, tuple[str, ...]] = {}
        self.frost: dict[datetime, float] = {}
        self.opened: dict[str, tuple[datetime, datetime]] = {}
        self.channel: dict[str, str] = {}
        self.tray: dict[str, str] = {}
        self.files: dict[str, list[FileOut]] = defaultdict(list)

    def take(self, event: e.LineEvent) -> None:
        for r in event.readings:
            self._read(event.lot_code, r)
        match event:
            case e.RollSlit():
                self.made_of |= {daughter.lot_code: (event.lot_code,) for daughter in event.daughters}
            case e.ContainerClosed():
                self.opened[event.lot_code] = (event.opened_at, event.at)
            case e.CellLotStacked():
                self.made_of |= {cell.cell_code: (cell.cathode_roll, cell.anode_roll) for cell in event.cells}
        for cell in getattr(event, "cells", ()):
            for r in cell.readings:
                self._read(cell.cell_code, r)
            if getattr(cell, "channel", None):
                self.channel[cell.cell_code], self.tray[cell.cell_code] = cell.channel, event.lot_code
        for raw in event.raw:
            if isinstance(raw, FileOut):
                self.files[raw.lot_code].append(raw)
            elif raw.kind == "mass":
                self.strip[raw.lot_code] = raw

    def _read(self, lot: str, r: e.ReadingOut) -> None:
        if r.code == "dry_room.frost_point_c" and lot == STAGING:
            self.frost[r.measured_at] = max(float(r.value), self.frost.get(r.measured_at, -200.0))
        else:
            self.values[lot][r.code].append(float(r.value))

    def features(self, wanted: Callable[[str], bool]) -> dict[str, dict[Feature, float]]:
        """Of every wanted cell that was formed and accepted."""
        accepted = [code for code in self.files if self.values[code]["acceptance.ocv_loss_mv_week"]]
        codes = [code for code in accepted if wanted(code)]
        found = {code: self._of_cell(code) | self._of_rolls(code) for code in codes}
        self._channels(found)
        return found

    def _of_cell(self, code: str) -> dict[Feature, float]:
        cycling, spectrum = self.files[code]
        result = formation_result(_through_a_file(cycling.content, read_cycler_file).test.records)
        sweep = _through_a_file(spectrum.content, read_impedance_file).sweeps[-1]
        fit, values = fit_randles(sweep), self.values[code]
        first = result.cycles[0]
        return {
            Feature.R_HF: 1000 * high_frequency_intercept(sweep).resistance_ohm,
            Feature.R_MID: 1000 * fit.parameters["rct_ohm"].value,
            Feature.DIFFUSION: 1000 * fit.parameters["a_ohm_s05"].value,
            Feature.OHMIC_JUMP: values["formation.resistance_mohm"][-1],
            Feature.NOISE: min(
                half.noise_v for half in result.halves if half.cycle == 1 and half.noise_v is not None
            ),
            Feature.CAPACITY: result.cycles[-1].discharge_ah,
            Feature.FCE: 100 * first.discharge_ah / first.charge_ah,
            Feature.FILL_MASS: values["filling.mass_sealed_g"][-1] - values["filling.mass_before_g"][-1],
            Feature.OCV_LOSS: values["acceptance.ocv_loss_mv_week"][-1],
        }

    def _of_rolls(self, code: str) -> dict[Feature, float]:
        cathode, anode = self.made_of[code]
        webs = self.made_of[cathode][0], self.made_of[anode][0]
        loadings = [self._loading(web) for web in webs]
        return {
            Feature.NP_RATIO: loadings[1] / loadings[0],
            Feature.POROSITY: self._porosity(webs[0], loadings[0]),
            Feature.RESIDUAL_SOLVENT: float(np.mean(self.values[webs[0]]["drying.residual_ppm"])),
            Feature.ENDPOINT_TIME: self._endpoint(webs[0]),
            Feature.DOSE: float(np.mean([self._dose(roll) for roll in (cathode, anode)])),
        }

    def _loading(self, web: str) -> float:
        values = self.values[web]
        punches, foil = values["coating.punch_mass_g"], values["coating.foil_mass_g"][0]
        return float(
            np.mean(
                areal_loading_mg_cm2(
                    punches, foil, punch_area_cm2=physics.PUNCH_CM2, coated_sides=physics.SIDES
                )
            )
        )

    def _porosity(self, web: str, loading: float) -> float:
        total = float(np.mean(self.values[web]["calendering.thickness_um"]))
        return physics.porosity(physics.CATHODE, loading, total)

    def _endpoint(self, web: str) -> float:
        columns = self.strip[web].columns
        found = drying_endpoint(
            columns["time_min"], columns["mass_g"], rate_limit_pct_min=0.2, consecutive=2
        ).endpoint_min
        return float("nan") if found is None else found

    def _dose(self, roll: str) -> float:
        opened, closed = self.opened[roll]
        origin = min(self.frost)
        times = [(at - origin).total_seconds() for at in self.frost]
        begin, end = ((at - origin).total_seconds() for at in (opened, closed))
        dose = moisture_dose(begin, end, times, list(self.frost.values()), air_temperature_c=AIR_C)
        return float("nan") if dose.dose_g_h_m3 is None else dose.dose_g_h_m3

    def _channels(self, found: dict[str, dict[Feature, float]]) -> None:
        """How far the channel of a cell is off in all cells that ran on it, lots taken off first."""
        codes = list(self.channel)
        effects = crossed_effects(
            [self.values[code]["formation.discharge_capacity_ah"][0] for code in codes],
            {"lot": [self.tray[code] for code in codes], "channel": [self.channel[code] for code in codes]},
        )
        z = {one.level: abs(one.z) for one in effects.levels if one.factor == "channel" and one.values >= 3}
        for code in found:
            found[code][Feature.CHANNEL_EFFECT] = z.get(self.channel[code], 0.0)


def _through_a_file(content: bytes, read: Callable[[Path], T]) -> T:
    with tempfile.NamedTemporaryFile(prefix="halite-benchmark-") as file:
        file.write(content)
        file.flush()
        return read(Path(file.name))


def z_of(cell: Made, of: Reference) -> dict[Feature, float]:
    """Robust z-scores against a reference; the effect of the channel is one already."""
    apart = {
        feature: value for feature, value in cell.features.items() if feature is not Feature.CHANNEL_EFFECT
    }
    return {**z_scores(apart, of), Feature.CHANNEL_EFFECT: cell.features[Feature.CHANNEL_EFFECT]}


def reference_of(cells: Sequence[Made]) -> Reference:
    """What good cells of the line are like."""
    rows = values(cells)
    rows.pop(Feature.CHANNEL_EFFECT)
    return reference(rows)


def complete(cells: Iterable[Made]) -> list[Made]:
    """Cells without an unknown value."""
    return [cell for cell in cells if all(np.isfinite(value) for value in cell.features.values())]


def shift(cell: Made, without: Made, of: Reference) -> float:
    """How far the fault moved the cell: the largest shift of a feature against the same cell without it, in standard
    deviations of good cells.
    """
    moved, still = z_of(cell, of), z_of(without, of)
    return max(abs(moved[feature] - still[feature]) for feature in moved.keys() & still.keys())


def least_visible_shift(features: int) -> float:
    """The least shift of one feature, in standard deviations, that any test can meet both targets on: at most 2 % of
    good cells called defective for all features together (Bonferroni), at least 85 % of faulty cells found.
    """
    return float(norm.isf(GOOD_CALLED_DEFECTIVE / (2 * features)) + norm.ppf(FAULTY_FOUND))


@contextmanager
def another_line(seed: int) -> Iterator[None]:
    """The simulated line with every assumed strength moved by up to a third: physics that the rules have not seen."""
    rng = np.random.default_rng(seed)
    with ExitStack() as stack:
        for module, names in STRENGTHS.items():
            moved = {name: getattr(module, name) * rng.uniform(0.67, 1.33) for name in names}
            stack.enter_context(patch.multiple(module, **moved))
        yield
