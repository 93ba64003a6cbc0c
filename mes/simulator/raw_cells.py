"""What filling and formation of a cell leave behind: the chamber's pressure, the cycler's records, a spectrum.

They show the cell that the readings describe: the capacities of each cycle, its resistances, its pores and its gas.
What a fault does to it stands in those; here is no fault. Random streams of their own: whether they are made changes
no reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mes.simulator import physics
from mes.simulator.cells import CellBuild
from mes.simulator.events import CellReport, ReadingOut
from mes.simulator.raw_out import FileOut, RecordOut

UPPER_V, LOWER_V = 3.80, 2.20
RECORD_EVERY_S = 60.0
REST_S = 1_800.0
CHAMBER_SWING_C, CHAMBER_PERIOD_S = 0.15, 14_400.0  # of its controller [A]
C_RATES = (0.1, 0.2, 0.5, 0.5)  # of each cycle; the first two are slow, as formation is [A]
NOMINAL_AH = 20.0
NOISE_V = 1.0e-4
NOISE_PER_MBAR = 0.02  # relative, per mbar of gas left in the cell above 20 mbar [A]
ARC_SHARE, ARC_SD = 0.8, 0.02  # of the ionic resistance, and from cell to cell [A]
# Water is reduced at the first charge and stays as film: the arc grows as the charge lost to the film does. The pulse
# resistance of the readings leaves it out: at the largest dose that passes it is less than their scatter.
ARC_PER_DOSE = -physics.FCE_PER_DOSE / (100.0 - physics.FCE_PCT)
SPECTRUM_HZ = (1e4, 1e-2, 55)
SPECTRUM_NOISE = 0.003
CPE_F, CPE_N, WARBURG_OHM = 60.0, 0.86, 1.5e-4
INDUCTANCE_H = 2.5e-9
SOC_PCT, TEMPERATURE_C = "50", "25"
CHAMBER_S, CHAMBER_EVERY_S = 1_200.0, 2.0
ATMOSPHERE_MBAR = 1_013.0
# Four evacuations (handbook 7.3): when each begins, how deep it goes over the first, how long it is held, s.
EVACUATIONS = ((60.0, 1.0, 120.0), (360.0, 2.5, 60.0), (620.0, 2.5, 60.0), (880.0, 2.5, 90.0))
PUMP_S, VENT_S = 5.0, 3.0


@dataclass(frozen=True)
class CellState:
    """What a formed cell is: Ah by cycle, mOhm, its porosity over target, the noise of its voltage (V), and the mean
    temperature of its chamber (°C).
    """

    charge_ah: tuple[float, ...]
    discharge_ah: tuple[float, ...]
    r_hf_mohm: float
    r_mid_mohm: float
    porosity_ratio: float
    noise_v: float
    chamber_c: float


def state_of(readings: Sequence[ReadingOut], build: CellBuild, rng: np.random.Generator) -> CellState:
    """The cell that its formation readings describe. Of its resistance, a spectrum shows most of the ionic part as
    its arc; tab, foils and the electrolyte of the separator stand before it. Gas makes its voltage restless.
    """
    values: dict[str, list[float]] = {}
    for r in readings:
        values.setdefault(r.code, []).append(float(r.value))
    ratio = (build.cathode.porosity_ratio + build.anode.porosity_ratio) / 2.0
    before = build.tab_mohm + physics.R_ELECTRONIC_MOHM
    ionic = physics.cell_resistance_mohm(0.0, ratio, build.fill_deficit, build.true_vacuum_mbar)
    ionic -= physics.R_ELECTRONIC_MOHM
    r_mid = ARC_SHARE * ionic * (1.0 + ARC_SD * float(rng.standard_normal()))
    shown = values["formation.resistance_mohm"][0]
    dose = (build.cathode.dose_g_h_m3 + build.anode.dose_g_h_m3) / 2.0
    film = 1.0 + ARC_PER_DOSE * (dose - physics.NOMINAL_DOSE)
    return CellState(
        charge_ah=tuple(values["formation.charge_capacity_ah"]),
        discharge_ah=tuple(values["formation.discharge_capacity_ah"]),
        r_hf_mohm=max(before, shown - r_mid),
        r_mid_mohm=r_mid * film,
        porosity_ratio=ratio,
        noise_v=NOISE_V * (1.0 + NOISE_PER_MBAR * max(0.0, build.true_vacuum_mbar - physics.VACUUM_MBAR)),
        chamber_c=values["formation.temperature_c"][0],
    )


def formation_files(lot_code: str, state: CellState, rng: np.random.Generator) -> tuple[FileOut, FileOut]:
    """The cycler's export of all cycles, and the spectrum."""
    return (
        FileOut(lot_code, cycler_csv(state, rng)),
        FileOut(lot_code, spectrum_csv(state, rng), SOC_PCT, TEMPERATURE_C),
    )


