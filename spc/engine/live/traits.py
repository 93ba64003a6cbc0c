"""What a kind of chart shows, in words: its panels, its unit, and how a signal of it is to be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from spc.engine.families import Panel
from spc.engine.kinds import ChartKind


class Unit(StrEnum):
    """In what a panel is measured."""

    READING = "reading"  # the characteristic's own unit
    SIGMA = "sigma"  # standard deviations
    HOURS = "hours"
    NONE = "none"  # counts, proportions, distances


class Moves(StrEnum):
    """Whether the second panel plots the moving range of neighbouring points."""

    NEVER = "never"
    ALWAYS = "always"
    AS_PARAMETERS_SAY = "as parameters say"


@dataclass(frozen=True)
class Traits:
    """`panels` label what each plots. `counts`: readings are counted, not measured.

    `comparable`: specification limits for single readings may be drawn beside the points.
    `remembers`: the statistic gathers many points; a signal says since when.
    `below_from_zero`: nothing on the second panel is below 0, so that a limit there cannot be violated.
    `rare`: a point is plotted at an event only, and phase 1 counts events.
    `decimals`: how many the plotted statistic has, beyond those of a reading (fixed for shares and rates).
    """

    location: str
    dispersion: str = ""
    within: str = ""
    unit: Unit = Unit.READING
    counts: bool = False
    moves: Moves = Moves.NEVER
    comparable: bool = False
    remembers: bool = False
    below_from_zero: bool = True
    rare: bool = False
    decimals: int = 0
    fixed_decimals: int | None = None

    @property
    def needs_limits(self) -> bool:
        """Whether a point has no statistic before there are limits: it is made with them."""
        return self.rare or (self.unit is not Unit.READING and not self.counts)

    def panel(self, panel: Panel) -> str:
        """What the panel plots."""
        return {
            Panel.LOCATION: self.location,
            Panel.DISPERSION: self.dispersion,
            Panel.WITHIN: self.within,
        }[panel]


MOVING, SPREAD = "Moving range", "Standard deviation"
_TRAITS = {
    ChartKind.IMR: Traits("Value", MOVING, moves=Moves.ALWAYS, comparable=True),
    ChartKind.XBAR_R: Traits("Mean", "Range", decimals=1),
    ChartKind.XBAR_S: Traits("Mean", SPREAD, decimals=1),
    ChartKind.MEDIAN_R: Traits("Median", "Range", decimals=1),
    ChartKind.P: Traits("Proportion", unit=Unit.NONE, counts=True, fixed_decimals=4),
    ChartKind.NP: Traits("Number nonconforming", unit=Unit.NONE, counts=True, decimals=1),
    ChartKind.C: Traits("Count", unit=Unit.NONE, counts=True, decimals=1),
    ChartKind.U: Traits("Count per unit", unit=Unit.NONE, counts=True, fixed_decimals=4),
    ChartKind.LANEY_P: Traits("Proportion", unit=Unit.NONE, counts=True, fixed_decimals=4),
    ChartKind.LANEY_U: Traits("Count per unit", unit=Unit.NONE, counts=True, fixed_decimals=4),
    ChartKind.EWMA: Traits(
        "Weighted average", "Spread", decimals=1, remembers=True, moves=Moves.AS_PARAMETERS_SAY
    ),
    ChartKind.CUSUM: Traits(
        "Upper sum", "Lower sum", unit=Unit.SIGMA, remembers=True, below_from_zero=False, fixed_decimals=2
    ),
    ChartKind.MOVING_CENTER: Traits("Value", "Moving range of errors", moves=Moves.ALWAYS, comparable=True),
    ChartKind.TREND: Traits("Value", "Moving range of residuals", moves=Moves.ALWAYS, comparable=True),
    ChartKind.RESIDUAL: Traits("Value", "Moving range of residuals", moves=Moves.ALWAYS, comparable=True),
    ChartKind.THREE_WAY: Traits(
        "Mean", "Moving range of means", "Spread within", decimals=1, moves=Moves.ALWAYS
    ),
    ChartKind.GROUP: Traits("Largest mean", "Smallest mean", decimals=1, below_from_zero=False),
    ChartKind.SHORT_RUN: Traits(
        "Standardised value", MOVING, unit=Unit.SIGMA, moves=Moves.ALWAYS, fixed_decimals=2
    ),
    ChartKind.ACCEPTANCE: Traits("Mean", "Spread", decimals=1, moves=Moves.AS_PARAMETERS_SAY),
    ChartKind.G: Traits("Units between events", unit=Unit.NONE, counts=True, rare=True, fixed_decimals=0),
    ChartKind.T: Traits("Time between events", unit=Unit.HOURS, counts=True, rare=True, fixed_decimals=2),
    ChartKind.T2: Traits("T²", unit=Unit.NONE, fixed_decimals=2),
    ChartKind.MEWMA: Traits(
        "T² of the averages", "T² of the point", unit=Unit.NONE, remembers=True, fixed_decimals=2
    ),
}
_DEVIATIONS = Traits("Deviation from nominal", MOVING, decimals=1, moves=Moves.ALWAYS)


def traits(kind: ChartKind | str, parameters: str = "") -> Traits:
    """The traits of a kind, or of its name.

    A short-run chart may plot deviations in the unit of the reading; a moving range may be of more than two.
    """
    found, said = ChartKind(kind), parameters.split()
    if found is ChartKind.SHORT_RUN and "plot=deviation" in said:
        return _DEVIATIONS
    if found is ChartKind.IMR and said:
        return replace(_TRAITS[found], dispersion=f"{MOVING} of {said[0].removeprefix('span=')}")
    return _TRAITS[found]
