from __future__ import annotations

from lots.steps import CHARACTERISTICS, DERIVATIONS, STEPS
from lots.steps.base import DataType, PositionKind, Role, SubjectKind

MATERIAL_KINDS = {"slurry", "collector", "electrolyte", "mother_roll", "daughter_roll", "cell"}


def test_steps_stand_in_route_order() -> None:
    assert [step.code for step in STEPS] == [
        "mixing",
        "slurry_release",
        "collector_prep",
        "coating",
        "drying",
        "calendering",
        "slitting",
        "dry_room",
        "electrolyte_batch",
        "stacking",
        "filling",
        "formation_precheck",
        "formation",
        "degassing",
        "resealing",
        "gas_seal",
        "ageing",
        "acceptance",
    ]
    assert {step.code for step in STEPS if step.optional} == {
        "slurry_release",
        "collector_prep",
        "electrolyte_batch",
        "formation_precheck",
        "degassing",
        "resealing",
        "gas_seal",
        "ageing",
    }
    assert {step.material_kind for step in STEPS} == MATERIAL_KINDS


def test_codes_are_unique_and_belong_to_their_step() -> None:
    declared = [(step.code, item.code) for step in STEPS for item in step.characteristics]
    assert len(declared) == len(CHARACTERISTICS)
    assert all(code.startswith(f"{step}.") for step, code in declared)


def test_every_characteristic_tells_the_operator_what_it_is() -> None:
    for item in CHARACTERISTICS.values():
        assert item.name and item.unit, item.code
        assert item.help.endswith("."), item.code
        assert 0 <= item.decimals <= 4, item.code
        assert len(item.gauge_kind) <= 32, item.code


def test_checks_and_only_checks_pass_or_fail() -> None:
    for item in CHARACTERISTICS.values():
        assert (item.role is Role.CHECK) == (item.data_type is DataType.PASS_FAIL), item.code


def test_derivations_declare_known_inputs_and_run_after_them() -> None:
    outputs = [derivation.output for derivation in DERIVATIONS]
    assert len(outputs) == len(set(outputs))
    for order, derivation in enumerate(DERIVATIONS):
        assert derivation.output in CHARACTERISTICS
        assert derivation.inputs or derivation.needs_exposures, derivation.output
        for code, count in derivation.inputs.items():
            assert code in CHARACTERISTICS
            assert count >= 1
            if code in outputs:
                assert outputs.index(code) < order


def test_nobody_measures_what_is_computed() -> None:
    computed = {derivation.output for derivation in DERIVATIONS}
    for item in CHARACTERISTICS.values():
        if item.code in computed:
            assert item.gauge_kind == "", item.code
            assert item.help.startswith("Computed"), item.code


def test_positions_and_subjects_follow_what_is_measured() -> None:
    assert CHARACTERISTICS["coating.punch_mass_g"].position is PositionKind.LANE
    assert CHARACTERISTICS["drying.zone_temperature_c"].position is PositionKind.ZONE
    assert CHARACTERISTICS["formation.charge_capacity_ah"].position is PositionKind.CYCLE
    zone_codes = {item.code for item in CHARACTERISTICS.values() if item.subject is SubjectKind.ZONE}
    assert zone_codes == {
        "dry_room.frost_point_c",
        "dry_room.air_temperature_c",
        "dry_room.pressure_pa",
        "dry_room.door_open_s",
    }