def open_circuit_v(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a layered oxide against hard carbon over its state of charge: a slope, two steps and a steep end [A]."""
    steps = 0.10 / (1 + np.exp(-(share - 0.35) / 0.03)) + 0.08 / (1 + np.exp(-(share - 0.70) / 0.04))
    level = 2.62 + 0.72 * share + steps + 0.12 * share**8 - 0.30 * np.exp(-share / 0.03)
    return np.asarray(level, dtype=np.float64)


def cycler_columns(state: CellState, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Records of the whole formation: time (s), voltage (V), current (A), cycle, step, counters (Ah), chamber (°C)."""
    parts: dict[str, list[NDArray[np.float64]]] = {
        name: []
        for name in ("time_s", "voltage_v", "current_a", "cycle", "step", "charge_ah", "discharge_ah")
    }
    now, number = 0.0, 0
    resistance = (state.r_hf_mohm + state.r_mid_mohm) * 1e-3
    for cycle, (charged, discharged, rate) in enumerate(
        zip(state.charge_ah, state.discharge_ah, C_RATES, strict=True), start=1
    ):
        for direction, moved_ah in ((1.0, charged), (0.0, 0.0), (-1.0, discharged), (0.0, 0.0)):
            number += 1
            current = direction * rate * NOMINAL_AH
            duration = moved_ah * 3600.0 / abs(current) if direction else REST_S
            since = np.append(np.arange(0.0, duration - 1e-6, RECORD_EVERY_S), duration)
            share = since / duration
            voltage = _voltage(direction, share, current * resistance, state)
            quiet = voltage + state.noise_v * rng.standard_normal(since.size)
            quiet[-1] = voltage[-1]  # the cycler ends the step on its cut-off
            moved = abs(current) * since / 3600.0
            columns = (
                *(now + since, quiet, np.full(since.size, current), np.full(since.size, float(cycle))),
                *(np.full(since.size, float(number)), moved * (direction > 0), moved * (direction < 0)),
            )
            for name, column in zip(parts, columns, strict=True):
                parts[name].append(column)
            now += duration
    joined = {name: np.concatenate(columns) for name, columns in parts.items()}
    swing = np.sin(2 * np.pi * joined["time_s"] / CHAMBER_PERIOD_S)
    return joined | {"chamber_c": state.chamber_c + CHAMBER_SWING_C * swing}


def _voltage(
    direction: float, share: NDArray[np.float64], ohmic_v: float, state: CellState
) -> NDArray[np.float64]:
    """From one cut-off to the other; where pores are few the end of a step comes by diffusion."""
    if direction == 0:
        return np.full(share.size, 3.2) - 0.02 * (1 - np.exp(-share * 5))
    level = open_circuit_v(share if direction > 0 else 1.0 - share)
    tail = 0.02 * state.porosity_ratio**-1.5 * share**6 * direction
    voltage = level + ohmic_v + tail
    end = UPPER_V if direction > 0 else LOWER_V
    # The step ends where it meets its cut-off: what is missing there comes in its last tenth.
    last = np.clip((share - 0.9) / 0.1, 0.0, 1.0) ** 2
    return np.asarray(voltage + (end - voltage[-1]) * last, dtype=np.float64)


def cycler_csv(state: CellState, rng: np.random.Generator) -> bytes:
    """The records in the Battery Data Format."""
    columns = cycler_columns(state, rng)
    heading = (
        "Test Time / s,Voltage / V,Current / A,Cycle Count / 1,Step Count / 1,Charging Capacity / Ah,"
        "Discharging Capacity / Ah,Ambient Temperature / degC"
    )
    order = ("time_s", "voltage_v", "current_a", "cycle", "step", "charge_ah", "discharge_ah", "chamber_c")
    formats = ("%.3f", "%.5f", "%.5f", "%d", "%d", "%.6f", "%.6f", "%.2f")
    texts = [np.char.mod(form, columns[name]) for form, name in zip(formats, order, strict=True)]
    return "\n".join([heading, *map(",".join, zip(*texts, strict=True)), ""]).encode()


def spectrum_ohm(
    state: CellState, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Randles circuit with a constant-phase element, Warburg diffusion through the pores and the leads' inductance."""
    frequency = np.geomspace(*SPECTRUM_HZ)
    omega = 2 * np.pi * frequency
    warburg = WARBURG_OHM * state.porosity_ratio**-1.5 * (1 - 1j) / np.sqrt(omega)
    branch = 1.0 / (CPE_F * (1j * omega) ** CPE_N + 1.0 / (state.r_mid_mohm * 1e-3 + warburg))
    z = state.r_hf_mohm * 1e-3 + branch + 1j * omega * INDUCTANCE_H
    noise = rng.standard_normal((2, frequency.size)) * SPECTRUM_NOISE * np.abs(z)
    return frequency, np.asarray(z + noise[0] + 1j * noise[1], dtype=np.complex128)


def spectrum_csv(state: CellState, rng: np.random.Generator) -> bytes:
    """The spectrum as a csv of frequency, real and imaginary part."""
    frequency, z = spectrum_ohm(state, rng)
    rows = [f"{f:.6E},{point.real:.6E},{point.imag:.6E}" for f, point in zip(frequency, z, strict=True)]
    return ("frequency,z_re,z_im\n" + "\n".join(rows) + "\n").encode()


def chamber_record(rng: np.random.Generator, cell: CellReport, at: datetime) -> tuple[RecordOut, ...]:
    """The pressure of the filling chamber: what the gauge showed of this cell before dosing is its lowest."""
    shown = next(float(r.value) for r in cell.readings if r.code == "filling.vacuum_mbar")
    time = np.arange(0.0, CHAMBER_S, CHAMBER_EVERY_S)
    pressure = ATMOSPHERE_MBAR + rng.normal(0.0, 0.5, time.size)
    for begins, depth, held in EVACUATIONS:
        since = time - begins
        floor = shown * depth + 0.2 + np.abs(rng.normal(0.0, 0.3, time.size))
        fall = ATMOSPHERE_MBAR * np.exp(-np.maximum(since, 0.0) / PUMP_S)
        rise = ATMOSPHERE_MBAR * (1.0 - np.exp(-np.maximum(since - held, 0.0) / VENT_S))
        pressure = np.where((since >= 0) & (since < held), floor + fall, pressure)
        pressure = np.where((since >= held) & (since < held + 10 * VENT_S), floor + rise, pressure)
    begins, _, held = EVACUATIONS[0]
    pressure[np.flatnonzero(time < begins + held)[-1]] = shown
    columns = {"time_s": time.tolist(), "pressure_mbar": np.round(pressure, 1).tolist()}
    return (RecordOut(cell.cell_code, "pressure", at, "VAC-1", columns),)
