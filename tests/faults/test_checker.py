"""The checker finds every kind of broken history, and nothing in a clean one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checker import ELSEWHERE, check
from tests.faults.history import OK, REFUSED, UNKNOWN, Event, Facts, Log, read

ROOT = Path(__file__).parents[2]


def clean() -> tuple[list[Event], Facts]:
    """A good reading, a violation, a signal, one from the future, one that was refused, one without an answer."""
    events = [
        Event("submit", "a", "L1", OK, 201, 1.0, 1.1, values=("65.0",)),
        Event("repeat", "a", "L1", OK, 200, 1.2, 1.3, values=("65.0",)),
        Event("clash", "a", "L1", REFUSED, 409, 1.4, 1.5, values=("64.0",)),
        Event("submit", "b", "L2", OK, 201, 2.0, 2.1, "violation", ("71",)),
        Event("submit", "c", "L3", OK, 201, 3.0, 3.1, "signal", ("67",)),
        Event("submit", "d", "L4", OK, 201, 4.0, 4.1, "future", ("65.1",)),
        Event("submit", "e", "L5", REFUSED, 422, 5.0, 5.1, values=("x",)),
        Event("submit", "f", "L6", UNKNOWN, 0, 6.0, 6.9, values=("65.2",)),
        Event("start", lot="L7", outcome=OK, status=201, began=7.0, ended=7.1),
        Event("fault", began=6.0, ended=7.0, what="kill web"),
    ]
    facts = Facts(
        values={"a": ["65.0"], "b": ["71"], "c": ["67"], "d": ["65.1"], "f": ["65.2"]},
        counted=dict.fromkeys("abcdf", (1, 1)),
        memberships={1: 1, 2: 1, 3: 1},
        points={9: [(20, 1.0), (21, 2.0), (22, 2.0)]},
        holds={"L2": ["defect"], "L3": ["signal", "manual"]},
        holds_due={"L3": [(3.1, 3.9)]},
        future={"d": ["quarantined"]},
    )
    return events, facts


def test_clean_history_has_no_violation() -> None:
    assert check(*clean()) == []


Break = Callable[[list[Event], Facts], object]
BROKEN: list[tuple[str, str, Break]] = [
    ("I1", "an acknowledged reading is lost", lambda e, f: f.values.pop("a")),
    ("I2", "a reading was changed", lambda e, f: f.values.update(a=["65.1"])),
    ("I2", "a reading was stored twice", lambda e, f: f.values.update(a=["65.0", "65.0"])),
    ("I2", "a reading that nobody sent", lambda e, f: f.values.update(z=["65.0"])),
    ("I2", "a reading was plotted twice", lambda e, f: f.memberships.update({1: 2})),
    ("I2", "a reading was never plotted", lambda e, f: f.memberships.update({1: 0})),
    ("I3", "another answer the second time", lambda e, f: e.append(replace(e[1], same_answer=False))),
    ("I3", "another payload was taken", lambda e, f: e.append(replace(e[2], outcome=OK))),
    ("I4", "a violation led to no hold", lambda e, f: f.holds.pop("L2")),
    ("I4", "a signal led to no hold", lambda e, f: f.holds.update(L3=["manual"])),
    ("I4", "a hold came late", lambda e, f: f.holds_due.update(L3=[(3.1, 10.4)])),
    ("I4", "a second reading held nothing", lambda e, f: f.holds_due["L3"].append((4.0, None))),
    ("I5", "a held lot moved", lambda e, f: f.moved_held.append("L7")),
    ("I7", "a hold missed a descendant", lambda e, f: f.uncontained.append("H1")),
    ("I8", "a lot moved before judgement", lambda e, f: f.early_moves.append("L7")),
    ("I9", "a point is missing", lambda e, f: f.points[9].pop(1)),
    ("I9", "points stand out of order", lambda e, f: f.points.update({9: [(20, 2.0), (21, 1.0)]})),
    ("I9", "a point is not as recomputed", lambda e, f: f.differing.append("chart 9 shows 1 for 2")),
    ("I10", "the audit trail is broken", lambda e, f: f.audit.append("lot:1 row 3")),
    ("I12", "poison holds nothing", lambda e, f: f.unheld_poison.append(5)),
    ("I13", "a reading from the future was trusted", lambda e, f: f.future.update(d=["good"])),
    ("I14", "a submission is half written", lambda e, f: f.counted.update(a=(2, 1))),
    ("I14", "a refused one is stored", lambda e, f: f.values.update(e=["x"])),
    ("I14", "nothing evaluates any more", lambda e, f: setattr(f, "pending", 3)),
    ("I14", "a key without its submission", lambda e, f: f.half.append("key k has no submission")),
]


@pytest.mark.parametrize(("invariant", "name", "change"), BROKEN, ids=[name for _, name, _ in BROKEN])
def test_broken_history_is_found(invariant: str, name: str, change: Break) -> None:
    events, facts = clean()
    change(events, facts)
    assert {violation.invariant for violation in check(events, facts)} == {invariant}


def test_hold_may_wait_as_long_as_nobody_could_place_it() -> None:
    events, facts = clean()
    facts.holds_due["L3"] = [(3.1, 15.0)]
    assert [v.invariant for v in check(events, facts)] == ["I4"]
    events.append(Event("fault", began=3.5, ended=10.5, what="stop postgres"))
    assert check(events, facts) == []


def test_every_invariant_is_checked_here_or_elsewhere() -> None:
    checked = {invariant for invariant, _, _ in BROKEN} | ELSEWHERE.keys()
    assert checked == {f"I{number}" for number in range(1, 15)}
    assert all((ROOT / place).exists() for place in ELSEWHERE.values())


def test_log_reads_back_what_was_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "history.jsonl")
    for event in clean()[0]:
        log.add(event)
    assert read(log.file) == log.events == clean()[0]
