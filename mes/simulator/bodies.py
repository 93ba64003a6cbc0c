"""Request bodies of the API from the records of events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mes.simulator import events as e
from mes.simulator.raw_out import RecordOut

WORK_ORDER = "WO-0001"
COATING_LANES = 5


def iso(at: datetime) -> str:
    return at.isoformat()


def codes_of(cells: Iterable[e.CellReport]) -> list[str]:
    return [cell.cell_code for cell in cells]


def reading_body(r: e.ReadingOut, *, lot: str = "", zone: str = "") -> dict[str, Any]:
    subject = {"zone": zone} if zone else {"lot": lot}
    body = {
        "characteristic": r.code,
        "value": r.value,
        "unit": r.unit,
        "measured_at": iso(r.measured_at),
        "gauge": r.gauge,
        **subject,
    }
    optional = {"position": r.position, "roll_position_mm": r.roll_position_mm, "sample_size": r.sample_size}
    return body | {name: value for name, value in optional.items() if value is not None}


def record_body(record: RecordOut) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "started_at": iso(record.started_at),
        "gauge": record.gauge,
        "columns": record.columns,
    }


def input_body(taken: e.Consumed) -> dict[str, Any]:
    return {"parent": taken.lot_code, "quantity": f"{taken.quantity:.3f}"}


def lot_body(
    code: str,
    material: str,
    quantity: float,
    inputs: list[dict[str, Any]],
    **size: Any,
) -> dict[str, Any]:
    return {
        "code": code,
        "material": material,
        "quantity": f"{quantity:.3f}",
        "work_order": WORK_ORDER,
        "inputs": inputs,
        **size,
    }


def delivery_body(event: e.RawLotReceived) -> dict[str, Any]:
    """A delivery whose papers and packaging are in order."""
    papers = event.papers
    return {
        "code": event.lot_code,
        "material": event.material,
        "quantity": f"{event.quantity:.3f}",
        "supplier": papers.supplier,
        "supplier_lot": papers.supplier_lot,
        "manufactured_date": papers.manufactured_date,
        "certificate": [
            {"name": name, "value": value, "unit": unit} for name, value, unit in papers.certificate
        ],
        **dict.fromkeys(("label_matches", "packaging_intact", "certificate_matches"), True),
        "at": iso(event.at),
    }


def daughter_body(event: e.RollSlit, daughter: e.Daughter) -> dict[str, Any]:
    """A slit roll takes half of the mother's metres times width.

    The ledger counts whole lanes, so the middle lane that the knife divides is the second daughter's.
    """
    length_mm = daughter.parent_to_mm - daughter.parent_from_mm
    lanes = {1: (1, 2), 2: (3, COATING_LANES)}[daughter.lane]
    taken = {
        "parent": event.lot_code,
        "kind": "split",
        "quantity": f"{length_mm / 1000 / len(event.daughters):.3f}",
        "from_mm": daughter.parent_from_mm,
        "to_mm": daughter.parent_to_mm,
        "lane_from": lanes[0],
        "lane_to": lanes[1],
    }
    return lot_body(
        daughter.lot_code, event.material, length_mm / 1000, [taken], length_mm=length_mm, lanes=1
    )


def cell_body(cell: e.CellMade, tray: str) -> dict[str, Any]:
    spans = (
        (cell.cathode_roll, cell.cathode_from_mm, cell.cathode_to_mm),
        (cell.anode_roll, cell.anode_from_mm, cell.anode_to_mm),
    )
    inputs = [
        {"parent": roll, "quantity": f"{(to - start) / 1000:.3f}", "from_mm": start, "to_mm": to}
        for roll, start, to in spans
    ]
    return {**lot_body(cell.cell_code, "CELL-20AH", 1, inputs), "group": tray}
