"""How well a run's faults were found, from what Halite shows and from the declared truth. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import scipy

from lots.steps import STEPS
from mes.simulator.truth import TruthRecord

KINDS_OF_CELLS = "CL"
ROUTE = tuple(step.code for step in STEPS)


@dataclass(frozen=True)
class ChartPoints:
    """The points of a chart since the run began, in sequence; `lots` are empty on a zone's chart."""

    sequence: tuple[int, ...]
    measured_at: tuple[datetime, ...]
    lots: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SeenSignal:
    """A signal of frozen limits, as the API shows it."""

    chart: int
    characteristic: str
    rule: str
    panel: str
    sequence: int
    measured_at: datetime
    reaction: str


@dataclass(frozen=True)
class SeenDefect:
    """A lot held for a value out of specification."""

    lot: str
    characteristic: str
    held_at: datetime


@dataclass(frozen=True)
class Detection:
    """The first thing that Halite said of a fault.

    `samples` counts points of the chart (or sampled lots, for a defect) since the fault began, the detecting one
    included. `metres` of affected roll were coated by then; None where the fault is not along a roll.
    """

    characteristic: str
    by: str
    lots: tuple[str, ...]
    samples: int
    metres: float | None

    @property
    def step(self) -> str:
        return self.characteristic.split(".")[0]


def detect(
    truth: TruthRecord,
    signals: Iterable[SeenSignal],
    defects: Iterable[SeenDefect],
    points: Mapping[int, ChartPoints],
) -> Detection | None:
    """The earliest signal or defect on affected material, or on the affected zone. None: nothing was seen.

    What a step before the fault's own says of a lot cannot come from the fault and is no detection.
    """
    if truth.started_at is None:
        return None
    affected = {*truth.affected_lots, *truth.descendant_lots}
    signals = [signal for signal in signals if _may_show(truth, signal.characteristic)]
    defects = [defect for defect in defects if _may_show(truth, defect.characteristic)]
    found: list[tuple[datetime, bool, Detection]] = []
    for signal in signals:
        shown = points[signal.chart]
        if signal.sequence not in shown.sequence:
            continue  # a point from before the run, judged anew
        lots = shown.lots[shown.sequence.index(signal.sequence)]
        hit = tuple(lot for lot in lots if lot in affected)
        of_zone = (
            not lots
            and signal.characteristic in truth.expected_characteristics
            and signal.measured_at >= truth.started_at
        )
        if not hit and not of_zone:
            continue
        samples = delay_in_points(shown, signal.sequence, affected, truth.started_at)
        detection = Detection(signal.characteristic, signal.rule, hit, samples, metres_until(truth, hit))
        found.append((signal.measured_at, signal.reaction == "alert", detection))
    for defect in defects:
        if defect.lot in affected:
            hit = (defect.lot,)
            samples = delay_in_lots(truth, defect.lot)
            detection = Detection(
                defect.characteristic, "out_of_specification", hit, samples, metres_until(truth, hit)
            )
            found.append((defect.held_at, False, detection))
    # Of two at the same instant the one that holds counts.
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def _may_show(truth: TruthRecord, characteristic: str) -> bool:
    return ROUTE.index(characteristic.split(".")[0]) >= ROUTE.index(truth.expected_step)


def delay_in_points(shown: ChartPoints, sequence: int, affected: set[str], started_at: datetime) -> int:
    """Points of the chart from the first affected one up to `sequence`, both included."""
    rows = zip(shown.sequence, shown.measured_at, shown.lots, strict=True)
    first = min(
        number
        for number, at, lots in rows
        if (any(lot in affected for lot in lots) if lots else at >= started_at)
    )
    return sum(first <= number <= sequence for number in shown.sequence)


def delay_in_lots(truth: TruthRecord, lot: str) -> int:
    """Affected lots of the defective lot's kind up to it; a tray of cells counts once."""
    wanted = sampled_unit(lot)
    kind = wanted.split("-")[1]
    units: dict[str, None] = {}
    for code in (*truth.affected_lots, *truth.descendant_lots):
        unit = sampled_unit(code)
        if unit.split("-")[1] == kind:
            units.setdefault(unit)
    return list(units).index(wanted) + 1


def sampled_unit(lot: str) -> str:
    """The lot itself; for a cell (PREFIX-CL-pair-lane-run-cell) its tray."""
    parts = lot.split("-")
    return "-".join(parts[:5]) if parts[1] == KINDS_OF_CELLS else lot


def metres_until(truth: TruthRecord, lots: Sequence[str]) -> float | None:
    """Metres of affected roll made up to the pair of the detecting lots."""
    if not truth.affected_intervals_mm or not lots:
        return None
    last = max(_pair(lot) for lot in lots)
    return sum(to - start for lot, start, to in truth.affected_intervals_mm if _pair(lot) <= last) / 1000


def _pair(lot: str) -> int:
    return int(lot.split("-")[2])


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a Poisson mean given a count (Garwood, Biometrika 28, 1936)."""
    tail = (1.0 - confidence) / 2.0
    low = float(scipy.stats.chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    return low, float(scipy.stats.chi2.isf(tail, 2 * count + 2)) / 2.0


def episodes(signals: Iterable[SeenSignal]) -> int:
    """Signals of a chart, rule and panel on consecutive points are one: a run goes on, it does not begin anew."""
    seen: dict[tuple[int, str, str], int] = {}
    count = 0
    for signal in sorted(signals, key=lambda s: (s.chart, s.sequence)):
        key = (signal.chart, signal.rule, signal.panel)
        count += seen.get(key) != signal.sequence - 1
        seen[key] = signal.sequence
    return count
