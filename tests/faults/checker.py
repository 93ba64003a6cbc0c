"""Judge a fault run from its history and the final facts: which invariant was broken, by what. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.history import OK, REFUSED, Event, Facts

HOLD_WITHIN_S = 5.0
# Invariants that a history cannot show; where they are tested instead.
ELSEWHERE = {
    "I6": "tests/architecture/test_catalog.py",
    "I11": "tests/quality/actions/test_sign.py",
}


@dataclass(frozen=True)
class Violation:
    invariant: str
    words: str


def check(events: Iterable[Event], facts: Facts) -> list[Violation]:
    """Every violation found; an empty list is a clean run."""
    events = list(events)
    found = [
        *_acknowledged(events, facts),
        *_once(facts),
        *_keys(events),
        *_holds(events, facts),
        *(Violation("I5", f"lot {lot} moved while held") for lot in facts.moved_held),
        *(Violation("I7", f"hold {hold} does not reach all its descendants") for hold in facts.uncontained),
        *(Violation("I8", f"lot {lot} moved before its values were evaluated") for lot in facts.early_moves),
        *_ordered(facts),
        *(Violation("I9", text) for text in facts.differing),
        *(Violation("I10", text) for text in facts.audit),
        *(Violation("I12", f"quarantined entry {key} holds no lot") for key in facts.unheld_poison),
        *_future(events, facts),
        *(Violation("I14", text) for text in facts.half),
    ]
    if facts.pending:
        found.append(Violation("I14", f"{facts.pending} entries are still not evaluated"))
    return found


def _submissions(events: Iterable[Event]) -> dict[str, Event]:
    """Key → the event that was acknowledged, or else the last try."""
    latest: dict[str, Event] = {}
    for event in events:
        if event.op in {"submit", "repeat"} and (event.key not in latest or latest[event.key].outcome != OK):
            latest[event.key] = event
    return latest


def _acknowledged(events: list[Event], facts: Facts) -> Iterable[Violation]:
    for key, event in _submissions(events).items():
        stored = facts.values.get(key)
        if event.outcome == OK and stored is None:
            yield Violation("I1", f"{key} was acknowledged and is not stored")
        elif event.outcome == REFUSED and stored is not None:
            yield Violation("I14", f"{key} was refused and is stored all the same")
        elif stored is not None and tuple(stored) != event.values:
            yield Violation("I2", f"{key} carried {event.values} and has {tuple(stored)}")
    unknown = facts.values.keys() - _submissions(events).keys()
    yield from (Violation("I2", f"{key} is stored and nobody sent it") for key in sorted(unknown))


def _once(facts: Facts) -> Iterable[Violation]:
    for measurement, count in facts.memberships.items():
        if count != 1:
            yield Violation("I2", f"measurement {measurement} is in {count} subgroups")
    for key, (said, there) in facts.counted.items():
        if said != there:
            yield Violation("I14", f"{key} says {said} measurements and has {there}")


def _keys(events: list[Event]) -> Iterable[Violation]:
    for event in events:
        if event.op == "repeat" and event.outcome == OK and not event.same_answer:
            yield Violation("I3", f"{event.key} was answered differently the second time")
        if event.op == "clash" and event.outcome == OK:
            yield Violation("I3", f"{event.key} took another payload")


def _holds(events: list[Event], facts: Facts) -> Iterable[Violation]:
    faults = [event for event in events if event.op == "fault"]
    for event in events:
        if event.op not in {"submit", "repeat"} or event.outcome != OK:
            continue
        wanted = {"violation": "defect", "signal": "signal"}.get(event.kind)
        if wanted is None:
            continue
        if not {wanted, "poison"} & set(facts.holds.get(event.lot, ())):
            yield Violation("I4", f"{event.kind} of lot {event.lot} led to no hold")
    for lot, holds in facts.holds_due.items():
        for recorded, placed in holds:
            if placed is None:
                yield Violation("I4", f"a reading of lot {lot} beyond the limits led to no hold of its own")
                continue
            bound = HOLD_WITHIN_S + _down(faults, recorded, recorded + HOLD_WITHIN_S)
            if placed - recorded > bound:
                words = f"signal of lot {lot} led to a hold after {placed - recorded:.1f} s, not {bound:.1f}"
                yield Violation("I4", words)


def _down(faults: list[Event], since: float, until: float) -> float:
    """Seconds that faults lasted which overlap the time in which the hold was due: then nobody could place it."""
    end, lost = until, 0.0
    for fault in sorted(faults, key=lambda f: f.began):
        if fault.began < end and fault.ended > since:
            lost += fault.ended - fault.began
            end += fault.ended - fault.began
    return lost


def _ordered(facts: Facts) -> Iterable[Violation]:
    for chart, points in facts.points.items():
        for (sequence, at), (following, later) in pairwise(sorted(points)):
            if following != sequence + 1:
                yield Violation("I9", f"chart {chart} has no point between {sequence} and {following}")
            if later < at:
                yield Violation(
                    "I9", f"chart {chart}: point {following} was measured before point {sequence}"
                )


def _future(events: list[Event], facts: Facts) -> Iterable[Violation]:
    for event in events:
        if event.op == "submit" and event.kind == "future" and event.outcome == OK:
            qualities = facts.future.get(event.key, [])
            if any(quality != "quarantined" for quality in qualities) or not qualities:
                yield Violation("I13", f"{event.key} came from the future and was trusted")
