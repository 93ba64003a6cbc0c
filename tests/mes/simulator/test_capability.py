"""In control the line is capable and its charted statistics behave as charts assume, except where declared."""

from __future__ import annotations

import numpy as np
import pytest

from lots.science.drying import EndpointStatus, drying_endpoint
from tests.mes.simulator.observed import Observed

pytestmark = pytest.mark.slow  # many simulated runs: statistics, not behaviour

# Windows as read from domain/process_windows.csv; those of the anode's loading scale with the cathode's (assumption).
WINDOWS: dict[str, tuple[float | None, float | None]] = {
    "mixing.solids_pct cathode": (64.0, 66.0),
    "mixing.solids_pct anode": (49.0, 51.0),
    "mixing.viscosity_pa_s cathode": (4.25, 5.75),
    "mixing.viscosity_pa_s anode": (2.55, 3.45),
    "coating.solids_pct cathode": (64.0, 66.0),
    "coating.viscosity_pa_s cathode": (4.25, 5.75),
    "coating.areal_loading_mg_cm2 cathode": (26.4, 27.2),
    "coating.areal_loading_mg_cm2 anode": (12.9, 13.3),
    "coating.edge_centre_um cathode": (-3.0, 3.0),
    "coating.edge_centre_um anode": (-3.0, 3.0),
    "drying.residual_ppm cathode": (None, 500.0),
    "drying.residual_ppm anode": (None, 500.0),
    "calendering.thickness_um cathode": (212.0, 218.0),
    "calendering.thickness_um anode": (268.0, 274.0),
    "calendering.porosity_pct cathode": (30.0, 35.0),
    "calendering.porosity_pct anode": (40.0, 50.0),
    "dry_room.frost_point_c": (None, -40.0),
    "dry_room.pressure_pa": (5.0, None),
    "stacking.tab_resistance_mohm": (None, 0.2),
    "filling.retained_mass_g": (58.7, 61.3),
    "filling.dosed_mass_g": (58.7, 61.3),
    "filling.fill_to_seal_min": (None, 10.0),
    "formation.temperature_c": (28.0, 32.0),
    "formation.fce_pct": (80.0, None),
    "formation.final_ce_pct": (99.0, None),
    "formation.resistance_mohm": (None, 1.5),
    "acceptance.capacity_pct_of_reference": (90.0, None),
    "acceptance.ocv_loss_mv_week": (None, 5.0),
}


def observed(name: str, line: Observed) -> np.ndarray:
    code, _, electrode = name.partition(" ")
    letter = electrode[:1].upper()
    match code:
        case "coating.areal_loading_mg_cm2":
            return line.loadings(letter).ravel()
        case "coating.edge_centre_um":
            return line.edge_centre(letter).ravel()
        case "calendering.porosity_pct":
            return line.porosity_pct(letter).ravel()
        case "filling.retained_mass_g":
            return np.array(list(line.retained().values()))
        case "filling.dosed_mass_g":
            return np.array(list(line.dosed().values()))
        case "formation.fce_pct":
            return np.array(list(line.efficiency_pct("1").values()))
        case "formation.final_ce_pct":
            return np.array(list(line.efficiency_pct("4").values()))
        case "acceptance.capacity_pct_of_reference":
            return line.values("acceptance.capacity_ah") * 5.0
    return line.values(code, f"{letter}-" if letter else "")


def performance(values: np.ndarray, window: tuple[float | None, float | None]) -> float:
    """Ppk: the nearer limit's distance in three overall standard deviations."""
    lsl, usl = window
    mean, sd = values.mean(), values.std(ddof=1)
    below = np.inf if lsl is None else (mean - lsl) / (3 * sd)
    above = np.inf if usl is None else (usl - mean) / (3 * sd)
    return min(below, above)


@pytest.mark.parametrize("name", WINDOWS)
def test_line_in_control_is_capable(name: str, long_run: Observed) -> None:
    # 1.25 by a sample of some hundred values stands for 1.33 and better in the long run.
    assert performance(observed(name, long_run), WINDOWS[name]) > 1.25


def test_hardly_any_reading_in_control_violates_a_specification(long_run: Observed) -> None:
    outside = total = 0
    for name, (lsl, usl) in WINDOWS.items():
        values = observed(name, long_run)
        total += values.size
        outside += int((values < (lsl if lsl is not None else -np.inf)).sum())
        outside += int((values > (usl if usl is not None else np.inf)).sum())
    assert total > 100_000
    assert outside / total < 1e-4


def lag_one(series: np.ndarray) -> float:
    centred = series - series.mean()
    return float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())


def test_roll_and_tray_statistics_are_independent_from_lot_to_lot(long_run: Observed) -> None:
    statistics = {
        "solids": long_run.values("mixing.solids_pct", "SC-"),
        "loading": long_run.loadings("C").mean((1, 2)),
        "edge": long_run.edge_centre("C").mean(1),
        "residual": long_run.values("drying.residual_ppm", "RC-").reshape(-1, 3).mean(1),
        "porosity": long_run.porosity_pct("C").mean(1),
        "retained": long_run.trays(long_run.retained()).mean(1),
        "efficiency": long_run.trays(long_run.efficiency_pct("1")).mean(1),
    }
    # 99.9 % band of the lag-one autocorrelation of an independent series.
    correlations = {name: (lag_one(s), 3.3 / np.sqrt(s.size)) for name, s in statistics.items()}
    assert {name: r for name, (r, band) in correlations.items() if abs(r) > band} == {}


def test_tray_means_vary_little_more_than_their_cells_explain(long_run: Observed) -> None:
    for per_cell in (long_run.retained(), long_run.efficiency_pct("1")):
        trays = long_run.trays(per_cell)
        explained = np.sqrt(trays.var(axis=1, ddof=1).mean() / 12)
        assert 0.9 < trays.mean(1).std(ddof=1) / explained < 1.2


def test_frost_point_is_autocorrelated(long_run: Observed) -> None:
    readings = long_run.by_code["dry_room.frost_point_c"]["DR-STAGING"]
    series = np.array([float(r.value) for r in readings if r.gauge == "FP-STAGING-HIGH"])
    assert lag_one(series) > 0.7


def test_every_drying_curve_reaches_an_endpoint_that_varies(long_run: Observed) -> None:
    curves = [[float(r.value) for r in strip] for strip in long_run.by_code["drying.strip_mass_g"].values()]
    results = [drying_endpoint(list(range(len(c))), c, rate_limit_pct_min=0.2, consecutive=2) for c in curves]
    endpoints = [r.endpoint_min for r in results if r.status is EndpointStatus.REACHED]
    assert len(endpoints) == len(curves)
    assert 18 <= min(endpoints) < max(endpoints) <= 24
