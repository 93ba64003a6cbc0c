from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lots.science.formation.compliance import (
    Compliance,
    Consequence,
    Rule,
    check_compliance,
)
from lots.science.formation.protocol import changed_elements
from lots.science.formation.records import CyclerRecords
from lots.science.formation.resistance import StepResistance
from lots.science.formation.segments import step_table
from lots.science.formation.spread import spread_holds_lot
from lots.steps.formation_protocols import HANDBOOK, protocol, protocol_of_recipe
from tests.support.cycling import Part, records


def handbook_run(factor: float = 1.0, top_v: float = 3.8) -> list[Part]:
    """The handbook's four cycles for a cell of 20 Ah."""
    parts = [Part(0.0, 180, 1.2, 1.2, 1, 60)]
    for cycle, rate in enumerate((0.05, 0.1, 0.1, 0.2), start=1):
        current = 20.0 * rate * (factor if cycle == 2 else 1.0)
        parts += [
            Part(current, 60 / rate, 2.0, top_v if cycle == 3 else 3.8, cycle, 60),
            Part(0.0, 30, 3.7, 3.7, cycle, 60),
            Part(-current, 55 / rate, 3.6, 2.2, cycle, 60),
            Part(0.0, 30, 2.4, 2.4, cycle, 60),
        ]
    return parts


def findings(test: CyclerRecords, **options: object) -> list[tuple[Rule, Consequence, int | None]]:
    found = check_compliance(test, step_table(test), HANDBOOK, nominal_capacity_ah=20.0, **options)  # type: ignore[arg-type]
    return [(one.rule, one.consequence, one.cycle) for one in found.findings]


def at_30_c(test: CyclerRecords) -> CyclerRecords:
    return dataclasses.replace(test, temperature_c=np.full(test.size, 30.0))


def judged(test: CyclerRecords, *, nominal_ah: float | None = 20.0) -> Compliance:
    return check_compliance(test, step_table(test), HANDBOOK, nominal_capacity_ah=nominal_ah)


def test_run_as_written_has_no_finding() -> None:
    assert findings(records(handbook_run())) == []
    assert judged(at_30_c(records(handbook_run()))).passed is True


@pytest.mark.parametrize(
    ("test", "nominal_ah", "missing"),
    [
        (records(handbook_run()), 20.0, "no temperature column"),
        (
            dataclasses.replace(
                records(handbook_run()), temperature_c=np.full(records(handbook_run()).size, np.nan)
            ),
            20.0,
            "no temperature column",
        ),
        (at_30_c(records(handbook_run()[1:])), 20.0, "does not begin with a rest"),
        (at_30_c(records(handbook_run())), None, "nominal_capacity_ah is not known"),
        (at_30_c(records(handbook_run()[:9])), 20.0, "2 of the 4 cycles"),
        (at_30_c(records(handbook_run()[:2])), 20.0, "no charge with a discharge after it"),
    ],
)
def test_what_the_records_cannot_tell_has_not_passed(
    test: CyclerRecords, nominal_ah: float | None, missing: str
) -> None:
    found = judged(test, nominal_ah=nominal_ah)
    assert found.passed is None
    assert found.findings == ()
    assert missing in " ".join(one.words for one in found.unjudged)


def test_current_that_settles_in_too_few_records_has_not_passed() -> None:
    coarse = [dataclasses.replace(part, every_s=part.minutes * 30) for part in handbook_run()]
    found = judged(at_30_c(records(coarse)))
    assert found.passed is None
    assert {one.rule for one in found.unjudged} == {Rule.CURRENT_OFF}
    assert "the charge current of cycle 1" in found.unjudged[0].words


@pytest.mark.parametrize(("minutes", "broken"), [(28.4, True), (28.6, False), (31.4, False), (31.6, True)])
def test_rest_between_half_cycles_is_as_long_as_asked(minutes: float, broken: bool) -> None:
    run = handbook_run()
    run[4] = dataclasses.replace(run[4], minutes=minutes, every_s=6)
    asked = [(Rule.REST_OFF, Consequence.CYCLE_INVALID, 2)]
    assert findings(records(run)) == (asked if broken else [])


