"""Master data is read with every measurement and changes once a week: the process remembers what it has read.

Triggers on the masters' tables write a new random stamp into a one-row table, in the transaction that changes a
master. An answer is remembered under the stamp of the database that gave it and is worth nothing under another one,
so a change is seen by the next transaction of every process, and one that is rolled back was never seen at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model

P = ParamSpec("P")
T = TypeVar("T")

MOST_ANSWERS = 50_000
READ_STAMP = "SELECT stamp FROM lots_masterstamp"

# Every remembered read with the tables that it depends on: the catalog test demands the trigger on each of them.
reads: dict[Callable[..., Any], tuple[type[Model], ...]] = {}


class _Thread(threading.local):
    """`depth` counts nested `steady` blocks; `stamp` is the one read within the outermost."""

    depth = 0
    stamp: UUID | None = None


class _Answers:
    """What is remembered, all under one stamp."""

    def __init__(self, stamp: UUID | None) -> None:
        self.stamp = stamp
        self.found: dict[Hashable, Any] = {}


_thread = _Thread()
_answers = _Answers(None)


def remembered(*models: type[Model]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a read of master data: `models` are all the tables that it reads, its arguments can be hashed.

    Answers are shared by threads: nobody may change them, so return tuples and mappings that stay as they are.
    """

    def decorate(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            known = _known().found
            key = (read, args, tuple(sorted(kwargs.items())))
            if key not in known:
                if len(known) >= MOST_ANSWERS:
                    known.clear()
                known[key] = read(*args, **kwargs)
            value: T = known[key]
            return value

        reads[answer] = models
        return answer

    return decorate


@contextmanager
def steady() -> Iterator[None]:
    """Within it, and within the running transaction, masters are those of one instant: the stamp is read once."""
    if _thread.depth == 0:
        _thread.stamp = None
    _thread.depth += 1
    try:
        yield
    finally:
        _thread.depth -= 1


def pin(stamp: UUID) -> None:
    """Tell a `steady` block the stamp that its transaction has just read; without one, it is not needed."""
    if _thread.depth:
        _thread.stamp = stamp


def _known() -> _Answers:
    global _answers
    stamp = _thread.stamp if _thread.depth else None
    if stamp is None:
        with connection.cursor() as cursor:
            cursor.execute(READ_STAMP)
            (stamp,) = cursor.fetchone()
        _thread.stamp = stamp
    known = _answers
    if known.stamp != stamp:
        known = _answers = _Answers(stamp)
    return known
