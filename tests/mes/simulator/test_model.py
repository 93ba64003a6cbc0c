from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest

from lots.steps import CHARACTERISTICS, DERIVATIONS
from lots.steps.base import PositionKind, SubjectKind
from mes.simulator.catalogue import CATALOGUE
from mes.simulator.electrodes import MD_PHI, MD_SD
from mes.simulator.events import CellLotFilled, CellLotStacked, LineEvent, ReadingOut, RollCoated
from mes.simulator.faults import Fault, FaultPlan
from mes.simulator.model import LineModel, NotAnswered
from mes.simulator.plant import demo_plant
from mes.simulator.streams import Streams, ar1
from tests.mes.simulator.observed import START, all_readings, run


def test_same_seed_gives_the_same_run_and_another_seed_another(short_run: tuple[LineEvent, ...]) -> None:
    assert run(6, seed=5)[1] == short_run
    assert run(6, seed=6)[1] != short_run


def test_events_come_in_time_order_and_report_only_the_past(short_run: tuple[LineEvent, ...]) -> None:
    assert all(a.at <= b.at for a, b in pairwise(short_run))
    assert [e.sequence for e in short_run] == sorted(e.sequence for e in short_run)
    for event in short_run:
        assert event.started_at <= event.at
        assert all(r.measured_at <= event.at for _, r in all_readings(event))


def test_readings_speak_the_declared_language_of_every_step(short_run: tuple[LineEvent, ...]) -> None:
    derived = {d.output for d in DERIVATIONS}
    assert set(CATALOGUE) == set(CHARACTERISTICS) - derived
    seen: dict[str, ReadingOut] = {}
    for event in short_run:
        for _, r in all_readings(event):
            declared = CHARACTERISTICS[r.code]
            assert r.unit == declared.unit
            assert (r.position is None) == (declared.position is PositionKind.NONE)
            assert (r.sample_size is None) == (declared.data_type != "proportion")
            seen[r.code] = r
    assert set(seen) == set(CATALOGUE)


def test_zone_characteristics_are_reported_by_zones_alone(short_run: tuple[LineEvent, ...]) -> None:
    for event in short_run:
        for subject, r in all_readings(event):
            is_zone = CHARACTERISTICS[r.code].subject is SubjectKind.ZONE
            assert is_zone == (subject in demo_plant().zones)


def test_every_code_used_is_a_master_of_the_plant(short_run: tuple[LineEvent, ...]) -> None:
    plant = demo_plant()
    gauges, equipment = {g.code for g in plant.gauges}, {e.code for e in plant.equipment}
    operators = {o.username for o in plant.operators}
    for event in short_run:
        assert event.equipment is None or event.equipment in equipment
        assert event.operator in operators
        assert all(r.gauge in gauges for _, r in all_readings(event))
        assert all(getattr(c, "channel", None) in equipment | {None} for c in getattr(event, "cells", ()))


def test_operators_work_in_their_shift() -> None:
    plant = demo_plant()
    assert plant.operator_at(datetime.fromisoformat("2026-01-05T05:59+00:00"), "coating") == "op.goran"
    assert plant.operator_at(datetime.fromisoformat("2026-01-05T06:00+00:00"), "coating") == "op.ana"
    assert plant.operator_at(datetime.fromisoformat("2026-01-05T14:00+00:00"), "coating") == "op.dina"


def test_cells_take_disjoint_intervals_inside_their_rolls() -> None:
    model = LineModel(3, START, pairs=2, cell_lots_per_slit_roll=3)
    taken: dict[str, list[tuple[int, int]]] = {}
    for event in model.undisturbed():
        if isinstance(event, CellLotStacked):
            for c in event.cells:
                taken.setdefault(c.cathode_roll, []).append((c.cathode_from_mm, c.cathode_to_mm))
                taken.setdefault(c.anode_roll, []).append((c.anode_from_mm, c.anode_to_mm))
    assert {len(spans) for spans in taken.values()} == {36}
    for spans in taken.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans)))
        assert max(spans)[1] <= 240_000


def test_next_event_waits_for_the_answer() -> None:
    model = LineModel(1, START, pairs=1)
    event = model.next_event()
    assert event is not None
    with pytest.raises(NotAnswered):
        model.next_event()
    model.confirm(event)
    with pytest.raises(NotAnswered):
        model.confirm(event)


