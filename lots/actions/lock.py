"""Lock lot rows in key order: the one way, so that concurrent actions never deadlock over lots."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from lots.models import Lot


def lock_lots(keys: Iterable[int]) -> dict[int, Lot]:
    """Lock the lots for the running transaction, in key order. Returns them by key."""
    rows = Lot.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "site", "material", "work_order"
    )
    return {lot.pk: lot for lot in rows.filter(pk__in=set(keys)).order_by("pk")}


def lock_name(name: str) -> None:
    """Let whoever else locks the same name wait until the running transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def share_name(name: str) -> None:
    """Let whoever locks the name wait until the running transaction ends; others may share it meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [name])
