"""Twelve things that can go wrong on the line, each in three magnitudes, each a change of the physics.

No fault edits a reading. A magnitude is a shift of one charted statistic in units of that statistic's own
standard deviation in control (`Signature.sigma`, simulated with this model;
`tests/mes/simulator/test_faults.py` repeats it): `NEAR` is about what a Shewhart chart can barely see,
`CLEAR` is three sigma, `GROSS` is far out or out of specification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mes.simulator import physics


class Fault(StrEnum):
    SOLIDS_HIGH = "solids_high"  # the mixer doses too little solvent
    VISCOSITY_HIGH = "viscosity_high"  # poor dispersion at the right solids
    GAP_SHIFT = "gap_shift"  # a worn die lip: wider than its encoder says
    DIE_TILT = "die_tilt"  # the die is not parallel to the web
    DRYER_AIRFLOW_LOW = "dryer_airflow_low"  # a clogged filter: right temperatures, little air
    CALENDER_LOAD_HIGH = "calender_load_high"  # the load cell reads low, so its loop presses harder
    DOOR_LEFT_OPEN = "door_left_open"  # a weak closer keeps the staging door open longer
    SENSOR_DRIFT = "sensor_drift"  # a frost-point sensor drifts: it reads drier than the air is
    TAB_WELD_COLD = "tab_weld_cold"  # the welder delivers too little energy
    UNDERFILL = "underfill"  # the filling pump's stroke is short
    WETTING_POOR = (
        "wetting_poor"  # a leak behind the vacuum gauge leaves gas in the cell: right mass, high resistance
    )
    FORMATION_CHANNEL_BAD = "formation_channel_bad"  # one channel ends its steps early


class Magnitude(StrEnum):
    NEAR = "near"
    CLEAR = "clear"
    GROSS = "gross"


@dataclass(frozen=True)
class Signature:
    """Where a fault shows. `statistic` says what is charted; `sigma` is its standard deviation in control,
    in its unit.

    `direction` is the sign of the shift, `gross` its size in sigma at `GROSS`. `downstream` are
    characteristics that follow by physics, with shifts that this table does not promise.
    """

    step: str
    characteristic: str
    statistic: str
    sigma: float
    direction: int
    gross: float
    downstream: tuple[str, ...] = ()


NEAR_SIGMA = 1.2
CLEAR_SIGMA = 3.0
BAD_CHANNEL = "FORM-1-CH07"
DRIFTING_GAUGE = "FP-STAGING-LOW"
DRIFTING_ZONE = FAULTY_DOOR_ZONE = "DR-STAGING"
DRIFT_RAMP = timedelta(hours=2)  # the sensor's drift grows linearly over this time, then stays

SIGNATURES: dict[Fault, Signature] = {
    Fault.SOLIDS_HIGH: Signature(
        "mixing",
        "mixing.solids_pct",
        "each batch",
        0.206,
        1,
        6.0,
        (
            "mixing.viscosity_pa_s",
            "coating.solids_pct",
            "coating.viscosity_pa_s",
            "coating.loading_mean_mg_cm2",
        ),
    ),
    Fault.VISCOSITY_HIGH: Signature(
        "mixing",
        "mixing.viscosity_pa_s",
        "each batch",
        0.165,
        1,
        6.0,
        ("coating.viscosity_pa_s", "coating.edge_centre_um", "coating.surface_defects"),
    ),
    Fault.GAP_SHIFT: Signature(
        "coating",
        "coating.loading_mean_mg_cm2",
        "each roll",
        0.051,
        1,
        6.0,
        (
            "coating.areal_loading_mg_cm2",
            "coating.thickness_um",
            "drying.residual_ppm",
            "acceptance.capacity_ah",
        ),
    ),
    Fault.DIE_TILT: Signature(
        "coating",
        "coating.areal_loading_mg_cm2",
        "mean of lane 5 over a roll (lane 1 moves the other way)",
        0.061,
        1,
        6.0,
        ("coating.loading_tilt_mg_cm2", "coating.thickness_um", "calendering.thickness_um"),
    ),
    Fault.DRYER_AIRFLOW_LOW: Signature(
        "drying",
        "drying.residual_ppm",
        "mean of 3 per roll",
        50.0,
        1,
        6.0,
        (
            "drying.endpoint_min",
            "drying.end_rate_pct_min",
            "formation.fce_pct",
            "acceptance.ocv_loss_mv_week",
        ),
    ),
    Fault.CALENDER_LOAD_HIGH: Signature(
        "calendering",
        "calendering.porosity_pct",
        "mean of 3 per roll",
        0.130,
        -1,
        6.0,
        ("calendering.thickness_um", "calendering.density_g_cm3", "formation.resistance_mohm"),
    ),
    Fault.DOOR_LEFT_OPEN: Signature(
        "dry_room",
        "dry_room.door_open_s",
        "each opening",
        4.0,
        1,
        45.0,
        ("dry_room.frost_point_c", "dry_room.dose_g_h_m3", "formation.fce_pct"),
    ),
    Fault.SENSOR_DRIFT: Signature(
        "dry_room",
        "dry_room.frost_point_c",
        f"each reading of {DRIFTING_GAUGE}",
        0.95,
        -1,
        6.0,
        ("dry_room.dose_g_h_m3",),
    ),
    Fault.TAB_WELD_COLD: Signature(
        "stacking",
        "stacking.tab_resistance_mohm",
        "mean of a tray",
        0.0058,
        1,
        15.0,
        ("formation.resistance_mohm",),
    ),
    Fault.UNDERFILL: Signature(
        "filling",
        "filling.retained_mass_g",
        "mean of a tray",
        0.074,
        -1,
        8.0,
        (
            "filling.dosed_mass_g",
            "filling.deviation_pct",
            "formation.resistance_mohm",
            "formation.discharge_capacity_ah",
        ),
    ),
    Fault.WETTING_POOR: Signature("formation", "formation.resistance_mohm", "mean of a tray", 0.0118, 1, 6.0),
    Fault.FORMATION_CHANNEL_BAD: Signature(
        "formation",
        "formation.discharge_capacity_ah",
        f"each cell of {BAD_CHANNEL}",
        0.129,
        -1,
        8.0,
        ("formation.charge_capacity_ah",),
    ),
}


@dataclass(frozen=True)
class FaultPlan:
    """A fault from roll pair `first_pair` (0-based) on, for `pairs` pairs or for good. Electrode faults hit
    the cathode.
    """

    fault: Fault
    magnitude: Magnitude = Magnitude.CLEAR
    first_pair: int = 5
    pairs: int | None = None

    def covers(self, pair: int) -> bool:
        return pair >= self.first_pair and (self.pairs is None or pair < self.first_pair + self.pairs)

    @property
    def sigmas(self) -> float:
        """The shift of the charted statistic in its sigma, with its sign."""
        signature = SIGNATURES[self.fault]
        sizes = {Magnitude.NEAR: NEAR_SIGMA, Magnitude.CLEAR: CLEAR_SIGMA, Magnitude.GROSS: signature.gross}
        return signature.direction * sizes[self.magnitude]

    @property
    def shift(self) -> float:
        """The shift of the charted statistic in its unit."""
        return self.sigmas * SIGNATURES[self.fault].sigma


class FaultBook:
    """What the plans do to the physics. Several plans of one fault add up; without plans every change is
    nil.
    """

    def __init__(self, plans: tuple[FaultPlan, ...], dry_room_at: Callable[[int], datetime]) -> None:
        """`dry_room_at(pair)` is the instant at which zone faults of that pair begin."""
        self.plans = plans
        self._dry_room_at = dry_room_at

    def _shift(self, fault: Fault, pair: int) -> float:
        return sum(p.shift for p in self.plans if p.fault is fault and p.covers(pair))

    def window(self, plan: FaultPlan) -> tuple[datetime, datetime | None]:
        """Start and end of a zone fault."""
        end = None if plan.pairs is None else self._dry_room_at(plan.first_pair + plan.pairs)
        return self._dry_room_at(plan.first_pair), end

    def _zone_shifts(self, fault: Fault, at: datetime) -> list[tuple[float, timedelta]]:
        """Shift and age of every plan of a zone fault that is on at an instant."""
        found = []
        for plan in self.plans:
            start, end = self.window(plan)
            if plan.fault is fault and start <= at and (end is None or at < end):
                found.append((plan.shift, at - start))
        return found

    def extra_solids_pct(self, electrode: str, pair: int) -> float:
        return self._shift(Fault.SOLIDS_HIGH, pair) if electrode == "cathode" else 0.0

    def ln_viscosity(self, electrode: str, pair: int) -> float:
        relative = self._shift(Fault.VISCOSITY_HIGH, pair) / physics.CATHODE.viscosity_pa_s
        return relative if electrode == "cathode" else 0.0

    def gap_ratio(self, electrode: str, pair: int) -> float:
        """True die gap over the gap that the encoder shows."""
        if electrode != "cathode":
            return 1.0
        loading = physics.target_loading(physics.CATHODE) * (1.0 - physics.BETA_GAUGE_TRIM)
        return 1.0 + self._shift(Fault.GAP_SHIFT, pair) / loading

    def taper(self, electrode: str, pair: int) -> float:
        """Relative excess of loading in lane 5; lane 1 has as much too little."""
        relative = self._shift(Fault.DIE_TILT, pair) / physics.target_loading(physics.CATHODE)
        return relative if electrode == "cathode" else 0.0

    def airflow(self, electrode: str, pair: int) -> float:
        if electrode != "cathode":
            return 1.0
        return 1.0 / (
            1.0 + self._shift(Fault.DRYER_AIRFLOW_LOW, pair) / (physics.RESIDUAL_PPM * physics.RESIDUAL_GAIN)
        )

    def line_load_ratio(self, electrode: str, pair: int) -> float:
        """True line load over the load that the load cell shows."""
        drop = self._shift(Fault.CALENDER_LOAD_HIGH, pair) / 100.0
        if electrode != "cathode" or drop == 0.0:
            return 1.0
        return physics.line_load_for_porosity(physics.CATHODE, drop) / physics.CATHODE.line_load_n_mm

    def door_extra_s(self, zone: str, at: datetime) -> float:
        if zone != FAULTY_DOOR_ZONE:
            return 0.0
        return sum(shift for shift, _ in self._zone_shifts(Fault.DOOR_LEFT_OPEN, at))

    def sensor_offset_c(self, gauge: str, at: datetime) -> float:
        if gauge != DRIFTING_GAUGE:
            return 0.0
        return sum(s * min(1.0, age / DRIFT_RAMP) for s, age in self._zone_shifts(Fault.SENSOR_DRIFT, at))

    def tab_extra_mohm(self, pair: int) -> float:
        return self._shift(Fault.TAB_WELD_COLD, pair)

    def fill_extra_g(self, pair: int) -> float:
        return self._shift(Fault.UNDERFILL, pair)

    def hidden_mbar(self, pair: int) -> float:
        """Pressure in the cell above what the vacuum gauge shows."""
        return self._shift(Fault.WETTING_POOR, pair) / (physics.R_IONIC_MOHM * physics.R_PER_MBAR)

    def capacity_extra_ah(self, channel: str, pair: int) -> float:
        return self._shift(Fault.FORMATION_CHANNEL_BAD, pair) if channel == BAD_CHANNEL else 0.0