def run_refusing(codes: set[str], pairs: int = 3) -> list[LineEvent]:
    """A run in which the first event of the given lots is refused."""
    model = LineModel(5, START, pairs=pairs)
    happened = []
    while (event := model.next_event()) is not None:
        if event.lot_code in codes:
            model.refuse(event)
        else:
            model.confirm(event)
            happened.append(event)
    return happened


def test_tray_that_was_refused_is_tried_again_under_another_code() -> None:
    """What refuses a tray may do so after it was made, and a code is never used twice."""
    codes = [e.lot_code for e in run_refusing(set()) if isinstance(e, CellLotStacked)]
    refused = run_refusing({codes[0]})
    again = [e.lot_code for e in refused if isinstance(e, CellLotStacked)]
    assert codes[0] == "SIM-CL-0001-1-1" and "SIM-CL-0001-1-2" in again
    assert codes[0] not in again and len(set(again)) == len(again)


def test_refused_roll_leaves_the_flow_and_the_line_goes_on() -> None:
    happened = run_refusing({"SIM-RC-0001"})
    assert not [e for e in happened if "-RC-0001" in e.lot_code or "-DC-0001" in e.lot_code]
    stacked = [e for e in happened if isinstance(e, CellLotStacked)]
    # Two pairs of cathode rolls are left; the waiting anode of pair 1 is used with the cathode of pair 2.
    assert len(stacked) == 4
    assert stacked[0].cells[0].cathode_roll == "SIM-DC-0002-1"
    assert stacked[0].cells[0].anode_roll == "SIM-DA-0001-1"


def test_refused_lot_does_not_change_the_noise_of_others() -> None:
    def coated(events: list[LineEvent] | tuple[LineEvent, ...]) -> dict[str, tuple[ReadingOut, ...]]:
        return {e.lot_code: e.readings for e in events if isinstance(e, RollCoated)}

    undisturbed, disturbed = coated(run(3, seed=5)[1]), coated(run_refusing({"SIM-RC-0001"}))
    assert disturbed == {code: r for code, r in undisturbed.items() if code != "SIM-RC-0001"}


def test_dropped_slurry_takes_everything_made_from_it_out_of_the_flow() -> None:
    model = LineModel(5, START, pairs=2)
    after: list[LineEvent] = []
    dropped = False
    while (event := model.next_event()) is not None:
        model.confirm(event)
        if dropped:
            after.append(event)
        if event.lot_code == "SIM-CL-0001-1-1" and event.step == "stacking":
            model.drop("SIM-SC-0001")
            dropped = True
    codes = {e.lot_code for e in after if e.step not in ("dry_room",)}
    assert not any("C-0001" in code or "CL-0001" in code for code in codes)
    assert "SIM-CL-0002-1-1" in codes


def test_dropped_cell_is_left_out_and_its_neighbours_go_on() -> None:
    model = LineModel(5, START, pairs=1)
    reported: dict[str, set[str]] = {}
    while (event := model.next_event()) is not None:
        model.confirm(event)
        reported.setdefault(event.step, set()).update(c.cell_code for c in getattr(event, "cells", ()))
        if isinstance(event, CellLotFilled) and event.lot_code == "SIM-CL-0001-1-1":
            model.drop("SIM-CL-0001-1-1-03")
    assert reported["filling"] - reported["formation"] == {"SIM-CL-0001-1-1-03"}
    assert len(reported["acceptance"]) == 23


def test_truth_is_empty_until_the_fault_meets_a_lot() -> None:
    model = LineModel(1, START, (FaultPlan(Fault.UNDERFILL, first_pair=0),), pairs=1)
    assert model.truth[0].first_affected_lot is None
    list(model.undisturbed())
    assert model.truth[0].first_affected_lot == "SIM-CL-0001-1-1"


def test_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        LineModel(1, datetime(2026, 1, 5))  # noqa: DTZ001


def test_loading_along_a_roll_is_autocorrelated() -> None:
    series = ar1(Streams(1).of("test").standard_normal(20_000), MD_PHI, MD_SD, 0.0)
    assert series.std() == pytest.approx(MD_SD, rel=0.05)
    centred = series - series.mean()
    assert (centred[1:] * centred[:-1]).mean() / centred.var() == pytest.approx(MD_PHI, abs=0.03)
