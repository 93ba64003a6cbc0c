"""What a gauge study is made of and what it ends in: designs, readings, components of variation, verdict.

Thresholds: AIAG, Measurement Systems Analysis, 4th edition (2010), table III-B 1 (GRR below 10 % acceptable, up to 30 %
marginal), at least 5 distinct categories; III-C (kappa above 0.75 good, below 0.40 poor).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCEPTABLE_PCT, MARGINAL_PCT = 10.0, 30.0
FEWEST_CATEGORIES = 5
GOOD_KAPPA, POOR_KAPPA = 0.75, 0.40


class Design(StrEnum):
    CROSSED = "crossed"
    NESTED = "nested"
    BIAS = "bias"
    LINEARITY = "linearity"
    STABILITY = "stability"
    ATTRIBUTE = "attribute"


class GaugeVerdict(StrEnum):
    ACCEPTABLE = "acceptable"
    MARGINAL = "marginal"
    UNACCEPTABLE = "unacceptable"


@dataclass(frozen=True)
class StudyReading:
    """One reading: a number in the characteristic's unit, or a class ("pass", "fail") of an attribute study."""

    part: str
    operator: str
    trial: int
    value: float | str


@dataclass(frozen=True)
class Component:
    """A source of variation. Percentages of the total: variance (`contribution`), deviation (`study`), and six
    deviations of the tolerance; None where the total is 0 or there is no tolerance."""

    name: str
    variance: float
    contribution_pct: float | None
    study_pct: float | None
    tolerance_pct: float | None


@dataclass(frozen=True)
class StudyResult:
    """`reasons` say what led to the verdict; `figures` are (name, value) of what the design estimates besides."""

    verdict: GaugeVerdict
    reasons: tuple[str, ...]
    components: tuple[Component, ...] = ()
    ndc: int | None = None
    figures: tuple[tuple[str, float | None], ...] = ()


def by_share(worst_pct: float) -> GaugeVerdict:
    """Verdict of a gauge R&R by its share in percent; 10 % exactly is marginal, 30 % exactly still is."""
    if worst_pct < ACCEPTABLE_PCT:
        return GaugeVerdict.ACCEPTABLE
    return GaugeVerdict.MARGINAL if worst_pct <= MARGINAL_PCT else GaugeVerdict.UNACCEPTABLE


def by_kappa(worst: float) -> GaugeVerdict:
    """Verdict of an attribute study by its lowest kappa."""
    if worst >= GOOD_KAPPA:
        return GaugeVerdict.ACCEPTABLE
    return GaugeVerdict.MARGINAL if worst >= POOR_KAPPA else GaugeVerdict.UNACCEPTABLE
