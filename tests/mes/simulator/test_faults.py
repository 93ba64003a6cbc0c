"""Each fault at each magnitude shifts the statistic that it declares, by what it declares, and nothing upstream."""

from __future__ import annotations

import numpy as np
import pytest

from mes.simulator.events import LineEvent
from mes.simulator.faults import SIGNATURES, Fault, FaultPlan, Magnitude
from tests.mes.simulator.observed import Observed, all_readings, run

pytestmark = pytest.mark.slow  # many simulated runs: statistics, not behaviour

PAIRS = 6
ROUTE = (
    "",
    "mixing",
    "coating",
    "drying",
    "calendering",
    "slitting",
    "dry_room",
    "stacking",
    "filling",
    "formation",
)
# The step at which the mechanism acts, where it is not the step that shows it.
MECHANISM = {Fault.WETTING_POOR: "filling"}


@pytest.mark.parametrize("fault", Fault)
def test_declared_sigma_is_what_an_undisturbed_line_shows(fault: Fault, long_run: Observed) -> None:
    statistic = long_run.charted(fault)
    # 60 to 5,000 values; the frost point is autocorrelated, so it holds fewer independent ones.
    assert np.std(statistic, ddof=1) == pytest.approx(SIGNATURES[fault].sigma, rel=0.18)


@pytest.mark.parametrize("magnitude", Magnitude)
@pytest.mark.parametrize("fault", Fault)
def test_fault_shifts_its_statistic_as_declared(
    fault: Fault, magnitude: Magnitude, short_run: tuple[LineEvent, ...]
) -> None:
    plan = FaultPlan(fault, magnitude, first_pair=0)
    model, events = run(PAIRS, seed=5, faults=(plan,))
    difference = Observed(events).charted(fault) - Observed(short_run).charted(fault)
    if fault in (Fault.DOOR_LEFT_OPEN, Fault.SENSOR_DRIFT):
        # These begin when the first container is due, and the drift takes two hours to grow.
        difference = difference[difference.size // 2 :]
    shift = difference.mean() / SIGNATURES[fault].sigma
    assert shift == pytest.approx(plan.sigmas, rel=0.12)
    assert model.truth[0].shift_in_sigma == plan.sigmas


@pytest.mark.parametrize("fault", Fault)
def test_fault_leaves_everything_upstream_untouched(fault: Fault, short_run: tuple[LineEvent, ...]) -> None:
    _, events = run(PAIRS, seed=5, faults=(FaultPlan(fault, Magnitude.GROSS, first_pair=2),))
    mechanism = MECHANISM.get(fault, SIGNATURES[fault].step)
    upstream = ROUTE[: ROUTE.index(mechanism)]

    def of(run_events: tuple[LineEvent, ...]) -> list[tuple[str, object]]:
        return [pair for e in run_events if e.step in upstream for pair in all_readings(e)]

    assert of(events) == of(short_run)


@pytest.mark.parametrize("fault", Fault)
def test_truth_names_the_first_affected_lot_and_no_lot_before_the_fault(fault: Fault) -> None:
    model, _ = run(PAIRS, seed=5, faults=(FaultPlan(fault, Magnitude.CLEAR, first_pair=2),))
    (truth,) = model.truth
    assert truth.expected_step == SIGNATURES[fault].step
    assert truth.first_affected_lot == truth.affected_lots[0]
    assert all(int(code.split("-")[2]) >= 3 for code in truth.affected_lots)
    assert not set(truth.affected_lots) & set(truth.descendant_lots)


def test_truth_of_a_roll_fault_reaches_every_cell_made_from_it() -> None:
    model, events = run(4, seed=5, faults=(FaultPlan(Fault.GAP_SHIFT, first_pair=1, pairs=1),))
    (truth,) = model.truth
    assert truth.affected_lots == ("SIM-RC-0002",)
    assert truth.affected_intervals_mm == (("SIM-RC-0002", 0, 240_000),)
    slit = {"SIM-DC-0002-1", "SIM-DC-0002-2"}
    stacked = [e for e in events if type(e).__name__ == "CellLotStacked"]
    cells = {c.cell_code for e in stacked for c in e.cells if c.cathode_roll in slit}
    assert len(cells) == 24
    assert cells | slit <= set(truth.descendant_lots)


def test_fault_of_limited_length_ends() -> None:
    plan = FaultPlan(Fault.SOLIDS_HIGH, Magnitude.CLEAR, first_pair=1, pairs=2)
    faulty = Observed(run(5, seed=5, faults=(plan,))[1]).charted(Fault.SOLIDS_HIGH)
    clean = Observed(run(5, seed=5)[1]).charted(Fault.SOLIDS_HIGH)
    assert faulty - clean == pytest.approx([0.0, plan.shift, plan.shift, 0.0, 0.0], abs=0.011)


def test_open_door_wets_the_air_and_drifting_sensor_only_says_that_it_is_dry() -> None:
    def true_frost(fault: Fault | None) -> np.ndarray:
        plans = () if fault is None else (FaultPlan(fault, Magnitude.GROSS, first_pair=0),)
        model, _ = run(4, seed=5, faults=plans)
        noted = [v for v in model.latents if v.name == "true_frost_point_c" and v.subject == "DR-STAGING"]
        return np.array([v.value for v in noted])

    clean = true_frost(None)
    assert true_frost(Fault.DOOR_LEFT_OPEN).max() > -40.0 > clean.max()
    assert np.array_equal(true_frost(Fault.SENSOR_DRIFT), clean)


def test_poor_wetting_raises_resistance_with_the_mass_in_its_window() -> None:
    _, events = run(4, seed=5, faults=(FaultPlan(Fault.WETTING_POOR, Magnitude.GROSS, first_pair=0),))
    clean = Observed(run(4, seed=5)[1])
    faulty = Observed(events)
    assert faulty.retained() == clean.retained()
    assert (
        faulty.values("formation.resistance_mohm").mean()
        > clean.values("formation.resistance_mohm").mean() + 0.05
    )