@pytest.mark.parametrize(("minutes", "broken"), [(170.0, True), (172.0, False), (600.0, False)])
def test_rest_before_the_first_charge_is_at_least_as_long_as_asked(minutes: float, broken: bool) -> None:
    run = [dataclasses.replace(handbook_run()[0], minutes=minutes), *handbook_run()[1:]]
    asked = [(Rule.REST_OFF, Consequence.CYCLE_INVALID, 1)]
    assert findings(records(run)) == (asked if broken else [])


def test_recipe_asks_for_no_more_than_it_sets() -> None:
    cutoffs = {"upper_cutoff_v": 3.8, "lower_cutoff_v": 2.2}
    test = records(handbook_run()[1:])

    def passed(**parameters: float) -> bool | None:
        asked = protocol_of_recipe("R", {**cutoffs, **parameters})
        assert asked is not None
        return check_compliance(test, step_table(test), asked, nominal_capacity_ah=20.0).passed

    assert passed() is True
    assert passed(c_rate_1=0.05, rest_between_min=30) is True
    assert passed(c_rate_2=0.1) is None  # c_rate_1 was forgotten
    for name in ("formation_temperature_c", "ocv_low_v", "rest_before_min", "resistance_jump_limit_pct"):
        assert passed(**{name: 30.0}) is None


def test_over_voltage_fails() -> None:
    assert findings(records(handbook_run(top_v=3.82))) == [(Rule.OVER_VOLTAGE, Consequence.FAIL, 3)]


@pytest.mark.parametrize("factor", [1.006, 0.994])
def test_current_off_its_set_value_makes_the_cycle_invalid(factor: float) -> None:
    assert findings(records(handbook_run(factor))) == [(Rule.CURRENT_OFF, Consequence.CYCLE_INVALID, 2)]
    assert findings(records(handbook_run(1 + (factor - 1) * 0.7))) == []


def test_chamber_out_of_band_rejects_the_run() -> None:
    test = records(handbook_run())
    warm = dataclasses.replace(test, temperature_c=np.where(np.arange(test.size) == 900, 32.4, 30.0))
    assert findings(warm) == [(Rule.CHAMBER_OUT_OF_BAND, Consequence.REJECT_RUN, None)]


def test_wrong_open_circuit_voltage_stops_before_the_first_charge() -> None:
    reversed_cell = [Part(0.0, 180, -1.2, -1.2, 1, 60), *handbook_run()[1:]]
    assert findings(records(reversed_cell)) == [(Rule.OCV_OUT_OF_RANGE, Consequence.STOP, None)]


def test_jump_of_resistance_between_cycles_stops_a_running_test() -> None:
    def at(cycle: int, mohm: float) -> StepResistance:
        return StepResistance(cycle, cycle, 10.0, 10.0, mohm, 3.7, -2.0)

    running = records(handbook_run()[:8])
    jump = findings(running, resistances=[at(1, 20.0), at(2, 28.2)])
    assert jump == [(Rule.RESISTANCE_JUMP, Consequence.STOP, 2)]
    assert findings(running, resistances=[at(1, 20.0), at(2, 27.8)]) == []


def test_any_changed_element_of_the_profile_asks_for_a_new_baseline() -> None:
    assert changed_elements(HANDBOOK, dataclasses.replace(HANDBOOK, revision=2)) == ()
    assert changed_elements(HANDBOOK, dataclasses.replace(HANDBOOK, rest_between_min=20.0)) == (
        "rest_between_min",
    )


def test_unknown_protocol_is_named_with_the_known_ones() -> None:
    assert protocol("handbook-7.4") is HANDBOOK
    with pytest.raises(KeyError, match=r"handbook-7\.4"):
        protocol("none")


def test_wide_spread_of_early_cycles_holds_the_lot() -> None:
    rng = np.random.default_rng(5)
    tight, wide = 20 + rng.normal(0, 0.1, 40), 20 + rng.normal(0, 1.0, 40)
    assert spread_holds_lot(tight, limit_cv_pct=2.0)[0] is False
    held, cv = spread_holds_lot(wide, limit_cv_pct=2.0)
    assert held
    assert cv == pytest.approx(5.0, rel=0.3)
    with pytest.raises(ValueError, match="at least 5"):
        spread_holds_lot([20.0, 20.1], limit_cv_pct=2.0)
