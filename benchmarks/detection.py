"""What Halite finds of the simulated line's named faults, and what it calls them; the tables go to standard error.

The line runs through the public doors (`manage.py score_faults`); small: one seed of each fault, full: everything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks import classification
from benchmarks.faulty_cells import Made
from benchmarks.figures import Figure, Size
from benchmarks.installation import Installation
from benchmarks.line_cells import FAMILY, complete, make_line, reference_of, z_of
from lots.science.defects.classify import Reference, Verdict, classify
from mes.runtime.state import PROJECT_DIR
from mes.simulator.faults import Fault
from mes.simulator.scoreboard import false_alarms, false_holds, rows, table

NAME = "detection"
SEED = 20260401
REFERENCE_PAIRS, GOOD_PAIRS, FAULTY_PAIRS = 34, 50, 7
# Only some of their cells meet them: those on the channel, those whose rolls lay open at the door.
RARE_PAIRS = {Fault.FORMATION_CHANNEL_BAD: 14, Fault.DOOR_LEFT_OPEN: 24}
# A fault that is gross for the mean of a tray, and one that is clear in a single cell.
TIMES = (1, 4)


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation: every run has a database of its own, which goes with it."""
    yield from _detected(size)
    yield from _classified()
    for figure in classification.figures(size, installation):
        yield Figure(
            NAME,
            *(
                getattr(figure, name)
                for name in ("case", "value", "unit", "baseline", "baseline_value", "target")
            ),
        )


def _detected(size: Size) -> Iterator[Figure]:
    outcomes = _outcomes(["--full"] if size is Size.FULL else ["--seeds", "1"])
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


def _outcomes(options: list[str]) -> list[dict[str, Any]]:
    """Of `manage.py score_faults`, in a process of its own: it needs a configured Django, and databases of its own."""
    environment = {**os.environ, "HALITE_PROFILE": "test", "SECRET_KEY": "static"}
    command = [sys.executable, "manage.py", "score_faults", "--json", *options]
    done = subprocess.run(
        command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return outcomes


def _classified() -> Iterator[Figure]:
    """Cells of the line, from their files and raw records."""
    of = reference_of(complete(make_line(None, pairs=REFERENCE_PAIRS, seed=SEED)))
    good = complete(make_line(None, pairs=GOOD_PAIRS, seed=SEED + 1))
    called = _share(verdict.defective for verdict in _judged(good, of))
    yield _figure(f"{len(good)} good cells of the line: called defective", called, "<= 0.02")
    for times in TIMES:
        cells: list[Made] = []
        for fault in Fault:
            pairs = RARE_PAIRS.get(fault, FAULTY_PAIRS)
            cells += complete(make_line(fault, pairs=pairs, seed=SEED + 2, times=times))
        verdicts = _judged(cells, of)
        size = "gross faults" if times == 1 else f"{times} times gross faults"
        _confusion(f"cells of the line, {size}", cells, verdicts)
        named = [
            (cell, verdict)
            for cell, verdict in zip(cells, verdicts, strict=True)
            if cell.truth[0] in set(FAMILY.values())
        ]
        for within, words in ((1, "first family right"), (2, "among the first two")):
            right = _share(
                cell.truth[0] in [one.family for one in verdict.ranked[:within]] for cell, verdict in named
            )
            yield _figure(f"{len(named)} cells of the line, {size}: {words}", right, "")


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
