"""Traces on a large genealogy, against plain reads of as many rows."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from django.db import connection

from benchmarks.figures import Figure, Size, median_of
from benchmarks.genealogy import CELLS_A_DAUGHTER, CELLS_AN_ELECTROLYTE, Genealogy, genealogies
from benchmarks.installation import Installation
from lots.genealogy import count_reached, trace

NAME = "trace"
SEED = 7
PAGE = 2_000
LOOKUP = "SELECT * FROM lots_lot WHERE id = %s"
JOIN = """
SELECT l.child_id, c.code FROM (SELECT child_id FROM lots_genealogylink ORDER BY id LIMIT %s) l
JOIN lots_lot c ON c.id = l.child_id
"""


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    for _, made in genealogies(size, installation):
        yield _ancestors(made)
        yield _descendants("cathode-daughter", CELLS_A_DAUGHTER, made)
        yield _descendants("salt", made.cells, made)


def _ancestors(made: Genealogy) -> Figure:
    """One cell to everything it was made from, links included."""
    chance = random.Random(SEED)
    cells = itertools.cycle([Genealogy.key("cell", chance.randrange(made.cells)) for _ in range(100)])

    def walk() -> None:
        found = trace(next(cells), forward=False)
        if len(found.nodes) != 10:  # itself, tray, electrolyte, salt, and three lots of each electrode
            raise AssertionError(f"{len(found.nodes)} lots found")

    value, lookup = median_of(walk, lambda: _rows(LOOKUP, next(cells)), rounds=100)
    return Figure(
        NAME,
        f"one cell to its ancestors, {made.links:,} links",
        value,
        "s",
        "one primary-key lookup",
        lookup,
        "value <= 0.05 s at 10^7 links",
    )


def _descendants(kind: str, cells: int, made: Genealogy) -> Figure:
    """One lot to all that was made from it: how many, and the first page of them with their links."""
    between = -(-cells // CELLS_AN_ELECTROLYTE) if kind == "salt" else 0

    def walk() -> None:
        reached = count_reached(Genealogy.key(kind), forward=True)
        if reached != cells + between:
            raise AssertionError(f"{reached} lots reached, {cells + between} were made")
        page = trace(Genealogy.key(kind), forward=True, limit=PAGE)
        if page.truncated != (reached >= PAGE):
            raise AssertionError("the page does not say whether it is all")

    value, join = median_of(walk, lambda: _rows(JOIN, cells), rounds=5 if cells < 10_000 else 1)
    return Figure(
        NAME,
        f"one {kind.replace('cathode-daughter', 'daughter roll')} to its {cells:,} cells, {made.links:,} links",
        value,
        "s",
        "a plain join of as many links with their lots",
        join,
        "value <= 2 s for 10^6 cells" if cells > CELLS_A_DAUGHTER else "",
    )


def _rows(statement: str, parameter: int) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [parameter])
        return list(cursor.fetchall())
