"""Model fields that carry a meaning of this domain into the database."""

from __future__ import annotations

import uuid
from typing import Any

import uuid_utils
from django.db import models


def new_uuid7() -> uuid.UUID:
    """A time-ordered public identifier (UUIDv7, RFC 9562)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


class LotRef(models.ForeignKey):  # type: ignore[type-arg]
    """A foreign key to a lot, of the database domain `lot_ref`.

    The catalog test finds every column of that domain and demands a movement guard on its table, or a place
    on the reviewed list, so that a new table cannot move a held lot by oversight.
    """

    def __init__(self, to: Any = "lots.Lot", on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        super().__init__(to, on_delete, **kwargs)

    def db_type(self, connection: Any) -> str:
        return "lot_ref"


class LotRefId(models.BigIntegerField):  # type: ignore[type-arg]
    """A lot's key where no foreign key is possible (partitioned tables), of the same domain."""

    def db_type(self, connection: Any) -> str:
        return "lot_ref"
