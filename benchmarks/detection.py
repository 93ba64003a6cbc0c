"""What Halite finds of the simulated line's named faults, and what it calls them; the tables go to standard error.

The line runs through the public doors (`manage.py score_faults`). Small: one seed of each fault that has a family;
full: every fault at every size, twenty seeds. The cells are the same in both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from benchmarks import classification
from benchmarks.faulty_cells import Made
from benchmarks.figures import Figure, Size
from benchmarks.installation import Installation
from benchmarks.line_cells import (
    FAMILY,
    another_line,
    complete,
    least_visible_shift,
    make_line,
    on_the_channel,
    reference_of,
    shift,
    z_of,
)
from lots.science.defects.classify import Reference, Verdict, classify
from mes.runtime.state import PROJECT_DIR
from mes.simulator.faults import Fault
from mes.simulator.scoreboard import false_alarms, false_holds, rows, table

NAME = "detection"
SEED = 20260401
SMALL_PHASE1_PAIRS = 30  # enough to freeze every chart


# Roll pairs to make. Good cells are read one from a tray: half of the features are those of a roll, and a spread needs
# many rolls. Of two faults only some cells meet them, those on the channel and those whose rolls lay open: more pairs.
REFERENCE_PAIRS, GOOD_PAIRS, FAULTY_PAIRS = 100, 150, 7
MORE_PAIRS = {Fault.FORMATION_CHANNEL_BAD: 14, Fault.DOOR_LEFT_OPEN: 24}


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation: every run has a database of its own, which goes with it."""
    scoring = _start_scoring(size)
    yield from _classified()  # meanwhile
    yield from _detected(scoring)
    for figure in classification.figures(size, installation):
        yield Figure(
            NAME,
            *(
                getattr(figure, name)
                for name in ("case", "value", "unit", "baseline", "baseline_value", "target")
            ),
        )


def _detected(scoring: subprocess.Popen[str]) -> Iterator[Figure]:
    outcomes = _outcomes(scoring)
    _say(table(outcomes))
    for row in rows(outcomes):
        yield Figure(
            NAME,
            f"{row.fault}, {row.magnitude}, {row.runs} runs: found",
            max(row.found / row.runs, 1e-4),
            "share",
            "held before its next step",
            max(row.in_time / row.runs, 1e-4),
        )
    counted = false_holds(outcomes)
    if counted is not None:
        held, made = counted
        expected = false_alarms(outcomes)[1].expected
        yield Figure(
            NAME,
            f"false holds per 1,000 lots, {made} fault-free lots",
            max(1000 * held / made, 1e-4),
            "lots",
            "expected of limits from so few points",
            max(1000 * expected / made, 1e-4),
        )


def _start_scoring(size: Size) -> subprocess.Popen[str]:
    """`manage.py score_faults`, in a process of its own: it needs a configured Django, and databases of its own."""
    few = ["--seeds", "1", "--phase1-pairs", str(SMALL_PHASE1_PAIRS), "--faults", *map(str, FAMILY)]
    options = ["--full"] if size is Size.FULL else few
    environment = {**os.environ, "HALITE_PROFILE": "test", "SECRET_KEY": "static"}
    command = [sys.executable, "manage.py", "score_faults", "--json", *options]
    return subprocess.Popen(command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, text=True)


def _outcomes(scoring: subprocess.Popen[str]) -> list[dict[str, Any]]:
    told, _ = scoring.communicate()
    if scoring.returncode:
        raise SystemExit(f"score_faults ended with {scoring.returncode}; its reason stands above")
    outcomes: list[dict[str, Any]] = json.loads(told)
    return outcomes


def _classified() -> Iterator[Figure]:
    """Cells of the line, from their files and raw records."""
    for line, apart, sizes in (
        ("the line", nullcontext(), (1, 4)),
        ("another line", another_line(SEED), (3,)),
    ):
        seed = SEED + (10 if line == "another line" else 0)
        with apart:
            known = make_line(None, pairs=REFERENCE_PAIRS, seed=seed, cells_read=1)
            of = reference_of(complete(known.values()))
            good = list(make_line(None, pairs=GOOD_PAIRS, seed=seed + 1, cells_read=1).values())
            called = _share(verdict.defective for verdict in _judged(good, of))
            yield _figure(f"{len(good)} good cells of {line}: called defective", called, "<= 0.02")
            for times in sizes:
                size = "gross faults" if times == 1 else f"{times} times gross faults"
                yield from _scored(f"of {line}, {size}", _faulty(seed + 2, times), of)


def _faulty(seed: int, times: int) -> list[tuple[Made, Made]]:
    """Cells of each fault, each with the same cell as it is without."""
    pairs: list[tuple[Made, Made]] = []
    without: dict[int, dict[str, Made]] = {}
    for fault in Fault:
        made = MORE_PAIRS.get(fault, FAULTY_PAIRS)
        if fault is Fault.FORMATION_CHANNEL_BAD:
            faulty, same = on_the_channel(pairs=made, seed=seed, times=times)
        else:
            faulty = make_line(fault, pairs=made, seed=seed, times=times)
            same = without.setdefault(made, {}) or make_line(None, pairs=made, seed=seed)
            without[made] = same
        pairs += [(cell, same[code]) for code, cell in faulty.items() if code in same]
    return pairs


def _scored(title: str, pairs: Sequence[tuple[Made, Made]], of: Reference) -> Iterator[Figure]:
    """Only cells that the fault moved visibly count for a family; the others stand in a table of their own."""
    least = least_visible_shift(len(of.median) + 1)
    cells = {True: [cell for cell, same in pairs if shift(cell, same, of) >= least]}
    cells[False] = [cell for cell, same in pairs if shift(cell, same, of) < least]
    moved = f"a feature moved by {least:.1f} standard deviations of good cells or more"
    _confusion(f"cells {title}; {moved}", cells[True], _judged(cells[True], of))
    _confusion(f"cells {title}; no feature moved as far", cells[False], _judged(cells[False], of))
    named = [cell for cell in cells[True] if cell.truth[0] in set(FAMILY.values())]
    verdicts = _judged(named, of)
    for within, words, target in (
        (1, "first family right", ">= 0.85"),
        (2, "among the first two", ">= 0.95"),
    ):
        right = _share(
            cell.truth[0] in [one.family for one in verdict.ranked[:within]]
            for cell, verdict in zip(named, verdicts, strict=True)
        )
        yield _figure(f"{len(named)} cells {title}: {words}", right, target)


def _judged(cells: Sequence[Made], of: Reference) -> list[Verdict]:
    return [classify(z_of(cell, of)) for cell in cells]


def _confusion(title: str, cells: Sequence[Made], verdicts: Sequence[Verdict]) -> None:
    counts = Counter(
        (cell.truth[0], str(verdict.family or "good")) for cell, verdict in zip(cells, verdicts, strict=True)
    )
    columns = sorted({answer for _, answer in counts})
    _say(f"{title}: truth down, answer across")
    _say(" ".join([" " * 24, *(f"{column[:12]:>12}" for column in columns)]))
    for truth in dict.fromkeys(cell.truth[0] for cell in cells):
        _say(f"{truth:24} " + " ".join(f"{counts[truth, column]:>12}" for column in columns))


def _share(hits: Iterable[bool]) -> float:
    listed = [bool(hit) for hit in hits]
    return sum(listed) / len(listed) if listed else 0.0


def _figure(case: str, value: float, target: str) -> Figure:
    """A share beside a guess among nine families; zero stands as one in ten thousand, so that a ratio exists."""
    return Figure(NAME, case, max(value, 1e-4), "share", "a guess among nine answers", 1 / 9, target)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
