"""The safety laboratory of the demo: the first accepted tray of a run is tested against every criterion that has no
result yet, and the bench's log goes along.

The values are drawn from a generator of the laboratory's own, so that the line's readings stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mes.simulator.doors import Door, UnexpectedAnswer
from mes.simulator.events import CellLotAccepted, LineEvent
from mes.simulator.people import PROCESS_ENGINEER
from mes.simulator.refusals import NOT_NOW

PRODUCT = "SIB-20"
LOGGED = 60  # samples of the log that goes along
# Our assumption: the tests end so far on the good side of their limit, relative to it, with this spread.
MARGIN, SPREAD = 0.02, 0.004


@dataclass
class SafetyLaboratory:
    """Tests cells for the process engineer, through the API."""

    door: Door
    keys: Mapping[str, str]
    seed: int
    held: Mapping[str, str]
    done: bool = False

    def after(self, event: LineEvent) -> None:
        """Look at what has just happened."""
        if not self.done and isinstance(event, CellLotAccepted):
            self.test([cell.cell_code for cell in event.cells if cell.cell_code not in self.held])

    def test(self, cells: list[str]) -> int:
        """Test one cell for each criterion without a result; how many were tested."""
        chain = self.door.get(f"/products/{PRODUCT}/safety", key=self._key)
        open_ones = [one for one in chain.body["criteria"] if not one["results"]] if chain.ok else []
        for criterion, cell in zip(open_ones, cells, strict=False):
            self._bring(criterion, cell)
        self.done = len(cells) >= len(open_ones)
        return min(len(open_ones), len(cells))

    def _bring(self, criterion: dict[str, Any], cell: str) -> None:
        rng = np.random.default_rng([self.seed, sum(criterion["code"].encode())])
        limit, better = float(criterion["limit"]), -1 if criterion["operator"] == "<=" else 1
        trace = limit * (1 + better * (MARGIN + SPREAD * np.abs(rng.standard_normal(LOGGED))))
        worst = trace.max() if better < 0 else trace.min()
        log = "sample,value_" + criterion["unit"] + "\n"
        log += "".join(f"{number},{value:.6f}\n" for number, value in enumerate(trace))
        answer = self.door.send_file(
            f"/lots/{cell}/safety",
            f"# simulated\n{log}".encode(),
            key=self._key,
            criterion=criterion["code"],
            value=f"{worst:.6f}",
            raw_name=f"{criterion['code']}-{cell}.csv",
        )
        if not answer.ok and answer.status not in NOT_NOW:
            raise UnexpectedAnswer(f"safety test {criterion['code']}: {answer.status} {answer.body}")

    @property
    def _key(self) -> str:
        return self.keys[PROCESS_ENGINEER]
