"""`manage.py score_faults`: which faults the control plan finds, how soon, and what it costs in false alarms."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from json import JSONDecodeError, dumps, loads
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mes.runtime.child import Child
from mes.runtime.postgres import EmbeddedPostgres
from mes.runtime.processes import in_child
from mes.runtime.state import PROJECT_DIR, StateDirectory
from mes.simulator.faults import Fault, Magnitude
from mes.simulator.scoreboard import table
from mes.simulator.trial import PHASE1_PAIRS

FULL_SEEDS, FULL_CAMPAIGNS = 20, 4
FIRST_SEED = 1001  # the seeds of phase 1 campaigns are 1, 2, 3 …


Say = Callable[[str], Any]
Keep = Callable[[dict[str, Any]], Any]


class ScoringFailed(Exception):
    """A worker ended without an answer; the message is its last words."""


class Command(BaseCommand):
    help = "Runs faults of known size on a temporary database and scores what Halite finds against the declared truth."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seeds", type=int, default=1, help="runs of each fault and magnitude (default 1)"
        )
        parser.add_argument("--faults", nargs="+", type=Fault, default=list(Fault), metavar="NAME")
        parser.add_argument(
            "--magnitudes", nargs="+", type=Magnitude, default=[Magnitude.CLEAR], metavar="near|clear|gross"
        )
        parser.add_argument(
            "--campaigns",
            type=int,
            default=1,
            help="phase 1 campaigns that the runs begin from in turn (default 1)",
        )
        parser.add_argument(
            "--phase1-pairs",
            type=int,
            default=PHASE1_PAIRS,
            help=f"roll pairs of a campaign (default {PHASE1_PAIRS}: enough to freeze every chart)",
        )
        parser.add_argument("--no-fault-free", action="store_true", help="leave the fault-free runs out")
        parser.add_argument(
            "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
        )
        parser.add_argument(
            "--full",
            action="store_true",
            help=f"everything, {FULL_SEEDS} seeds, {FULL_CAMPAIGNS} campaigns",
        )
        parser.add_argument("--json", action="store_true", help="outcomes as JSON instead of the table")
        parser.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help="add every outcome to FILE (JSON lines) as soon as it is there; runs that are in it are not repeated",
        )
        parser.add_argument(
            "--show", type=Path, metavar="FILE", help="only print the table of the outcomes in FILE"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["show"]:
            self._print(saved(options["show"]), **options)
            return
        earlier = saved(options["out"]) if options["out"] and options["out"].exists() else []
        done = {_identity(outcome["trial"]) for outcome in earlier}
        orders = [order for order in trials(**options) if _identity(order) not in done]
        if not orders:
            self._print(earlier, **options)
            return
        # Told to end, leave in order: the database goes, too.
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            outcomes = score(
                orders,
                jobs=options["jobs"],
                phase1_pairs=options["phase1_pairs"],
                say=self.stderr.write,
                keep=_adder(options["out"]),
            )
        except ScoringFailed as error:
            raise CommandError(str(error)) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        self._print([*earlier, *outcomes], **options)

    def _print(self, outcomes: Sequence[dict[str, Any]], *, json: bool, **_: Any) -> None:
        self.stdout.write(dumps(outcomes, indent=2) if json else table(outcomes))


def saved(file: Path) -> list[dict[str, Any]]:
    """The outcomes in a file that `--out` wrote. A last line cut off by a crash is no outcome. Raises CommandError."""
    try:
        text = file.read_text()
        return [loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    except (OSError, JSONDecodeError) as error:
        raise CommandError(f"{file} cannot be read as outcomes: {error}") from None


def _adder(file: Path | None) -> Keep:
    """What adds an outcome to the file; nothing without a file. A line cut off by a crash goes first."""
    if file is not None and file.exists():
        text = file.read_text()
        file.write_text(text[: text.rfind("\n") + 1])

    def add(outcome: dict[str, Any]) -> None:
        if file is not None:
            with file.open("a") as lines:
                lines.write(dumps(outcome) + "\n")

    return add


def _identity(trial: dict[str, Any]) -> tuple[str | None, str, int]:
    return trial["fault"], trial["magnitude"], trial["seed"]


def trials(
    *,
    faults: Sequence[Fault],
    magnitudes: Sequence[Magnitude],
    seeds: int,
    campaigns: int,
    full: bool,
    no_fault_free: bool,
    **_: Any,
) -> list[dict[str, Any]]:
    """The orders for the workers; `full` overrides faults, magnitudes and seeds."""
    if full:
        faults, magnitudes, seeds, campaigns = list(Fault), list(Magnitude), FULL_SEEDS, FULL_CAMPAIGNS
    wanted: list[tuple[str | None, str]] = [
        (str(fault), str(magnitude)) for fault in faults for magnitude in magnitudes
    ]
    if not no_fault_free:
        wanted.append((None, str(Magnitude.CLEAR)))
    return [
        {
            "do": "score",
            "campaign": 1 + number % campaigns,
            "fault": fault,
            "magnitude": magnitude,
            "seed": FIRST_SEED + number,
        }
        for number in range(seeds)  # seed by seed: a run that is cut short has scored every fault alike
        for fault, magnitude in wanted
    ]


def score(
    orders: Sequence[dict[str, Any]],
    *,
    jobs: int,
    phase1_pairs: int,
    say: Say,
    keep: Keep = lambda outcome: None,
) -> list[dict[str, Any]]:
    """The outcomes in the order of the orders, on a PostgreSQL that exists only meanwhile. `keep` gets each at once."""
    with tempfile.TemporaryDirectory(prefix="halite-score-", ignore_cleanup_errors=True) as directory:
        root = Path(directory)
        root.chmod(0o711)  # the database's user passes through
        state = StateDirectory(root)
        state.logs.mkdir(parents=True)
        server = EmbeddedPostgres(state, durable=False)
        server.prepare()
        child = Child(server.service(), state.logs)
        child.start_and_wait()
        workers = [Worker(state, number) for number in range(max(1, min(jobs, len(orders))))]
        try:
            began = time.monotonic()
            campaigns = sorted({order["campaign"] for order in orders})
            prepared = _share(
                [{"do": "prepare", "campaign": number, "pairs": phase1_pairs} for number in campaigns],
                workers,
            )
            for number, answer in zip(campaigns, prepared, strict=True):
                learning = ", ".join(sorted(set(answer["still_learning"]))) or "nothing"
                say(f"phase 1 campaign {number}: still learning {learning}")
            say(f"phase 1 took {time.monotonic() - began:.0f} s")
            return _share(orders, workers, say, keep)
        finally:
            for worker in workers:
                worker.close()
            child.stop()


def _share(
    orders: Sequence[dict[str, Any]],
    workers: Sequence[Worker],
    say: Say = lambda text: None,
    keep: Keep = lambda outcome: None,
) -> list[dict[str, Any]]:
    """Give each order to the next free worker; the answers in the order of the orders."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def run(order: dict[str, Any]) -> dict[str, Any]:
        worker = free.get()
        try:
            answer = worker.ask(order)
        finally:
            free.put(worker)
        if order["do"] == "score":
            name = f"{order['fault']} {order['magnitude']}" if order["fault"] else "no fault"
            keep(answer)
            say(f"{name}, seed {order['seed']}: {answer['seconds']:.1f} s")
        return answer

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(run, orders))


class Worker:
    """A process of `mes.simulator.score_worker`."""

    def __init__(self, state: StateDirectory, number: int) -> None:
        self._log = state.logs / f"score-{number}.log"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
            "HALITE_DIR": str(state.root),
            "HALITE_PROFILE": "test",
            "HALITE_LOG_LEVEL": "ERROR",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mes.simulator.score_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=PROJECT_DIR,
                env=environment,
                preexec_fn=in_child(os.getpid(), signal.SIGTERM),
            )

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order, one answer. Raises ScoringFailed when the process ended instead."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ScoringFailed(self._last_words()) from None
        text = self._process.stdout.readline()
        if not text:
            raise ScoringFailed(self._last_words())
        answer: dict[str, Any] = loads(text)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):  # it ended before it took what was last written
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "a scoring process ended without a word"
