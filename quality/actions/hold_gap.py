"""Hold lots whose evidence contradicts itself or went away, with all that was made from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import site_time
from lots.models import CurveFile, GenealogyLink, Hold, HoldLot, Lot, Measurement, Site
from quality.blockers import Code
from quality.gates import leave_blockers


def hold_for_record(record: CurveFile, *, now: datetime, words: str = "") -> Hold:
    """A raw record that contradicts what was posted or read, or proves nothing: somebody decides which is right.

    `words` say why, where the record itself does not.
    Runs in the transaction that keeps the record. A right record that comes later does not lift the hold.
    """
    site = record.lot.site
    return place_hold(
        site=site,
        source=Hold.Source.EVIDENCE,
        source_id=record.pk,
        reason=words or f"{record.get_kind_display().lower()} record is unresolved: {record.unresolved}",
        extents=[HeldExtent(record.lot_id)],
        placed_at=site_time(site, now),
    )


def hold_without_values(
    withdrawn: Iterable[Measurement], lots: Mapping[int, Lot], site: Site, *, now: datetime
) -> list[Hold]:
    """A value that the plan asks for was withdrawn after its step was finished and the lot was used.

    The gates of the lot itself refuse for what is missing; what was cut or assembled from it has gates of its own,
    which a hold reaches. Runs in the transaction that withdraws. A lot held for this already is not held twice.
    """
    keys = {
        row.lot_id
        for row in withdrawn
        if row.lot_id is not None and (row.execution is None or row.execution.finished_at is not None)
    }
    if not keys:
        return []
    made = GenealogyLink.objects.filter(parent__in=keys, voided_at__isnull=True)
    known = HoldLot.objects.filter(
        lot__in=keys,
        inherited_from__isnull=True,
        hold__source=Hold.Source.EVIDENCE,
        disposition_id__isnull=True,
    )
    used = set(made.values_list("parent_id", flat=True)) - set(known.values_list("lot_id", flat=True))
    holds = []
    for key, blockers in leave_blockers([lots[key] for key in sorted(used)], now=now, on_route=True).items():
        missing = [blocker.message for blocker in blockers if blocker.code == Code.MISSING]
        if missing:
            holds.append(
                place_hold(
                    site=site,
                    source=Hold.Source.EVIDENCE,
                    reason=f"withdrawn after the lot was used: {'; '.join(missing)}",
                    extents=[HeldExtent(key)],
                    placed_at=site_time(site, now),
                )
            )
    return holds
