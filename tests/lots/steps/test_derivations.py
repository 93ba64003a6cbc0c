from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from lots.steps import DERIVATIONS
from lots.steps.base import DerivationInputs, DerivedReading, NotComputable, OpenExposure, Reading

RECIPE = {
    "punch_area_cm2": 12.0,
    "coated_sides": 2.0,
    "foil_thickness_um": 15.0,
    "solid_density_g_cm3": 3.950,
    "drying_rate_limit_pct_min": 0.2,
    "drying_consecutive": 2.0,
    "fill_target_g": 60.0,
    "nominal_capacity_ah": 20.0,
    "formation_cycles": 2.0,
    "capacity_reference_ah": 20.0,
}
BY_OUTPUT = {derivation.output: derivation for derivation in DERIVATIONS}


def single(value: float, *, reading_id: int = 1) -> tuple[Reading, ...]:
    return (Reading(value=value, id=reading_id),)


def lanes(values: list[float], *, roll_position_mm: int = 1000, first_id: int = 10) -> tuple[Reading, ...]:
    return tuple(
        Reading(value=value, position=Decimal(lane), roll_position_mm=roll_position_mm, id=first_id + lane)
        for lane, value in enumerate(values, start=1)
    )


def derive(
    output: str, exposures: tuple[OpenExposure, ...] = (), **readings: tuple[Reading, ...]
) -> tuple[DerivedReading, ...]:
    """Keyword names are codes with `__` for the dot. Only what the declaration names reaches the computation."""
    derivation = BY_OUTPUT[output]
    given = {name.replace("__", "."): values for name, values in readings.items()}
    assert given.keys() == derivation.inputs.keys()
    return derivation.compute(
        DerivationInputs(
            readings=given,
            recipe={name: RECIPE[name] for name in derivation.recipe},
            exposures=exposures,
        )
    )


def value_of(outputs: tuple[DerivedReading, ...]) -> float:
    assert len(outputs) == 1
    return outputs[0].value


def test_each_punch_gives_a_loading_at_its_own_place_with_its_inputs() -> None:
    outputs = derive(
        "coating.areal_loading_mg_cm2",
        coating__punch_mass_g=lanes([0.6918, 0.72]),
        coating__foil_mass_g=single(0.0486),
    )
    assert [(item.position, item.roll_position_mm, item.input_ids) for item in outputs] == [
        (Decimal(1), 1000, (11, 1)),
        (Decimal(2), 1000, (12, 1)),
    ]
    assert outputs[0].value == pytest.approx(26.8)


def test_bad_punch_is_missing_while_the_others_are_reported() -> None:
    outputs = derive(
        "coating.areal_loading_mg_cm2",
        coating__punch_mass_g=lanes([0.6918, 0.01]),
        coating__foil_mass_g=single(0.0486),
    )
    assert [item.position for item in outputs] == [Decimal(1)]


def test_bad_punch_makes_the_mean_loading_unknown() -> None:
    with pytest.raises(NotComputable, match="punch_mass_g"):
        derive(
            "coating.loading_mean_mg_cm2",
            coating__punch_mass_g=lanes([0.69, 0.69, 0.01, 0.69, 0.69]),
            coating__foil_mass_g=single(0.0486),
        )


def test_mean_loading_is_the_mean_of_all_profiles() -> None:
    outputs = derive(
        "coating.loading_mean_mg_cm2",
        coating__punch_mass_g=lanes([0.6918] * 5) + lanes([0.72] * 5, roll_position_mm=2000, first_id=20),
        coating__foil_mass_g=single(0.0486),
    )
    assert value_of(outputs) == pytest.approx((26.8 + 27.975) / 2)
    assert len(outputs[0].input_ids) == 11


def test_tilt_is_that_of_the_lane_means() -> None:
    tilted = lanes([0.6870, 0.6894, 0.6918, 0.6942, 0.6966])
    outputs = derive(
        "coating.loading_tilt_mg_cm2",
        coating__punch_mass_g=tilted + lanes([0.6918] * 5, roll_position_mm=2000, first_id=20),
        coating__foil_mass_g=single(0.0486),
    )
    # 9.6 mg over 12 cm² and two sides on one profile, nothing on the other.
    assert value_of(outputs) == pytest.approx(0.4 / 2)
    assert len(outputs[0].input_ids) == 11


