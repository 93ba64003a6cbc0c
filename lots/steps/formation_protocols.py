"""Formation protocols as declared data. A result belongs to one revision of one of them; a changed element is a
new revision and asks for a new baseline."""

from __future__ import annotations

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
