"""One scored run on a database of its own, and the phase 1 that all runs begin from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from mes import pipeline
from mes.demo.credentials import DEMO_PASSWORD
from mes.simulator.doors import WsgiDoor
from mes.simulator.evidence import Evidence
from mes.simulator.faults import SIGNATURES, Fault, FaultPlan, Magnitude
from mes.simulator.live import Line, Site
from mes.simulator.score import Detection, SeenSignal, detect, episodes

CELL_STEPS = {"stacking", "filling", "formation", "acceptance"}
# More than the plan's least of 25 rolls and 20 trays: limits from few points alarm two to three times as often.
# Cells are made of the later half of the pairs; trays are two a pair.
PHASE1_PAIRS = 45
CLEAN_PAIRS = 1
# Pairs under the fault before a run counts as not detected, by where the fault shows.
ROLL_PAIRS, ZONE_PAIRS, CELL_PAIRS = 4, 8, 4
FAULT_FREE_PAIRS, FAULT_FREE_CELL_PAIRS = 8, 3


@dataclass(frozen=True)
class Trial:
    """A run with one fault, or with none (`fault` is None)."""

    seed: int
    fault: Fault | None = None
    magnitude: Magnitude = Magnitude.CLEAR


@dataclass(frozen=True)
class Outcome:
    """What a trial showed. For a fault-free one the alarms are false; the expectations are by characteristic."""

    trial: Trial
    seconds: float
    affected_lots: int
    detection: Detection | None
    held_in_time: bool
    held_at_all: bool
    signals: Mapping[str, int]
    signal_holds: int
    expected: Mapping[str, tuple[int, float, float]]  # points, signals, holds
    lots: int = 0  # made by the run, and held for themselves
    held_lots: int = 0


def site_in_process(keys: dict[str, str]) -> Site:
    """The site of this process's database; charts are evaluated between the events."""
    return Site(WsgiDoor(), keys, DEMO_PASSWORD, _evaluate)


def _evaluate() -> None:
    pipeline.sweep_once(now=timezone.now())


def run_phase1(site: Site, *, seed: int, pairs: int = PHASE1_PAIRS) -> list[str]:
    """A fault-free campaign whose charts are frozen; the names of those that still learn at its end."""
    line = site.line("phase 1", seed=seed, wanted=lambda pair: 2 * pair >= pairs, pairs=pairs, freezes=False)
    line.driver.run()
    site.wait()
    line.engineer.look_at_charts()
    return [chart["characteristic"] for chart in line.engineer.charts() if chart["learning"]]


def run_trial(site: Site, trial: Trial) -> Outcome:
    """Clean pairs, then the fault, until its material is held or the pairs are made."""
    began = time.monotonic()
    evidence = Evidence(site.door, site.keys)
    evidence.begin()
    line = _line(site, trial)
    line.driver.run(until=lambda: _affected_is_held(line))
    site.wait()
    line.driver.learn_holds()
    signals = evidence.signals()
    detection, affected = None, 0
    if trial.fault is not None:
        truth = line.driver.model.truth[0]
        affected = len(truth.affected_lots)
        detection = detect(truth, signals, evidence.defects(), evidence.points())
    return Outcome(
        trial=trial,
        seconds=time.monotonic() - began,
        affected_lots=affected,
        detection=detection,
        held_in_time=detection is not None and evidence.held_in_time(detection),
        held_at_all=_affected_is_held(line),
        signals=_by_characteristic(signals),
        signal_holds=evidence.signal_holds(),
        expected=evidence.expected_alarms() if trial.fault is None else {},
        lots=line.driver.gateway.counts.lots,
        held_lots=len(line.driver.summary.held_for_itself),
    )


def _line(site: Site, trial: Trial) -> Line:
    if trial.fault is None:
        return site.line(
            "fault-free",
            seed=trial.seed,
            pairs=FAULT_FREE_PAIRS,
            wanted=lambda pair: pair < FAULT_FREE_CELL_PAIRS,
        )
    step = SIGNATURES[trial.fault].step
    of_cells = step in CELL_STEPS
    pairs = CELL_PAIRS if of_cells else ZONE_PAIRS if step == "dry_room" else ROLL_PAIRS
    return site.line(
        f"score {trial.fault}",
        seed=trial.seed,
        faults=(FaultPlan(trial.fault, trial.magnitude, first_pair=CLEAN_PAIRS),),
        wanted=lambda pair: of_cells,
        pairs=CLEAN_PAIRS + pairs,
    )


def _affected_is_held(line: Line) -> bool:
    held = line.driver.summary.held_for_itself
    return any(lot in held for record in line.driver.model.truth for lot in record.affected_lots)


def _by_characteristic(signals: list[SeenSignal]) -> dict[str, int]:
    codes = {signal.characteristic for signal in signals}
    return {code: episodes(s for s in signals if s.characteristic == code) for code in sorted(codes)}
