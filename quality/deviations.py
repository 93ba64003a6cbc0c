"""Deviations as they stand: waiting for signatures, in force, or expired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from lots.clock import site_time
from lots.models import Lot, Site
from quality.models import Deviation, DeviationSignature

SIDES = len(DeviationSignature.Side)


@dataclass(frozen=True)
class Standing:
    """A deviation with its signatures; `state` is waiting, in force or expired."""

    deviation: Deviation
    signatures: tuple[DeviationSignature, ...]
    state: str

    @property
    def missing(self) -> list[str]:
        """The sides that have not signed, in words."""
        signed = {each.side for each in self.signatures}
        return [side.label for side in DeviationSignature.Side if side not in signed]


def deviations_of(site: Site, *, at: datetime) -> list[Standing]:
    """All deviations of the site, newest first; `at` is on its clock."""
    return [standing_of(row, at) for row in deviation_rows(site)]


def deviation_rows(site: Site) -> QuerySet[Deviation]:
    """Deviations of the site, newest first, with what `standing_of` reads."""
    return _with_signatures(Deviation.objects.filter(site=site).order_by("-pk"))


def in_force(lots: Iterable[Lot], *, now: datetime) -> dict[tuple[int, str, int], Deviation]:
    """(lot, gate, characteristic) → the deviation in force for it at the real instant `now`."""
    here = {lot.pk: site_time(lot.site, now) for lot in lots}
    rows = _with_signatures(Deviation.objects.filter(lot__in=here).order_by("pk"))  # of several the newest
    return {
        (row.lot_id, row.gate, row.characteristic_id): row
        for row in rows
        if standing_of(row, here[row.lot_id]).state == "in force"
    }


def _with_signatures(rows: QuerySet[Deviation]) -> QuerySet[Deviation]:
    return rows.select_related("lot", "characteristic", "requested_by").prefetch_related(
        Prefetch("signatures", DeviationSignature.objects.select_related("signature").order_by("pk"))
    )


def standing_of(row: Deviation, at: datetime) -> Standing:
    """Whether it permits anything at that instant of the site clock."""
    signatures = tuple(row.signatures.all())
    if row.expires_at <= at:
        state = "expired"
    else:
        state = "in force" if len({each.side for each in signatures}) == SIDES else "waiting"
    return Standing(row, signatures, state)
