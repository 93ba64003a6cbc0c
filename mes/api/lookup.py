"""Codes of a request as records of the caller's site; what another site has does not exist here (404)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import Http404

from lots.clock import FUTURE_TOLERANCE, site_time
from lots.envelope import InvalidSubmission, Problem
from lots.models import Equipment, Lot, Site


def lot_of(site: Site, code: str) -> Lot:
    """The lot with this code, or Http404."""
    return lots_of(site, [code])[0]


def lots_of(site: Site, codes: Sequence[str]) -> list[Lot]:
    """The lots in the order of their codes, or Http404."""
    rows = Lot.objects.filter(site=site, code__in=codes).select_related("site", "material", "work_order")
    found = {lot.code: lot for lot in rows}
    if len(found) != len(set(codes)):
        raise Http404
    if len(set(codes)) != len(codes):
        raise InvalidSubmission([Problem(None, "lots", "names a lot twice")])
    return [found[code] for code in codes]


def equipment_of(site: Site, codes: Sequence[str]) -> list[Equipment]:
    """The machines in the order of their codes, or Http404."""
    rows = Equipment.objects.filter(site=site, code__in=codes, retired_at__isnull=True).select_related("step")
    found = {machine.code: machine for machine in rows}
    if len(found) != len(set(codes)):
        raise Http404
    return [found[code] for code in codes]


def instant(at: datetime | None, site: Site, now: datetime, *, field: str = "at") -> datetime:
    """When it happened on the site clock; by default now. An instant in the future is refused."""
    here = site_time(site, now)
    if at is not None and at > here + FUTURE_TOLERANCE:
        raise InvalidSubmission(
            [Problem(None, field, f"is in the future; the site clock says {here.isoformat()}")]
        )
    return at or here
