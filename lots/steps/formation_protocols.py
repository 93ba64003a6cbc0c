"""Formation protocols as declared data. A result belongs to one revision of one of them; a changed element is a
new revision and asks for a new baseline."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from lots.science.formation.cycles import Cutoffs
from lots.science.formation.protocol import FormationProtocol, Stage

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

_RATE = re.compile(r"c_rate_([1-9]\d?)")

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

    What a recipe leaves out is not asked for: without `formation_temperature_c` the chamber, without `ocv_low_v` and
    `ocv_high_v` the open-circuit voltage, without `c_rate_1`, `c_rate_2` … the currents, without `rest_before_min` and
    `rest_between_min` the rests, without `resistance_jump_limit_pct` resistances in every file.
    """
    upper, lower = parameters.get("upper_cutoff_v"), parameters.get("lower_cutoff_v")
    if upper is None or lower is None:
        return None
    numbered = {
        int(found[1]): rate
        for name, rate in parameters.items()
        if (found := _RATE.fullmatch(name)) is not None
    }
    rates = (Stage(1, numbered.get(number)) for number in range(1, max(numbered, default=0) + 1))
    return FormationProtocol(
        id=name,
        revision=0,
        stages=tuple(rates),
        cutoffs=Cutoffs(upper, lower, parameters.get("hold_cutoff_a")),
        rest_before_min=parameters.get("rest_before_min"),
        rest_between_min=parameters.get("rest_between_min"),
        temperature_c=parameters.get("formation_temperature_c"),
        chamber_tolerance_c=parameters.get("chamber_tolerance_c", 2.0),
        ocv_low_v=parameters.get("ocv_low_v", -math.inf),
        ocv_high_v=parameters.get("ocv_high_v", math.inf),
        current_tolerance_pct=parameters.get("current_tolerance_pct", 0.5),
        resistance_jump_limit_pct=parameters.get("resistance_jump_limit_pct", 40.0),
        resistance_time_s=parameters.get("resistance_time_s", 10.0),
        resistance_asked="resistance_jump_limit_pct" in parameters,
    )
