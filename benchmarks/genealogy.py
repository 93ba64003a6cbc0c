"""A genealogy of any size, made up by SQL in a benchmark's own database, past guards and audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from benchmarks.figures import Size
from benchmarks.installation import Installation

NUMBERS_OF_LINKS = {Size.FULL: (100_000, 1_000_000), Size.HUGE: (10_000_000,)}  # 10,000 otherwise
CELLS_A_TRAY = 12
CELLS_A_DAUGHTER = 500
CELLS_AN_ELECTROLYTE = 1_000
DAUGHTERS_A_MOTHER = 4
MOTHERS_A_SLURRY = 5
LINKS_A_CELL = 4
CELL_MM = 2_000  # of a daughter roll
FIRST_KEY = 1_000_000
KEYS_A_KIND = 10_000_000

LOTS = """
INSERT INTO lots_lot (id, uuid, site_id, code, material_id, quantity, length_mm, lanes, state, hold_revision,
                      created_at, created_by_id, simulated)
SELECT %(first)s + i, gen_random_uuid(), s.id, %(kind)s || i, m.id, 1000, %(length)s, NULL, 'active', 0,
       now(), u.id, true
FROM generate_series(0, %(count)s - 1) i, lots_site s, lots_materialdefinition m,
     (SELECT min(id) AS id FROM lots_user) u
WHERE s.code = 'DEMO' AND m.code = %(material)s
"""
# The movement behind a link is made up too: 0 names none.
LINKS = """
INSERT INTO lots_genealogylink (parent_id, child_id, kind, movement_id, quantity, unit, parent_from_mm, parent_to_mm,
                                child_offset_mm, scale, uncertainty_mm, linked_at, void_reason)
SELECT %(parent)s + i / %(each)s, %(child)s + i, %(link)s, 0, 1, '1',
       (i %% %(each)s) * %(mm)s::bigint, (i %% %(each)s + 1) * %(mm)s::bigint,
       coalesce(-(i %% %(each)s) * %(mm)s::bigint, 0), 1, 0, now(), ''
FROM generate_series(0, %(count)s - 1) i
"""


@dataclass(frozen=True)
class Genealogy:
    """Keys of the lots of each kind, ascending from the first; `links` counts all links."""

    cells: int
    links: int

    @staticmethod
    def key(kind: str, number: int = 0) -> int:
        return FIRST_KEY + list(MATERIALS).index(kind) * KEYS_A_KIND + number


MATERIALS = {
    "cell": "CELL-20AH",
    "tray": "CELL-LOT",
    "cathode-daughter": "SLIT-CATHODE",
    "anode-daughter": "SLIT-ANODE",
    "cathode-mother": "ROLL-CATHODE",
    "anode-mother": "ROLL-ANODE",
    "cathode-slurry": "SLURRY-CATHODE",
    "anode-slurry": "SLURRY-ANODE",
    "electrolyte": "ELECTROLYTE",
    "salt": "SALT-NAPF6",
}


def genealogies(size: Size, installation: Installation) -> Iterator[tuple[str, Genealogy]]:
    """Each size in a database of its own, whose name comes first; Django's connections point at it meanwhile."""
    for links in NUMBERS_OF_LINKS.get(size, (10_000,)):
        with installation.database() as database:
            with installation.superuser(database) as superuser:
                made = make_genealogy(superuser, links=links)
            yield database, made


def make_genealogy(connection: psycopg.Connection, *, links: int) -> Genealogy:
    """About `links` links from slurries and salt to cells, with intervals on every roll. Needs a superuser."""
    cells = links // LINKS_A_CELL
    counts = {
        "cell": cells,
        "tray": -(-cells // CELLS_A_TRAY),
        "electrolyte": -(-cells // CELLS_AN_ELECTROLYTE),
    }
    for electrode in ("cathode", "anode"):
        daughters = -(-cells // CELLS_A_DAUGHTER)
        mothers = -(-daughters // DAUGHTERS_A_MOTHER)
        counts |= {
            f"{electrode}-daughter": daughters,
            f"{electrode}-mother": mothers,
            f"{electrode}-slurry": -(-mothers // MOTHERS_A_SLURRY),
        }
    counts["salt"] = 1
    connection.execute("SET session_replication_role = replica")
    for kind, count in counts.items():
        values = {
            "first": Genealogy.key(kind),
            "kind": f"{kind}-",
            "length": CELLS_A_DAUGHTER * CELL_MM * DAUGHTERS_A_MOTHER
            if kind.endswith(("mother", "daughter"))
            else None,
            "count": count,
            "material": MATERIALS[kind],
        }
        connection.execute(LOTS, values)
    made = _link(connection, "tray", "cell", cells, each=CELLS_A_TRAY, link="member")
    made += _link(connection, "electrolyte", "cell", cells, each=CELLS_AN_ELECTROLYTE)
    made += _link(connection, "salt", "electrolyte", counts["electrolyte"], each=counts["electrolyte"])
    for electrode in ("cathode", "anode"):
        daughter, mother, slurry = (f"{electrode}-{kind}" for kind in ("daughter", "mother", "slurry"))
        made += _link(connection, daughter, "cell", cells, each=CELLS_A_DAUGHTER, mm=CELL_MM)
        made += _link(
            connection,
            mother,
            daughter,
            counts[daughter],
            each=DAUGHTERS_A_MOTHER,
            mm=CELLS_A_DAUGHTER * CELL_MM,
            link="split",
        )
        made += _link(connection, slurry, mother, counts[mother], each=MOTHERS_A_SLURRY)
    connection.execute("RESET session_replication_role")
    connection.execute("ANALYZE lots_lot")
    connection.execute("ANALYZE lots_genealogylink")
    return Genealogy(cells=cells, links=made)


def _link(
    connection: psycopg.Connection,
    parent: str,
    child: str,
    count: int,
    *,
    each: int,
    mm: int | None = None,
    link: str = "consume",
) -> int:
    """Link `count` children, `each` to a parent; on a roll each takes its own `mm`."""
    values = {
        "parent": Genealogy.key(parent),
        "child": Genealogy.key(child),
        "each": each,
        "link": link,
        "mm": mm,
        "count": count,
    }
    return connection.execute(LINKS, values).rowcount
