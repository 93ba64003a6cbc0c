"""Outcomes of many trials as a table for people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from mes.simulator.score import poisson_interval

HEADER = ("fault", "size", "runs", "found %", "first at", "samples", "metres", "in time %", "held %")
WIDTHS = (22, 6, 5, 8, 36, 8, 7, 10, 7)


@dataclass(frozen=True)
class Row:
    """Trials of one fault and magnitude. `samples` and `metres` are medians of the runs that found it."""

    fault: str
    magnitude: str
    runs: int
    found: int
    characteristic: str
    samples: float | None
    metres: float | None
    in_time: int
    held: int


@dataclass(frozen=True)
class FalseAlarms:
    """Fault-free runs of one characteristic: episodes seen against the expectation for its estimated limits."""

    characteristic: str
    points: int
    seen: int
    expected: float

    @property
    def interval(self) -> tuple[float, float]:
        return poisson_interval(self.seen)

    @property
    def agrees(self) -> bool:
        low, high = self.interval
        return low <= self.expected <= high


def rows(outcomes: Iterable[dict[str, Any]]) -> list[Row]:
    """One row for each fault and magnitude, in the order of their first trial."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        trial = outcome["trial"]
        if trial["fault"]:
            groups[trial["fault"], trial["magnitude"]].append(outcome)
    return [_row(fault, magnitude, group) for (fault, magnitude), group in groups.items()]


def _row(fault: str, magnitude: str, group: Sequence[dict[str, Any]]) -> Row:
    found = [outcome["detection"] for outcome in group if outcome["detection"]]
    where = Counter(detection["characteristic"] for detection in found).most_common(1)
    metres = [detection["metres"] for detection in found if detection["metres"] is not None]
    return Row(
        fault=fault,
        magnitude=magnitude,
        runs=len(group),
        found=len(found),
        characteristic=where[0][0] if where else "",
        samples=median(detection["samples"] for detection in found) if found else None,
        metres=median(metres) if metres else None,
        in_time=sum(outcome["held_in_time"] for outcome in group),
        held=sum(outcome["held_at_all"] for outcome in group),
    )


def false_alarms(outcomes: Iterable[dict[str, Any]]) -> tuple[list[FalseAlarms], FalseAlarms]:
    """By characteristic, and the holds of all (whose points are those of charts that may hold)."""
    free = [outcome for outcome in outcomes if not outcome["trial"]["fault"]]
    points: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    expected: defaultdict[str, float] = defaultdict(float)
    held, holding_points = 0.0, 0
    for outcome in free:
        seen.update(outcome["signals"])
        for code, (number, signals, holds) in outcome["expected"].items():
            points[code] += number
            expected[code] += signals
            held += holds
            holding_points += number if holds else 0
    by_code = [FalseAlarms(code, points[code], seen[code], expected[code]) for code in sorted(points)]
    holds_seen = sum(outcome["signal_holds"] for outcome in free)
    return by_code, FalseAlarms("holds", holding_points, holds_seen, held)


def false_holds(outcomes: Iterable[dict[str, Any]]) -> tuple[int, int] | None:
    """Lots held for themselves and lots made in fault-free runs; None where no run counted its lots."""
    free = [one for one in outcomes if not one["trial"]["fault"] and one.get("lots")]
    return (sum(one["held_lots"] for one in free), sum(one["lots"] for one in free)) if free else None


def table(outcomes: Sequence[dict[str, Any]]) -> str:
    """The scoreboard as plain text."""
    lines = [_line(HEADER)]
    lines += [_line(_cells(row)) for row in rows(outcomes)]
    by_code, holds = false_alarms(outcomes)
    if by_code:
        runs = sum(not outcome["trial"]["fault"] for outcome in outcomes)
        lines += [
            "",
            f"{runs} fault-free runs: seen, expected for limits from as many points as these were,"
            " 95 % Poisson interval of what was seen",
        ]
        lines += [_alarm_line(alarms) for alarms in [*by_code, holds]]
    per_thousand = false_holds(outcomes)
    if per_thousand is not None:
        held, made = per_thousand
        lines += [
            "",
            f"false holds: {held} of {made} fault-free lots, {1000 * held / made:.1f} per 1,000 lots",
        ]
    lines += [
        "",
        f"{len(outcomes)} runs, {sum(outcome['seconds'] for outcome in outcomes):.0f} s of computing",
    ]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    def share(count: int) -> str:
        return f"{100 * count / row.runs:.0f}"

    return (
        row.fault,
        row.magnitude,
        str(row.runs),
        share(row.found),
        row.characteristic or "-",
        "-" if row.samples is None else f"{row.samples:g}",
        "-" if row.metres is None else f"{row.metres:.0f}",
        share(row.in_time),
        share(row.held),
    )


def _line(cells: Sequence[str]) -> str:
    return "".join(
        cell.ljust(width) if i in {0, 1, 4} else cell.rjust(width) + "  "
        for i, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    ).rstrip()


def _alarm_line(alarms: FalseAlarms) -> str:
    low, high = alarms.interval
    verdict = (
        "" if alarms.agrees else "  more than expected" if alarms.expected < low else "  fewer than expected"
    )
    return (
        f"  {alarms.characteristic:<36}{alarms.points:>6} points {alarms.seen:>4} seen "
        f"{alarms.expected:>7.2f} expected  [{low:.2f}, {high:.2f}]{verdict}"
    )
