"""Every benchmark runs at its tiny size and says so in JSON lines. Nothing here looks at a time."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.floors import boolean_flags, packed_positions
from mes.runtime.state import PROJECT_DIR

TEXTS, NUMBERS = {"benchmark", "case", "unit", "baseline"}, {"value", "baseline_value", "ratio"}
# A benchmark configures an installation of its own.
OWN_SETTINGS = ("HALITE_", "DATABASE_", "DJANGO_", "REDIS_URL", "SECRET_KEY")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_line_is_a_figure_with_a_positive_ratio() -> None:
    finished = run("--size", "tiny")
    assert finished.returncode == 0, finished.stderr
    figures = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {figure["benchmark"] for figure in figures} == {
        *("engine", "cycler", "classification", "ingest", "trace", "hold", "pages", "pipeline"),
    }
    for figure in figures:
        assert TEXTS | NUMBERS <= figure.keys() <= TEXTS | NUMBERS | {"target"}
        assert all(isinstance(figure[field], str) and figure[field] for field in TEXTS)
        assert all(math.isfinite(figure[field]) and figure[field] > 0 for field in NUMBERS), figure
        assert figure["ratio"] == pytest.approx(figure["value"] / figure["baseline_value"], rel=1e-3)
    cases = [(figure["benchmark"], figure["case"], figure["baseline"]) for figure in figures]
    assert len(set(cases)) == len(cases)


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    finished = run("coffee")
    assert finished.returncode == 2
    assert (
        "no benchmark coffee; there are engine, cycler, classification, ingest, trace, hold, pages, pipeline,"
        " detection" in finished.stderr
    )
    assert finished.stdout == ""


@pytest.mark.parametrize("n", [16, 63, 64, 65, 1_000, 50_000])
def test_both_floors_mark_the_same_points(n: int) -> None:
    # Coarse steps, so that ties and values exactly on a zone's edge occur.
    z = np.round(np.random.default_rng(n).normal(0, 1.2, n) * 4) / 4
    plain = [np.flatnonzero(flags).tolist() for flags in boolean_flags(z)]
    assert [positions.tolist() for positions in packed_positions(z)] == plain
    assert n < 50_000 or all(plain)  # every rule occurs
