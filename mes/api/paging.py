"""Pages of rows, newest first: the cursor is the key of the last row seen."""

from __future__ import annotations

from typing import Annotated, TypeVar

from django.db.models import Model, QuerySet
from pydantic import Field

LARGEST_PAGE = 200
PageSize = Annotated[int, Field(ge=1, le=LARGEST_PAGE)]
Cursor = Annotated[int, Field(ge=1, le=2**63 - 1)]
Row = TypeVar("Row", bound=Model)


def page(rows: QuerySet[Row], *, cursor: int | None, limit: int) -> tuple[list[Row], int | None]:
    """One page of `rows` (ordered by key, falling), and the cursor of the next; None at the end."""
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None
