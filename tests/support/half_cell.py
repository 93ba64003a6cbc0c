"""The NaCoO₂ half cell of formulas 8 to 10: its records, read from the one BioLogic file that holds them.

Halite does not read .mpr files. This takes the fixed columns of this one file, found by looking at its bytes: 53 to a
record from byte 7591 on.
"""

from __future__ import annotations

import numpy as np

from lots.science.formation.records import CyclerRecords, checked, steps_from_current
from tests.support.reference_files import reference

_FILE = "navani/jdb11-1_c3_gcpl_5cycles_2V-3p8V_C-24_data_C09.mpr"
_RECORDS, _OFFSET = 46_102, 7591
_RECORD = np.dtype(
    [
        ("flags_and_sequence", "V3"),
        ("time_s", "<f8"),
        ("moved_mah", "<f8"),
        ("net_mah", "<f8"),
        ("set_current_ma", "<f4"),
        ("voltage_v", "<f4"),
        ("rest", "V18"),
    ]
)


def half_cell() -> CyclerRecords:
    rows = np.frombuffer(reference(_FILE).read_bytes(), dtype=_RECORD, count=_RECORDS, offset=_OFFSET)
    current = rows["set_current_ma"].astype(np.float64) / 1000.0
    net = rows["net_mah"] / 1000.0
    moved = np.diff(net, prepend=net[:1])
    return checked(
        CyclerRecords(
            time_s=rows["time_s"].copy(),
            voltage_v=rows["voltage_v"].astype(np.float64),
            current_a=current,
            step=steps_from_current(current, rest_a=2e-6),
            counters_ah=(np.cumsum(np.maximum(moved, 0)), np.cumsum(np.maximum(-moved, 0))),
        )
    )
