"""What the people of the line know of the control plan: how much phase 1 needs, and what a signal leads to."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLAN_FILE = Path(__file__).resolve().parents[2] / "quality" / "data" / "control_plan.csv"


@dataclass(frozen=True)
class ChartedLine:
    """A charted line of the plan; the materials of a characteristic are charted alike."""

    characteristic: str
    family: str
    phase1_subgroups: int
    reaction: str


@cache
def charted_lines() -> dict[str, ChartedLine]:
    """Characteristic → its line, as `load_demo` publishes them. Raises KeyError when the file lacks a column."""
    with PLAN_FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["characteristic"]: ChartedLine(
                row["characteristic"], row["chart_family"], int(row["phase1_subgroups"]), row["reaction"]
            )
            for row in csv.DictReader(file)
            if row["chart_family"]
        }
