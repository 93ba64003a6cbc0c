"""The lot that a command is about."""

from __future__ import annotations

from django.core.management.base import CommandError

from lots.models import Lot


def named_lot(code: str, site: str) -> Lot:
    """The lot with the code, at the site if one is named. Raises CommandError for none, and for several."""
    lots = Lot.objects.filter(code=code).select_related("site")
    if site:
        lots = lots.filter(site__code=site)
    found = list(lots[:2])
    if not found:
        raise CommandError(f"lot {code!r} is not known")
    if len(found) > 1:
        raise CommandError(f"lot {code!r} exists at several sites; add --site CODE")
    return found[0]