def test_edge_to_centre_waits_for_a_complete_profile() -> None:
    complete = lanes([118, 121, 121, 120, 117], roll_position_mm=1000)
    partial = lanes([118, 121, 121], roll_position_mm=2000, first_id=20)
    outputs = derive("coating.edge_centre_um", coating__thickness_um=complete + partial)
    assert [(item.roll_position_mm, item.position) for item in outputs] == [(1000, None)]
    assert outputs[0].value == pytest.approx(117.5 - 362 / 3)


def strip(masses: np.ndarray, minutes: np.ndarray) -> tuple[Reading, ...]:
    return tuple(
        Reading(value=float(mass), position=Decimal(i), at_s=1.7e9 + 60 * float(minute), id=i)
        for i, (mass, minute) in enumerate(zip(masses, minutes, strict=True))
    )


MINUTES = np.arange(0.0, 31.0)
STRIP = 10.0 * (0.55 + 0.45 * np.exp(-MINUTES / 6.0))


def test_drying_endpoint_uses_the_times_of_the_weighings() -> None:
    outputs = derive("drying.endpoint_min", drying__strip_mass_g=strip(STRIP, MINUTES))
    assert value_of(outputs) == pytest.approx(22.0)


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        (strip(STRIP[:15], MINUTES[:15]), "go on drying"),
        (strip(np.delete(STRIP, range(8, 15)), np.delete(MINUTES, range(8, 15))), "gap"),
        (strip(STRIP + 2.0 * (MINUTES > 5), MINUTES), "balance"),
        (strip(STRIP, np.zeros(31)), "time_min"),
    ],
)
def test_endpoint_that_is_not_known_stays_missing(readings: tuple[Reading, ...], reason: str) -> None:
    with pytest.raises(NotComputable, match=reason):
        derive("drying.endpoint_min", drying__strip_mass_g=readings)


def test_end_rate_exists_before_the_endpoint_and_not_on_a_faulty_curve() -> None:
    outputs = derive("drying.end_rate_pct_min", drying__strip_mass_g=strip(STRIP[:15], MINUTES[:15]))
    assert value_of(outputs) == pytest.approx(100 * (STRIP[12] - STRIP[14]) / STRIP[0] / 2)
    with pytest.raises(NotComputable, match="balance"):
        derive("drying.end_rate_pct_min", drying__strip_mass_g=strip(STRIP + 2.0 * (MINUTES > 5), MINUTES))


def test_target_cathode_has_its_porosity_and_density() -> None:
    readings = {
        "calendering__thickness_um": lanes([215.0] * 5),
        "coating__loading_mean_mg_cm2": single(26.8),
    }
    porosity = derive("calendering.porosity_pct", **readings)
    assert value_of(porosity) == pytest.approx(32.15, abs=0.01)
    assert porosity[0].roll_position_mm == 1000
    assert value_of(derive("calendering.density_g_cm3", **readings)) == pytest.approx(2.68)


def test_impossible_porosity_stays_missing_with_its_reason() -> None:
    with pytest.raises(NotComputable, match="impossible"):
        derive(
            "calendering.porosity_pct",
            calendering__thickness_um=lanes([120.0] * 5),
            coating__loading_mean_mg_cm2=single(26.8),
        )


def exposure(minutes: float, frost_point_c: float, *, every_s: float = 60.0) -> OpenExposure:
    times = tuple(np.arange(0.0, minutes * 60 + 1, every_s))
    return OpenExposure(0.0, minutes * 60, times, (frost_point_c,) * len(times), air_temperature_c=20.0)


def test_dose_and_open_time_add_up_over_the_openings() -> None:
    openings = (exposure(30, -40.0), exposure(10, -25.0))
    assert value_of(derive("dry_room.dose_g_h_m3", openings)) == pytest.approx(0.1254, abs=5e-5)
    assert value_of(derive("dry_room.open_min", openings)) == pytest.approx(40.0)


def test_one_silent_opening_makes_the_whole_dose_unknown() -> None:
    with pytest.raises(NotComputable, match="frost point"):
        derive("dry_room.dose_g_h_m3", (exposure(30, -40.0), exposure(30, -40.0, every_s=600.0)))


def test_dose_without_a_closed_opening_is_missing_and_not_zero() -> None:
    assert derive("dry_room.dose_g_h_m3") == ()
    assert derive("dry_room.open_min") == ()


