"""Who acts: the name that the audit triggers write beside every change of this transaction."""

from __future__ import annotations

from django.db import connection

from lots import masters
from lots.models import User


def act_as(user: User | None, *, process: str = "") -> None:
    """Name the actor for the running transaction: a user, or the process that acts without one."""
    name = user.username if user is not None else f"process:{process}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('halite.actor', %s, true), stamp FROM lots_masterstamp", [name])
        masters.pin(cursor.fetchone()[1])
