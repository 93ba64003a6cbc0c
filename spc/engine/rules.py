"""Run rules by name, the sets they come in, and which of them a chart may use.

Sources: Nelson (1984), Journal of Quality Technology 16, 237-239; Western Electric (1956), Statistical
Quality Control Handbook; start without a full window as in Champ and Woodall (1987), Technometrics 29,
393-399.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spc.engine.bits import FloatArray, Zones, positions
from spc.engine.families import Dispersion, Family, Panel
from spc.engine.patterns import Alternating, Outside, Pattern, SameSide, Trend, Within


class Rule(StrEnum):
    """Rules by meaning; their numbers in the two classical lists are attributes."""

    BEYOND_LIMITS = "beyond_limits"
    RUN_ONE_SIDE = "run_one_side"
    RUN_ONE_SIDE_8 = "run_one_side_8"
    TREND = "trend"
    ALTERNATING = "alternating"
    TWO_OF_THREE_BEYOND_2S = "two_of_three_beyond_2s"
    FOUR_OF_FIVE_BEYOND_1S = "four_of_five_beyond_1s"
    FIFTEEN_WITHIN_1S = "fifteen_within_1s"
    EIGHT_OUTSIDE_1S = "eight_outside_1s"
    EIGHT_OUTSIDE_1S_EITHER = "eight_outside_1s_either"

    @property
    def pattern(self) -> Pattern:
        return _DEFINITIONS[self].pattern

    @property
    def nelson(self) -> int | None:
        """Its number in Nelson's list of eight."""
        return _DEFINITIONS[self].nelson

    @property
    def western_electric(self) -> int | None:
        """Its number in the Western Electric list of four."""
        return _DEFINITIONS[self].western_electric

    @property
    def label(self) -> str:
        """What the rule says, for people."""
        return _DEFINITIONS[self].label


@dataclass(frozen=True)
class _Definition:
    pattern: Pattern
    label: str
    nelson: int | None = None
    western_electric: int | None = None


_DEFINITIONS: Mapping[Rule, _Definition] = {
    Rule.BEYOND_LIMITS: _Definition(SameSide(1, 1, 3.0), "a point beyond a control limit", 1, 1),
    Rule.RUN_ONE_SIDE: _Definition(SameSide(9, 9, 0.0), "9 in a row on one side of the centre line", 2),
    Rule.RUN_ONE_SIDE_8: _Definition(
        SameSide(8, 8, 0.0), "8 in a row on one side of the centre line", western_electric=4
    ),
    Rule.TREND: _Definition(Trend(6), "6 in a row rising or falling", 3),
    Rule.ALTERNATING: _Definition(Alternating(14), "14 in a row going up and down in turn", 4),
    Rule.TWO_OF_THREE_BEYOND_2S: _Definition(SameSide(2, 3, 2.0), "2 of 3 beyond 2 sigma on one side", 5, 2),
    Rule.FOUR_OF_FIVE_BEYOND_1S: _Definition(SameSide(4, 5, 1.0), "4 of 5 beyond 1 sigma on one side", 6, 3),
    Rule.FIFTEEN_WITHIN_1S: _Definition(Within(15, 1.0), "15 in a row within 1 sigma", 7),
    Rule.EIGHT_OUTSIDE_1S: _Definition(
        Outside(8, 1.0, both_sides=True), "8 in a row, none within 1 sigma, on both sides", 8
    ),
    # Minitab's reading of Nelson 8: another flag, so another rule.
    Rule.EIGHT_OUTSIDE_1S_EITHER: _Definition(
        Outside(8, 1.0, both_sides=False), "8 in a row, none within 1 sigma, on either side"
    ),
}

LONGEST_SPAN = max(rule.pattern.span for rule in Rule)

NELSON = tuple(sorted((rule for rule in Rule if rule.nelson), key=lambda rule: rule.nelson or 0))
WESTERN_ELECTRIC = tuple(
    sorted((rule for rule in Rule if rule.western_electric), key=lambda rule: rule.western_electric or 0)
)

# The default is small on purpose: every rule more is paid in false alarms (see spc.engine.arl).
RULE_SETS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "beyond": (Rule.BEYOND_LIMITS,),
        "default": (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE),
        "weco": WESTERN_ELECTRIC,
        "nelson": NELSON,
    }
)

_ANY_DISTRIBUTION = frozenset(
    {Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE, Rule.RUN_ONE_SIDE_8, Rule.TREND, Rule.ALTERNATING}
)


def allowed_rules(family: Family, panel: Panel = Panel.LOCATION) -> frozenset[Rule]:
    """The rules a panel may use.

    Zone rules presume a symmetric distribution, so only individuals and means take all of them; other
    statistics take the first four kinds. Neighbouring moving ranges share a reading, so only limits apply to
    them. A family without a dispersion panel allows nothing there.
    """
    if panel is Panel.LOCATION:
        return _ANY_DISTRIBUTION if family.is_attribute else frozenset(Rule)
    if family.dispersion is None:
        return frozenset()
    if family.dispersion is Dispersion.MOVING_RANGE:
        return frozenset({Rule.BEYOND_LIMITS})
    return _ANY_DISTRIBUTION


def rules_for(family: Family, panel: Panel, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of `rules` that the panel allows, in their order, each once."""
    allowed = allowed_rules(family, panel)
    return tuple(rule for rule in dict.fromkeys(rules) if rule in allowed)


def evaluate(rules: Iterable[Rule], z: FloatArray) -> dict[Rule, NDArray[np.intp]]:
    """Positions in the series z (n,) at which each rule's pattern is complete, ascending; comparisons are shared."""
    zones = Zones(np.asarray(z, dtype=np.float64))
    return {rule: positions(rule.pattern.complete(zones)) for rule in rules}


def completions(rule: Rule, z: FloatArray) -> NDArray[np.intp]:
    """Positions in the series z (n,) at which this one rule's pattern is complete, ascending."""
    return evaluate((rule,), z)[rule]


def members(rule: Rule, window: Sequence[float]) -> tuple[int, ...]:
    """Offsets back from the window's last point (0) of the points forming the pattern; () if incomplete.

    `window` must reach back to the start of the series or hold at least the rule's span.
    """
    return rule.pattern.members(window) if window else ()
