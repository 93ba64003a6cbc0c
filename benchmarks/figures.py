"""What a benchmark says: one figure a line, each beside a baseline that was measured in the same run."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Size(StrEnum):
    TINY = "tiny"  # only to see that everything runs: such figures say nothing
    SMALL = "small"
    FULL = "full"
    HUGE = "huge"  # trace and hold only: ten million links


@dataclass(frozen=True)
class Figure:
    """`value` and `baseline_value` are in `unit`. `target` is what DESIGN asks for, in words; nothing asserts it."""

    benchmark: str
    case: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    target: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.baseline_value

    def line(self) -> str:
        """The figure as one line of JSON, numbers with five significant digits."""
        content: dict[str, str | float] = {
            "benchmark": self.benchmark,
            "case": self.case,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": self.baseline,
            "baseline_value": _rounded(self.baseline_value),
            "ratio": _rounded(self.ratio),
        }
        if self.target:
            content["target"] = self.target
        return json.dumps(content, ensure_ascii=False)


def _rounded(number: float) -> float:
    return float(f"{number:.5g}")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best_of(*works: Callable[[], object], rounds: int) -> list[float]:
    """The shortest wall time in seconds of each, called in turn so that a busy moment hits all alike."""
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def median_of(*works: Callable[[], object], rounds: int) -> list[float]:
    """The median wall time in seconds of each, called in turn."""
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def p50_p95(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [50, 95])
    return float(low), float(high)
