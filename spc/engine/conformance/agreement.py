"""How well answers agree with reference cases: the largest difference of each, and the table of all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A difference below this part of the largest number in the same list is rounding of a number around zero.
ROUNDING = 1e-13
# A run length by simulation comes with its standard error; an exact one has none.
NOT_COMPARED = {"se", "accept_within_se"}


@dataclass(frozen=True)
class Difference:
    """Where an answer differs: the path in `expected`, both values, and the relative difference (inf: not alike)."""

    path: str
    expected: Any
    got: Any
    relative: float


@dataclass(frozen=True)
class Agreement:
    """One kind of case: its sources, how many cases, and the largest relative difference among them."""

    kind: str
    sources: tuple[str, ...]
    cases: int
    largest: float
    within_tolerance: int


def differences(expected: Any, got: Any, path: str = "", scale: float = 0.0) -> Iterator[Difference]:
    """Every number, word and length that differs at all; what `got` has beside it does not count.

    `scale` is the largest magnitude in the list that holds a number.
    """
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            yield Difference(path, "an object", got, math.inf)
            return
        for key, value in expected.items():
            if key in NOT_COMPARED:
                continue
            if key not in got:
                yield Difference(f"{path}/{key}", value, "missing", math.inf)
            else:
                yield from differences(value, got[key], f"{path}/{key}")
    elif isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            yield Difference(path, f"{len(expected)} entries", got, math.inf)
            return
        largest = max((abs(v) for v in expected if isinstance(v, int | float)), default=0.0)
        for position, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, f"{path}[{position}]", largest)
    elif isinstance(expected, bool | str) or expected is None:
        if expected != got:
            yield Difference(path, expected, got, math.inf)
    elif not isinstance(got, int | float) or isinstance(got, bool):
        yield Difference(path, expected, got, math.inf)
    else:
        gap = abs(float(expected) - float(got))
        if gap > ROUNDING * scale:
            yield Difference(path, expected, got, gap / max(abs(float(expected)), abs(float(got))))


def agreements(
    cases: Iterable[Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]]
) -> list[Agreement]:
    """One row for each kind, in the order of their first case. `answers` are lines of the runner by id."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases:
        kinds.setdefault(str(case["kind"]), []).append(case)
    found = []
    for kind, group in kinds.items():
        largest = [
            max(
                (d.relative for d in differences(case["expected"], answers[case["id"]].get("got"))),
                default=0.0,
            )
            for case in group
        ]
        tolerances = [float(case["rel_tol"]) for case in group]
        found.append(
            Agreement(
                kind=kind,
                sources=tuple(dict.fromkeys(str(case["source"]).split(";")[0].strip() for case in group)),
                cases=len(group),
                largest=max(largest),
                within_tolerance=sum(d <= t for d, t in zip(largest, tolerances, strict=True)),
            )
        )
    return found


def table(rows: Iterable[Agreement]) -> str:
    """The agreements as a Markdown table."""
    lines = [
        "| statistic | cases | within tolerance | largest difference | source |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        more = f" and {len(row.sources) - 3} more" if len(row.sources) > 3 else ""
        size = (
            "none" if row.largest == 0.0 else "see below" if math.isinf(row.largest) else f"{row.largest:.0e}"
        )
        lines.append(
            f"| `{row.kind}` | {row.cases} | {row.within_tolerance} | {size} | {'; '.join(row.sources[:3])}{more} |"
        )
    return "\n".join(lines)
