"""Which raw records a lot has, and what every door says of one."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from lots.models import CurveFile, GenealogyLink, Lot
from lots.science.raw_records import Derived
from mes.connectors.series.record import STEPS

RECORDS_SHOWN = 20
# What a person reads for a derived value: words and unit.
LABELS = {
    "drying.endpoint_min": ("Drying endpoint", "min"),
    "drying.end_rate_pct_min": ("Drying rate at the end", "%/min"),
    "drying.total_loss_pct": ("Loss over the whole curve", "%"),
    "map.edge_centre_um": ("Edge minus centre, mean", "µm"),
    "map.taper_um_m": ("Taper along the roll", "µm/m"),
    "map.machine_direction_pct": ("Variance along the roll", "%"),
    "map.cross_direction_pct": ("Variance across the web", "%"),
    "map.residual_pct": ("Variance, residual", "%"),
    "filling.vacuum_mbar": ("Lowest pressure of the first evacuation", "mbar"),
    "filling.evacuations": ("Evacuations", ""),
    "filling.held_s": ("First evacuation held", "s"),
}
KINDS = tuple(CurveFile.Kind(kind) for kind in STEPS)


def records_of(lot: Lot, kind: CurveFile.Kind | None = None) -> list[CurveFile]:
    """The lot's raw records, newest first, superseded ones too."""
    kinds = KINDS if kind is None else (kind,)
    return list(_rows().filter(lot=lot, kind__in=kinds).order_by("-id")[:RECORDS_SHOWN])


def chamber_records_of(lot: Lot) -> list[CurveFile]:
    """Pressure records of the lot, or of the tray that was in the chamber with it: one gauge writes for all."""
    own = records_of(lot, CurveFile.Kind.PRESSURE)
    if own:
        return own
    member = GenealogyLink.Kind.MEMBER
    links = GenealogyLink.objects.filter(kind=member, voided_at__isnull=True)
    trays = links.filter(child=lot).values("parent")
    cells = links.filter(parent=lot) | links.filter(parent__in=trays)
    rows = _rows().filter(lot__in=cells.values("child"), kind=CurveFile.Kind.PRESSURE)
    return list(rows.order_by("-id")[:RECORDS_SHOWN])


def current(records: list[CurveFile]) -> CurveFile | None:
    """The newest record that nothing has superseded."""
    return next((record for record in records if not hasattr(record, "superseded_by")), None)


def described(record: CurveFile) -> dict[str, Any]:
    """What a record is tied to, and whether its derived values can be relied on."""
    return {
        "record": str(record.uuid),
        "lot": record.lot.code,
        "kind": record.kind,
        "step": record.execution.route_step.step.code,
        "equipment": record.execution.equipment.code if record.execution.equipment else None,
        "gauge": record.gauge.code if record.gauge else None,
        "protocol": record.protocol,
        "rows": record.rows,
        "sha256": record.storage_sha256,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "received_at": record.received_at,
        "recorded_by": record.recorded_by.username,
        "state": "unresolved" if record.unresolved else "resolved",
        "unresolved": record.unresolved,
        "supersedes": str(record.supersedes.uuid) if record.supersedes else None,
        "reason": record.reason,
        "superseded": hasattr(record, "superseded_by"),
    }


def values_out(derived: Derived) -> dict[str, float]:
    return {one.code: digits(one.value) for one in derived.values}


def labelled(values: dict[str, float]) -> list[tuple[str, str, str]]:
    """Words, value and unit of each derived value, for a person: four digits, no powers of ten."""
    texts = {
        code: np.format_float_positional(v, precision=4, fractional=False, trim="-")
        for code, v in values.items()
    }
    return [(LABELS[code][0], text, LABELS[code][1]) for code, text in texts.items()]


def digits(value: float) -> float:
    """Seven digits: more than any gauge shows."""
    return float(f"{value:.7g}")


def thinned(row: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Indices of at most so many values, evenly taken, the first and the last among them."""
    if row.size <= most:
        return np.arange(row.size)
    return np.unique(np.linspace(0, row.size - 1, most).astype(int))


def _rows() -> QuerySet[CurveFile]:
    return CurveFile.objects.select_related(
        "lot__work_order",
        "lot__material",
        "execution__route_step__step",
        "execution__equipment",
        "gauge",
        "recorded_by",
        "supersedes",
        "superseded_by",
    )
