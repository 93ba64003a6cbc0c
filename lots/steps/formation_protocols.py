"""Formation protocols as declared data. A result belongs to one revision of one of them; a changed element is a
new revision and asks for a new baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lots.science.formation.compliance import FormationProtocol, Stage
from lots.science.formation.cycles import Cutoffs

# Profile of handbook 7.4 (rest 3 h; 0.05C, two cycles at 0.1C, one at 0.2C; rests of 30 min), voltage window of 12.1,
# temperature and compliance rules of 12.3. The handbook names an OCV range and gives none: 0.05 to 3.3 V is an
# assumption, and so is the tolerance of ±0.5 % of the current.
HANDBOOK = FormationProtocol(
    id="handbook-7.4",
    revision=1,
    stages=(Stage(1, 0.05), Stage(2, 0.1), Stage(1, 0.2)),
    cutoffs=Cutoffs(upper_v=3.8, lower_v=2.2),
    rest_before_min=180.0,
    rest_between_min=30.0,
    temperature_c=30.0,
    ocv_low_v=0.05,
    ocv_high_v=3.3,
)

PROTOCOLS: dict[str, FormationProtocol] = {protocol.id: protocol for protocol in (HANDBOOK,)}


def protocol(identifier: str) -> FormationProtocol:
    """The protocol of this identifier.

    Raises:
        KeyError: no such protocol; the message names those there are.
    """
    try:
        return PROTOCOLS[identifier]
    except KeyError:
        raise KeyError(f"no protocol {identifier!r}; there are {', '.join(sorted(PROTOCOLS))}") from None


def protocol_of_recipe(name: str, parameters: Mapping[str, float]) -> FormationProtocol | None:
    """The protocol that a recipe's parameters set; None where they do not say between which voltages cells cycle.

    What a recipe leaves out is not checked: without `formation_temperature_c` the chamber, without `ocv_low_v` and
    `ocv_high_v` the open-circuit voltage, without `c_rate_1`, `c_rate_2` … the currents.
    """
    upper, lower = parameters.get("upper_cutoff_v"), parameters.get("lower_cutoff_v")
    if upper is None or lower is None:
        return None
    rates: list[Stage] = []
    while (rate := parameters.get(f"c_rate_{len(rates) + 1}")) is not None:
        rates.append(Stage(1, rate))
    temperature = parameters.get("formation_temperature_c")
    return FormationProtocol(
        id=name,
        revision=0,
        stages=tuple(rates),
        cutoffs=Cutoffs(upper, lower, parameters.get("hold_cutoff_a")),
        rest_before_min=parameters.get("rest_before_min", 0.0),
        rest_between_min=parameters.get("rest_between_min", 0.0),
        temperature_c=0.0 if temperature is None else temperature,
        chamber_tolerance_c=math.inf if temperature is None else parameters.get("chamber_tolerance_c", 2.0),
        ocv_low_v=parameters.get("ocv_low_v", -math.inf),
        ocv_high_v=parameters.get("ocv_high_v", math.inf),
        current_tolerance_pct=parameters.get("current_tolerance_pct", 0.5),
        resistance_jump_limit_pct=parameters.get("resistance_jump_limit_pct", 40.0),
        resistance_time_s=parameters.get("resistance_time_s", 10.0),
    )
