"""Published packages at the engine's own task: `pip install -r benchmarks/requirements.txt` brings them in.

Each is called as its documentation says, with every rule that it has. What is not installed is left out, and said.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Package:
    """One chart of one package: `draw` takes the module and the readings.

    `most`: points it is given; beyond that it takes minutes.
    """

    name: str
    rules: str
    draw: Callable[[Any, FloatArray], object]
    most: int

    @property
    def has_all_eight(self) -> bool:
        return self.rules == "eight rules"

    def work(self, readings: FloatArray) -> Callable[[], object] | None:
        """What is to be timed; None where the package is not installed or needs too long for so many points."""
        if len(readings) > self.most:
            return None
        if importlib.util.find_spec(self.name) is None:
            print(f"engine: {self.name} is not installed (benchmarks/requirements.txt)", file=sys.stderr)
            return None
        module = importlib.import_module(self.name)

        def work() -> object:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.draw(module, readings)

        return work


def _xmr(statprocon: Any, readings: FloatArray) -> object:
    shown = statprocon.XmR(counts=readings.tolist())
    return (
        shown.rule_1_x_indices_beyond_limits(),
        shown.rule_1_mr_indices_beyond_limits(),
        shown.rule_2_runs_about_central_line(),
        shown.rule_3_runs_near_limits(),
    )


def _tidy_xbar_r(shewhart: Any, readings: FloatArray) -> object:
    n, k = readings.shape
    table = pd.DataFrame({"value": readings.ravel(), "subgroup": np.repeat(np.arange(n), k)})
    return shewhart.xbar_r(table, value="value", subgroup="subgroup", rules="nelson")


INDIVIDUALS = (
    Package("pccpy", "eight rules", lambda pccpy, x: pccpy.imr_chart(x, tests="all"), 1_000_000),
    Package("shewhart", "eight rules", lambda shewhart, x: shewhart.imr(x, rules="nelson"), 1_000_000),
    Package("statprocon", "three rules", _xmr, 1_000_000),
)
MEAN_AND_RANGE = (
    Package("pccpy", "eight rules", lambda pccpy, x: pccpy.xbar_r_chart(x, tests="all"), 1_000_000),
    # It searches the table once a subgroup: minutes at 100,000.
    Package("shewhart", "eight rules", _tidy_xbar_r, 10_000),
)
