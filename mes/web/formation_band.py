"""The band of good cells that first charges are judged by, on the page of a cell and on that of a lot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

from lots.models import CurveFile, Lot
from lots.queries import valid_measurements
from lots.science.formation.band import Alarm, BandVerdict, VoltageBand, compare_with_band, voltage_band
from lots.science.formation.first_charge import FirstCharge, first_charge
from lots.science.formation.segments import step_table
from mes.connectors.formation_readings import CUTOFFS
from mes.curves import CurveMissing, load_records
from quality.good_lots import good_among

BAND_CELLS = 60


@lru_cache(maxsize=512)
def stored_charge(storage_sha256: str) -> FirstCharge | None:
    """First charge of a stored test, which never changes; None where it has none or is not in storage."""
    try:
        records = load_records(storage_sha256)
    except CurveMissing:
        return None
    return first_charge(records, step_table(records))


def good_band(cell: Lot, protocol: str, *, with_itself: bool) -> VoltageBand | None:
    """Of the newest good cells of the site and the material that ran under this recipe revision, up to 60.

    None for fewer than two, and without a recipe, which would say that they ran alike. `with_itself`: the cell may be
    one of them.
    """
    if not protocol:
        return None
    files = CurveFile.objects.filter(
        kind=CurveFile.Kind.CYCLING,
        superseded_by__isnull=True,
        protocol=protocol,
        lot__site=cell.site_id,
        lot__material=cell.material_id,
    )
    if not with_itself:
        files = files.exclude(lot=cell)
    newest = list(files.order_by("-id").values_list("lot_id", "storage_sha256")[: 2 * BAND_CELLS])
    good_cells = good_among(key for key, _ in newest)
    charges = (stored_charge(name) for key, name in newest if key in good_cells)
    good = list(islice((charge for charge in charges if charge is not None), BAND_CELLS))
    return voltage_band(good, protocol=protocol) if len(good) > 1 else None


def noise_of(cells: Sequence[int]) -> dict[int, float]:
    """Noise of the first charge, V, of the first of these cells and the newest 60 others that have curves."""
    files = CurveFile.objects.filter(kind=CurveFile.Kind.CYCLING, superseded_by__isnull=True)
    own = files.filter(lot__in=cells[:1])
    others = files.filter(lot__in=cells[1:]).order_by("-id")[:BAND_CELLS]
    charges = {
        lot: stored_charge(name)
        for rows in (own, others)
        for lot, name in rows.values_list("lot_id", "storage_sha256")
    }
    return {
        lot: charge.noise_v
        for lot, charge in charges.items()
        if charge is not None and charge.noise_v is not None
    }


def ended_early(cells: Iterable[int]) -> set[int]:
    """Cells with a cycle whose latest verdict on record is that a step ended before its cut-off."""
    rows = valid_measurements(cells).filter(characteristic__code=CUTOFFS).order_by("received_at", "id")
    latest = {
        (lot, position): value for lot, position, value in rows.values_list("lot_id", "position", "value")
    }
    return {lot for (lot, _), value in latest.items() if lot is not None and value == 0}


def alarms_of(verdict: BandVerdict | None, *, early: bool) -> tuple[Alarm, ...]:
    """What the cell shows; a cut-off that was not reached needs no band."""
    return ((Alarm.EARLY_CUTOFF,) if early else ()) + (verdict.alarms if verdict is not None else ())


def judged(charge: FirstCharge | None, band: VoltageBand | None, protocol: str) -> BandVerdict | None:
    """None where no band judges: there is none, it is provisional, or of another recipe revision."""
    if charge is None or band is None or band.provisional or protocol != band.protocol:
        return None
    return compare_with_band(charge, band, protocol=protocol)
