"""Readings of the records beside the main flow, from slurry release and prepared foil to ageing.

They draw from streams of their own, so that the readings of the main flow are what they were without them, and they lie
far inside of what the control plan allows: faults are found where they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mes.simulator.events import CellReport, ReadingOut, reading
from mes.simulator.streams import Streams

REFERENCE_C, SHEAR_RATE = 25.0, 100.0
SALT_SHARE = 0.17
PRECHECK_V, PRECHECK_SD_V = 0.28, 0.02
PRECHECK_MOHM, PRECHECK_SD_MOHM = 1.9, 0.02
AGED_V, AGED_SD_V = 2.95, 0.005
WEEK = timedelta(days=7)
# Gas of formation and the electrolyte that goes with it; a pouch that swells a little between hot and cold.
GAS_G, GAS_SD_G = 0.90, 0.06
SEAM_MM, SEAM_SD_MM = 6.0, 0.12
CELL_MM, CELL_SD_MM, SWELLING_MM, SWELLING_SD_MM = 9.6, 0.03, 0.06, 0.012
THERMAL_CYCLES = 3


def slurry_release(
    streams: Streams,
    electrode: str,
    pair: int,
    solids_pct: float,
    kg: float,
    mixed: Sequence[ReadingOut],
    at: datetime,
) -> tuple[ReadingOut, ...]:
    """The release record of a batch: its viscosity is that of the sample which was read at the end of mixing."""
    z = streams.of(f"slurry release {electrode}", pair).standard_normal(4)
    viscosity = value_of(mixed, "mixing.viscosity_pa_s")
    powder = kg * solids_pct / 100.0
    return (
        reading("slurry_release.powder_mass_kg", powder + 0.01 * z[0], at),
        reading("slurry_release.solvent_mass_kg", kg - powder + 0.01 * z[1], at),
        reading("slurry_release.order_kept", 1, at),
        reading("slurry_release.temperature_c", REFERENCE_C + 0.1 * z[2], at),
        reading("slurry_release.shear_rate_1_s", SHEAR_RATE, at),
        reading("slurry_release.viscosity_pa_s", viscosity, at),
        reading("slurry_release.viscosity_after_hold_pa_s", viscosity * (1.01 + 0.003 * z[3]), at),
    )


def value_of(readings: Iterable[ReadingOut], code: str) -> float:
    """The first value that was read of the characteristic."""
    return next(float(r.value) for r in readings if r.code == code)


def collector_prep(streams: Streams, electrode: str, pair: int, at: datetime) -> tuple[ReadingOut, ...]:
    """The preparation record of the foil of one roll."""
    z = streams.of(f"collector preparation {electrode}", pair).standard_normal(4)
    inks = 42.0 + 2.0 * round(0.5 * float(z[3]))  # the set has an ink every 2 mN/m
    return (
        reading("collector_prep.cleaning_min", 3.0 + 0.1 * z[0], at),
        reading("collector_prep.concentration_pct", 2.0 + 0.03 * z[1], at),
        reading("collector_prep.rinsed", 1, at),
        reading("collector_prep.plasma_power_w", 600.0 + 4.0 * z[2], at),
        reading("collector_prep.surface_energy_mn_m", inks, at),
    )


def electrolyte_batch(streams: Streams, number: int, kg: float, at: datetime) -> tuple[ReadingOut, ...]:
    """The batch record of the `number`-th electrolyte."""
    z = streams.of("electrolyte batch", number).standard_normal(4)
    salt = SALT_SHARE * kg
    return (
        reading("electrolyte_batch.salt_mass_kg", salt, at),
        reading("electrolyte_batch.solvent_mass_kg", kg - salt + 0.005 * z[0], at),
        reading("electrolyte_batch.mix_time_min", 240.0 + 3.0 * z[1], at),
        reading("electrolyte_batch.filter_um", 0.2, at),
        reading("electrolyte_batch.conductivity_ms_cm", 8.9 + 0.05 * z[2], at),
        reading("electrolyte_batch.water_ppm", 8.0 + 0.5 * z[3], at),
        reading("electrolyte_batch.no_deviation", 1, at),
    )


def prechecks(
    streams: Streams, key: tuple[int, ...], cells: Iterable[CellReport], rest_h: float, at: datetime
) -> tuple[CellReport, ...]:
    """The pre-check of each cell that goes into formation."""
    found = []
    for cell in cells:
        number = int(cell.cell_code.rsplit("-", 1)[1])
        z = streams.of("formation precheck", *key, number).standard_normal(2)
        found.append(
            CellReport(
                cell.cell_code,
                (
                    reading("formation_precheck.rest_h", rest_h, at),
                    reading("formation_precheck.ocv_v", PRECHECK_V + PRECHECK_SD_V * z[0], at),
                    reading(
                        "formation_precheck.resistance_mohm", PRECHECK_MOHM + PRECHECK_SD_MOHM * z[1], at
                    ),
                ),
            )
        )
    return tuple(found)


def finishing(
    streams: Streams,
    key: tuple[int, ...],
    sealed: Iterable[tuple[str, float]],
    started_at: datetime,
    at: datetime,
) -> dict[str, list[CellReport]]:
    """Degassing, resealing, and gas and seal check of each cell; `sealed` are its code and mass after filling, g."""
    opened, closed = started_at + (at - started_at) / 6, started_at + (at - started_at) / 3
    degassed, resealed, checked = [], [], []
    for code, mass_g in sealed:
        z = streams.of("finishing", *key, int(code.rsplit("-", 1)[1])).standard_normal(6)
        thickness = CELL_MM + CELL_SD_MM * z[4]
        degassed.append(
            CellReport(
                code,
                (
                    reading("degassing.vacuum_mbar", 50.0 + 1.0 * z[0], opened),
                    reading("degassing.mass_before_g", mass_g, opened),
                    reading("degassing.mass_after_g", mass_g - GAS_G - GAS_SD_G * z[1], closed),
                ),
            )
        )
        resealed.append(
            CellReport(
                code,
                (
                    reading("resealing.bar_temperature_c", 185.0 + 1.0 * z[2], closed),
                    reading("resealing.seam_width_mm", SEAM_MM + SEAM_SD_MM * z[3], closed),
                    reading("resealing.seam_clean", 1, closed),
                ),
            )
        )
        checked.append(
            CellReport(
                code,
                (
                    reading("gas_seal.thermal_cycles", THERMAL_CYCLES, at),
                    reading("gas_seal.leak_free", 1, at),
                    reading("gas_seal.thickness_before_mm", thickness, closed),
                    reading(
                        "gas_seal.thickness_after_mm", thickness + SWELLING_MM + SWELLING_SD_MM * z[5], at
                    ),
                ),
            )
        )
    return {"degassing": degassed, "resealing": resealed, "gas_seal": checked}


def ageing(
    streams: Streams, key: tuple[int, ...], cells: Iterable[CellReport], started_at: datetime, at: datetime
) -> tuple[CellReport, ...]:
    """Two voltages of each cell, a day after formation and at the end; they fall as the acceptance test says."""
    first = started_at + timedelta(days=1)
    found = []
    for cell in cells:
        number = int(cell.cell_code.rsplit("-", 1)[1])
        z = streams.of("ageing", *key, number).standard_normal(2)
        loss = value_of(cell.readings, "acceptance.ocv_loss_mv_week")
        voltage = AGED_V + AGED_SD_V * z[0]
        fallen = voltage - 1e-3 * loss * ((at - first) / WEEK)
        found.append(
            CellReport(
                cell.cell_code,
                (
                    reading("ageing.ocv_v", voltage, first, position=1),
                    reading("ageing.ocv_v", fallen, at, position=2),
                    reading("ageing.temperature_c", 25.0 + 0.2 * z[1], at),
                ),
            )
        )
    return tuple(found)