def test_filling_masses() -> None:
    before, filled, sealed = single(310.0), single(370.5), single(370.0)
    assert value_of(
        derive("filling.dosed_mass_g", filling__mass_before_g=before, filling__mass_filled_g=filled)
    ) == pytest.approx(60.5)
    sealed_inputs = {"filling__mass_before_g": before, "filling__mass_sealed_g": sealed}
    assert value_of(derive("filling.retained_mass_g", **sealed_inputs)) == pytest.approx(60.0)
    assert value_of(derive("filling.deviation_pct", **sealed_inputs)) == pytest.approx(0.0)
    assert value_of(derive("filling.electrolyte_per_capacity_g_ah", **sealed_inputs)) == pytest.approx(3.0)
    with pytest.raises(NotComputable, match="weigh the cell again"):
        derive("filling.retained_mass_g", filling__mass_before_g=sealed, filling__mass_sealed_g=before)


def cycles(*values: float, first_id: int = 1) -> tuple[Reading, ...]:
    return tuple(
        Reading(value=value, position=Decimal(number), id=first_id + number)
        for number, value in enumerate(values, start=1)
    )


def formation(output: str, *, cutoffs: tuple[float, ...] = (1, 1)) -> tuple[DerivedReading, ...]:
    return derive(
        output,
        formation__charge_capacity_ah=cycles(24.0, 20.5),
        formation__discharge_capacity_ah=cycles(20.4, 20.295, first_id=10),
        formation__cutoffs_reached=cycles(*cutoffs, first_id=20),
    )


def test_formation_efficiencies_of_the_worked_cell() -> None:
    efficiencies = formation("formation.ce_pct")
    assert [item.position for item in efficiencies] == [Decimal(1), Decimal(2)]
    assert [item.value for item in efficiencies] == pytest.approx([85.0, 99.0])
    assert value_of(formation("formation.fce_pct")) == pytest.approx(85.0)
    assert value_of(formation("formation.icl_pct")) == pytest.approx(15.0)
    assert value_of(formation("formation.final_ce_pct")) == pytest.approx(99.0)


def test_cycle_cut_short_has_no_efficiency() -> None:
    assert [item.position for item in formation("formation.ce_pct", cutoffs=(0, 1))] == [Decimal(2)]
    for output in ("formation.fce_pct", "formation.icl_pct"):
        with pytest.raises(NotComputable, match="cutoffs_reached"):
            formation(output, cutoffs=(0, 1))
    with pytest.raises(NotComputable, match="cut-offs"):
        formation("formation.final_ce_pct", cutoffs=(1, 0))


def test_last_cycle_is_awaited() -> None:
    assert formation("formation.final_ce_pct", cutoffs=(1,)) == ()


def test_efficiency_above_what_physics_allows_stays_missing() -> None:
    with pytest.raises(NotComputable, match="measurement fault"):
        derive(
            "formation.ce_pct",
            formation__charge_capacity_ah=cycles(20.0),
            formation__discharge_capacity_ah=cycles(21.0),
            formation__cutoffs_reached=cycles(1),
        )


def test_acceptance_capacity_against_its_reference() -> None:
    outputs = derive("acceptance.capacity_pct_of_reference", acceptance__capacity_ah=single(19.5))
    assert value_of(outputs) == pytest.approx(97.5)


def test_later_reading_replaces_an_earlier_one_at_the_same_place() -> None:
    first = lanes([215.0] * 5)
    again = (Reading(value=225.0, position=Decimal(3), roll_position_mm=1000, at_s=60.0, id=99),)
    porosity = derive(
        "calendering.porosity_pct",
        calendering__thickness_um=first + again,
        coating__loading_mean_mg_cm2=single(26.8),
    )
    assert 99 in porosity[0].input_ids and 13 not in porosity[0].input_ids


def test_punch_weighed_again_counts_once() -> None:
    again = (Reading(value=0.72, position=Decimal(1), roll_position_mm=1000, at_s=60.0, id=99),)
    readings = {
        "coating__punch_mass_g": lanes([0.6918] * 5) + again,
        "coating__foil_mass_g": single(0.0486),
    }
    loadings = derive("coating.areal_loading_mg_cm2", **readings)
    assert [item.position for item in loadings] == [Decimal(lane) for lane in range(1, 6)]
    assert loadings[0].value == pytest.approx(27.975)
    assert value_of(derive("coating.loading_mean_mg_cm2", **readings)) == pytest.approx(
        (27.975 + 4 * 26.8) / 5
    )
