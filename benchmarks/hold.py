"""Holds on a large genealogy, against plain writes of as many rows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure, Size, median_of
from benchmarks.genealogy import CELLS_AN_ELECTROLYTE, Genealogy, genealogies
from benchmarks.installation import Installation
from benchmarks.plant import Line
from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import Hold

NAME = "hold"


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    for database, made in genealogies(size, installation):
        batches = min(made.cells, 100_000) // CELLS_AN_ELECTROLYTE
        for count in sorted({1, batches}):
            yield _hold(installation, database, count, made)


def _hold(installation: Installation, database: str, batches: int, made: Genealogy) -> Figure:
    """Hold electrolyte batches with every cell that they reached, committed; against writing as many bare rows."""
    line = Line()
    extents = [HeldExtent(Genealogy.key("electrolyte", number)) for number in range(batches)]
    held: list[Hold] = []

    def hold() -> None:
        held.append(
            place_hold(
                site=line.site,
                source=Hold.Source.MANUAL,
                reason="benchmark",
                extents=extents,
                placed_at=line.measured_at(),
                placed_by=line.operator,
            )
        )

    cells = batches * CELLS_AN_ELECTROLYTE
    with installation.superuser(database) as superuser:
        superuser.execute("CREATE TABLE IF NOT EXISTS benchmark_holdlot (LIKE lots_holdlot)")

        def write() -> None:
            superuser.execute(
                "INSERT INTO benchmark_holdlot SELECT * FROM lots_holdlot WHERE hold_id = %s", [held[-1].pk]
            )

        value, written = median_of(hold, write, rounds=1 if cells > 10_000 else 3)
    members = held[-1].members.count()
    if members != cells + batches:
        raise AssertionError(f"{members} lots are held, {cells + batches} should be")
    target = "value <= 5 s for 100,000 cells" if cells == 100_000 else ""
    return Figure(
        NAME,
        f"hold on {cells:,} cells, {made.links:,} links",
        value,
        "s",
        "INSERT of as many bare rows",
        written,
        target,
    )
