"""The arithmetic of the scoreboard on constructed inputs, and one fault scored end to end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lots.steps import STEPS
from mes.simulator.evidence import characteristic_of
from mes.simulator.management.commands.score_faults import _adder, saved
from mes.simulator.score import (
    ChartPoints,
    SeenDefect,
    SeenSignal,
    delay_in_lots,
    detect,
    episodes,
    metres_until,
    poisson_interval,
    sampled_unit,
)
from mes.simulator.scoreboard import false_alarms, false_holds, rows, table
from mes.simulator.truth import TruthRecord

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
ROLLS = tuple(f"S-RC-{n:04d}" for n in range(1, 6))


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def truth(**fields: object) -> TruthRecord:
    known: dict[str, object] = {
        "fault": "gap_shift",
        "magnitude": "clear",
        "started_at": at(2),
        "first_affected_lot": ROLLS[2],
        "affected_lots": ROLLS[2:],
        "descendant_lots": ("S-DC-0003-1", "S-CL-0003-1-1", "S-CL-0003-1-1-01", "S-CL-0003-1-1-02"),
        "affected_intervals_mm": tuple((lot, 0, 240_000) for lot in ROLLS[2:]),
        "expected_step": "coating",
        "expected_characteristics": ("coating.loading_mean_mg_cm2",),
        "statistic": "each roll",
        "sigma": 0.05,
        "shift_in_sigma": 3.0,
    }
    return TruthRecord(**(known | fields))  # type: ignore[arg-type]


def signal(sequence: int, **fields: object) -> SeenSignal:
    known: dict[str, object] = {
        "chart": 7,
        "characteristic": "coating.loading_mean_mg_cm2",
        "rule": "beyond_limits",
        "panel": "location",
        "sequence": sequence,
        "measured_at": at(sequence - 30),
        "reaction": "contain",
    }
    return SeenSignal(**(known | fields))  # type: ignore[arg-type]


# Five rolls, sequence 30 to 34; the last three are affected.
CHART = {7: ChartPoints(tuple(range(30, 35)), tuple(map(at, range(5))), tuple((lot,) for lot in ROLLS))}


def test_delay_counts_points_and_metres_from_the_first_affected_one() -> None:
    found = detect(truth(), [signal(33)], [], CHART)
    assert found is not None
    assert (found.samples, found.metres, found.lots, found.step) == (2, 480.0, (ROLLS[3],), "coating")


def test_a_signal_on_unaffected_material_detects_nothing() -> None:
    assert detect(truth(), [signal(31)], [], CHART) is None


def test_a_signal_of_an_earlier_step_detects_nothing() -> None:
    of_mixing = signal(33, characteristic="mixing.solids_pct")
    assert detect(truth(), [of_mixing], [], CHART) is None
    assert detect(truth(expected_step="mixing"), [of_mixing], [], CHART) is not None


def test_a_signal_on_a_point_from_before_the_run_detects_nothing() -> None:
    assert detect(truth(), [signal(29)], [], CHART) is None


@pytest.mark.parametrize("step", [step.code for step in STEPS])
def test_every_step_has_its_place_before_or_after_the_fault(step: str) -> None:
    found = detect(truth(), [signal(33, characteristic=f"{step}.anything")], [], CHART)
    assert (found is not None) == (step not in {"mixing", "slurry_release", "collector_prep"})


def test_a_fault_that_met_no_lot_is_not_detected() -> None:
    assert detect(truth(started_at=None, affected_lots=()), [signal(33)], [], CHART) is None


def test_of_two_at_one_instant_the_one_that_holds_counts() -> None:
    alert = signal(33, reaction="alert", rule="run_one_side")
    found = detect(truth(), [alert, signal(33)], [], CHART)
    assert found is not None and found.by == "beyond_limits"


def test_a_defect_before_the_signal_is_the_detection() -> None:
    defect = SeenDefect(ROLLS[2], "coating.areal_loading_mg_cm2", at(2))
    found = detect(truth(), [signal(33)], [defect], CHART)
    assert found is not None
    assert (found.by, found.samples, found.metres) == ("out_of_specification", 1, 240.0)


def test_a_zones_signal_counts_from_the_start_of_the_fault() -> None:
    zone = {9: ChartPoints((0, 1, 2, 3), tuple(map(at, range(4))), ((), (), (), ()))}
    frost = truth(expected_characteristics=("dry_room.frost_point_c",), affected_intervals_mm=())
    early = signal(1, chart=9, characteristic="dry_room.frost_point_c", measured_at=at(1))
    late = signal(3, chart=9, characteristic="dry_room.frost_point_c", measured_at=at(3))
    found = detect(frost, [early, late], [], zone)
    assert found is not None
    assert (found.samples, found.metres) == (2, None)


def test_cells_of_a_tray_are_one_sample() -> None:
    assert sampled_unit("S-CL-0003-1-1-02") == "S-CL-0003-1-1"
    assert sampled_unit("S-DC-0003-1") == "S-DC-0003-1"
    assert delay_in_lots(truth(), "S-CL-0003-1-1-02") == 1
    assert delay_in_lots(truth(), ROLLS[4]) == 3


def test_metres_are_of_rolls_only() -> None:
    assert metres_until(truth(affected_intervals_mm=()), [ROLLS[3]]) is None
    assert metres_until(truth(), ["S-CL-0004-1-1-05"]) == 480.0


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood (1936), as tabulated for 95 %.
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)],
)
def test_poisson_interval_is_garwoods(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_consecutive_signals_are_one_episode() -> None:
    again = [signal(40), signal(41), signal(42), signal(45)]
    assert episodes([*again, signal(41, rule="run_one_side")]) == 3


def test_a_defects_characteristic_is_found_by_name_and_kind_of_lot() -> None:
    assert characteristic_of("S-SC-0001", "Solids content 66.41 % is above USL 66 %") == "mixing.solids_pct"
    assert (
        characteristic_of("S-RC-0001", "Solids content at the coater 66.4 % is above USL")
        == "coating.solids_pct"
    )


def outcome(fault: str | None, seed: int, **fields: object) -> dict[str, object]:
    known: dict[str, object] = {
        "trial": {"fault": fault, "magnitude": "clear", "seed": seed},
        "seconds": 1.0,
        "detection": None,
        "held_in_time": False,
        "held_at_all": False,
        "signals": {},
        "signal_holds": 0,
        "expected": {},
    }
    return known | fields


def test_the_board_counts_runs_and_takes_medians_of_those_that_found_it() -> None:
    seen = {"characteristic": "coating.loading_mean_mg_cm2", "samples": 1, "metres": 240.0}
    later = seen | {"samples": 3, "metres": 720.0}
    board = rows(
        [
            outcome("gap_shift", 1, detection=seen, held_in_time=True, held_at_all=True),
            outcome("gap_shift", 2, detection=later, held_at_all=True),
            outcome("gap_shift", 3),
        ]
    )
    assert len(board) == 1
    row = board[0]
    assert (row.runs, row.found, row.samples, row.metres, row.in_time, row.held) == (3, 2, 2, 480.0, 1, 2)


def test_false_alarms_are_judged_by_the_poisson_interval_of_what_was_seen() -> None:
    expected = {"a.b": (100, 1.2, 1.2), "c.d": (100, 0.4, 0.0)}
    free = [outcome(None, n, signals={"c.d": 6}, signal_holds=1, expected=expected) for n in (1, 2)]
    by_code, holds = false_alarms(free)
    assert [(line.characteristic, line.points, line.seen, line.agrees) for line in by_code] == [
        ("a.b", 200, 0, True),
        ("c.d", 200, 12, False),
    ]
    assert (holds.points, holds.seen, holds.expected, holds.agrees) == (200, 2, 2.4, True)
    assert "more than expected" in table(free)
    assert false_holds(free) is None  # these runs did not count their lots
    counted = [one | {"lots": 250, "held_lots": number} for number, one in enumerate(free)]
    assert false_holds(counted) == (1, 500)
    assert "2.0 per 1,000 lots" in table(counted)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_gross_fault_is_found_and_held_at_its_own_step(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    said = StringIO()
    wanted = {
        "faults": ["solids_high"],
        "magnitudes": ["gross"],
        "no_fault_free": True,
        "phase1_pairs": 2,  # a gross fault is out of specification: no frozen chart is needed to find it
        "jobs": 1,
        "out": file,
        "stderr": said,
    }
    out = StringIO()
    call_command("score_faults", json=True, stdout=out, **wanted)
    (found,) = json.loads(out.getvalue())
    assert found["step"] == "mixing"
    assert (found["detection"]["samples"], found["held_in_time"]) == (1, True)

    # What is in the file is not run again, and can be shown.
    assert [json.loads(line) for line in file.read_text().splitlines()] == [found]
    lines = said.getvalue()
    again, shown = StringIO(), StringIO()
    call_command("score_faults", stdout=again, **wanted)
    call_command("score_faults", show=file, stdout=shown)
    assert said.getvalue() == lines and "solids_high" in again.getvalue()
    assert shown.getvalue() == again.getvalue()


def test_saved_outcomes_survive_a_crash_in_the_middle_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    whole = outcome("underfill", 1001)
    file.write_text(json.dumps(whole) + "\n" + json.dumps(whole)[:40])
    assert saved(file) == [whole]
    _adder(file)(whole)
    assert saved(file) == [whole, whole]
    file.write_text("no outcome\n")
    with pytest.raises(CommandError, match=r"runs\.jsonl"):
        saved(file)
