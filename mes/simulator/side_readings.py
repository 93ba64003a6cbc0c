"""Readings of the records beside the main flow: slurry release, electrolyte batch, formation pre-check, ageing.

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
    viscosity = next(float(r.value) for r in mixed if r.code == "mixing.viscosity_pa_s")
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


def ageing(
    streams: Streams, key: tuple[int, ...], cells: Iterable[CellReport], started_at: datetime, at: datetime
) -> tuple[CellReport, ...]:
    """Two voltages of each cell, a day after formation and at the end; they fall as the acceptance test says."""
    first = started_at + timedelta(days=1)
    found = []
    for cell in cells:
        number = int(cell.cell_code.rsplit("-", 1)[1])
        z = streams.of("ageing", *key, number).standard_normal(2)
        loss = next(float(r.value) for r in cell.readings if r.code == "acceptance.ocv_loss_mv_week")
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
