"""A formation profile with its limits, and what of it differs between two versions."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lots.science.formation.cycles import Cutoffs


@dataclass(frozen=True)
class Stage:
    """Cycles that run at one rate: `c_rate` in 1/h of the nominal capacity, None where it was left out."""

    cycles: int
    c_rate: float | None


@dataclass(frozen=True)
class FormationProtocol:
    """One version of a formation profile. Voltages V, times min, temperatures °C, tolerances in %.

    `chamber_tolerance_c`, `current_tolerance_pct` and `resistance_jump_limit_pct` are limits, the rest is the
    profile itself. What a protocol does not ask for is None, and a voltage range infinite. `resistance_asked`: a
    jump of resistance must be looked for, so that records without resistances cannot pass. `revision` 0: the `id`
    names its revision itself, as that of a recipe does.
    """

    id: str
    revision: int
    stages: tuple[Stage, ...]
    cutoffs: Cutoffs
    rest_before_min: float | None
    rest_between_min: float | None
    temperature_c: float | None
    ocv_low_v: float
    ocv_high_v: float
    current_tolerance_pct: float = 0.5
    chamber_tolerance_c: float = 2.0
    resistance_jump_limit_pct: float = 40.0
    resistance_time_s: float = 10.0
    resistance_asked: bool = False

    @property
    def version(self) -> str:
        return f"{self.id} rev {self.revision}" if self.revision else self.id


def changed_elements(old: FormationProtocol, new: FormationProtocol) -> tuple[str, ...]:
    """Names of the profile's elements that differ; any of them asks for a new baseline.

    The same elements under a new revision number need none.
    """
    return tuple(
        field.name
        for field in fields(FormationProtocol)
        if field.name != "revision" and getattr(old, field.name) != getattr(new, field.name)
    )
