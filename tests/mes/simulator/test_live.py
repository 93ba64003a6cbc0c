"""The demo's story and the commands' arguments."""

from __future__ import annotations

import itertools
import json
from argparse import ArgumentTypeError
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from mes.demo.load import load_demo
from mes.runtime.state import StateDirectory
from mes.simulator.faults import Fault, Magnitude
from mes.simulator.live import FAULT_PAIRS, LIVE_PAIRS, drawn_faults
from mes.simulator.management.commands.score_faults import FULL_SEEDS, trials
from mes.simulator.management.commands.simulate import fault
from mes.simulator.plan import charted_lines
from tests.support.cluster import Database

CHOICES = {"faults": [Fault.UNDERFILL], "magnitudes": [Magnitude.NEAR], "seeds": 2, "campaigns": 2}


def test_live_faults_hang_on_the_seed_and_never_overlap() -> None:
    plans = drawn_faults(5)
    assert plans == drawn_faults(5) != drawn_faults(6)
    assert all(
        before.first_pair + FAULT_PAIRS < after.first_pair for before, after in itertools.pairwise(plans)
    )
    assert plans[-1].first_pair < LIVE_PAIRS
    assert {plan.magnitude for plan in plans} == {Magnitude.CLEAR, Magnitude.GROSS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gap_shift", (Fault.GAP_SHIFT, Magnitude.CLEAR)),
        ("GAP_SHIFT:gross", (Fault.GAP_SHIFT, Magnitude.GROSS)),
        ("underfill:near", (Fault.UNDERFILL, Magnitude.NEAR)),
    ],
)
def test_a_fault_is_named_with_its_size(text: str, expected: tuple[Fault, Magnitude]) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize("text", ["gap", "gap_shift:huge", ""])
def test_an_unknown_fault_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="gap_shift"):
        fault(text)


def test_the_engineer_knows_what_phase_1_of_each_chart_needs() -> None:
    lines = charted_lines()
    assert lines["coating.loading_mean_mg_cm2"].phase1_subgroups >= 20
    assert lines["coating.loading_mean_mg_cm2"].reaction == "contain"
    assert "coating.gap_um" not in lines


def test_every_campaign_gets_its_share_of_the_trials() -> None:
    orders = trials(**CHOICES, full=False, no_fault_free=False)
    assert [(o["fault"], o["campaign"], o["seed"]) for o in orders] == [
        ("underfill", 1, 1001),
        (None, 1, 1001),
        ("underfill", 2, 1002),
        (None, 2, 1002),
    ]


def test_the_full_board_is_every_fault_in_every_size() -> None:
    orders = trials(**CHOICES, full=True, no_fault_free=False)
    assert len(orders) == len(Fault) * len(Magnitude) * FULL_SEEDS + FULL_SEEDS


def test_without_the_demo_line_there_is_nothing_to_simulate(tmp_path: Path, settings: Settings) -> None:
    settings.STATE = StateDirectory(tmp_path)
    with pytest.raises(CommandError, match="load_demo"):
        call_command("simulate", pairs=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_of_one_shift_ends_with_its_summary(
    fresh_database: Database, tmp_path: Path, settings: Settings
) -> None:
    settings.STATE = StateDirectory(tmp_path)
    load_demo(state_directory=tmp_path, now=timezone.now())
    out = StringIO()
    call_command("simulate", shifts=1, seed=3, fault=[(Fault.SOLIDS_HIGH, Magnitude.GROSS)], stdout=out)
    told = json.loads(out.getvalue())
    assert told["events"]["SlurryMade"] >= 4
    assert told["readings"] > 100
    # The faulty batch of the middle pair comes near the end of the shift.
    (truth,) = told["truth"]
    assert truth["fault"] == "solids_high"
    assert set(told["held_lots"]) == set(truth["affected_lots"]) != set()
