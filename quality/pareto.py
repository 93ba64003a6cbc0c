"""Which defects there are most of: by family, characteristic, step, equipment and shift; each bar leads to its lots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from lots.models import Measurement, Shift, Site
from lots.science.defects.signatures import SIGNATURES
from lots.science.defects.signatures import Family as ScienceFamily
from quality.cases import Family
from quality.models import CaseEntry, Defect
from quality.suspects import OF_ITS_PARENTS, OF_THE_CELL

LARGEST = 20_000  # newest defects looked at
FACTORS = ("family", "characteristic", "step", "equipment", "shift")
FEATURES = OF_THE_CELL | OF_ITS_PARENTS
# Families of the cell classification in the words of the cases.
NAMED = {
    ScienceFamily.CONTACT: Family.CONTACT,
    ScienceFamily.WETTING_OR_GAS: Family.WETTING,
    ScienceFamily.UNDERFILL: Family.UNDERFILL,
    ScienceFamily.MOISTURE: Family.MOISTURE,
    ScienceFamily.DRYING_RESIDUE: Family.DRYING,
    ScienceFamily.OVER_CALENDERING: Family.CALENDERING,
    ScienceFamily.LOADING_MISMATCH: Family.LOADING,
    ScienceFamily.CYCLER_CHANNEL: Family.CYCLER,
    ScienceFamily.UNCLASSIFIED: Family.UNCLASSIFIED,
}


@dataclass(frozen=True)
class Bar:
    """A bar of the chart: its share of the largest, and the share of all up to and with it, in per cent."""

    name: str
    count: int
    width_pct: float
    cumulative_pct: float


@dataclass(frozen=True)
class ClassedDefect:
    """A defect with its level of each of FACTORS."""

    defect: Defect
    levels: Mapping[str, str]


def pareto(names: Iterable[str]) -> list[Bar]:
    """Bars, the most frequent first; names alike in number stand in their alphabetical order."""
    counts = Counter(names)
    total, done = sum(counts.values()), 0
    bars: list[Bar] = []
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered:
        done += count
        bars.append(Bar(name, count, 100 * count / ordered[0][1], 100 * done / total))
    return bars


def defect_paretos(site: Site, *, since: datetime | None = None) -> dict[str, list[Bar]]:
    """Factor → bars over the site's defects since an instant of its clock (None: all); four queries."""
    rows = classed_defects(site, since=since)
    return {factor: pareto(row.levels[factor] for row in rows) for factor in FACTORS}


def classed_defects(site: Site, *, since: datetime | None = None) -> list[ClassedDefect]:
    """The newest defects of the site with their levels, newest first; four queries."""
    defects = Defect.objects.filter(site=site)
    if since is not None:
        defects = defects.filter(found_at__gte=since)
    rows = list(
        defects.select_related("characteristic__step", "judgement", "lot", "requirement").order_by("-id")[
            :LARGEST
        ]
    )
    values = {
        key: (machine, value)
        for key, machine, value in Measurement.objects.filter(
            id__in=[row.judgement.measurement_id for row in rows],
            received_at__in={row.judgement.measurement_received_at for row in rows},
        ).values_list("id", "equipment__code", "value")
    }
    by_defect, by_hold = _decided(site)
    shifts = list(Shift.objects.filter(site=site).order_by("starts"))
    zone = ZoneInfo(site.time_zone)
    classed = []
    for row in rows:
        machine, value = values.get(row.judgement.measurement_id, (None, None))
        lsl = row.judgement.lsl
        below = value is not None and lsl is not None and value < lsl
        decided = by_defect.get(row.pk) or by_hold.get(row.hold_id or 0)
        levels = {
            "family": decided or family_of(row.characteristic.code, below=below),
            "characteristic": row.characteristic.name,
            "step": row.characteristic.step.name,
            "equipment": machine or "none",
            "shift": shift_of(row.found_at.astimezone(zone).time(), shifts),
        }
        classed.append(ClassedDefect(row, levels))
    return classed


def family_of(characteristic: str, *, below: bool) -> str:
    """The family whose signature has this value moved this way, at the step where it was measured.

    `below` the lower limit or above the upper one. What is measured at a later step than the one that a family points
    to is a symptom and names no cause: that is unclassified until a person classifies the case.
    """
    feature, step = FEATURES.get(characteristic), characteristic.partition(".")[0]
    direction = -1 if below else 1
    for signature in SIGNATURES:
        moved = [(symptom.feature, symptom.direction) for symptom in signature.symptoms]
        if signature.step == step and (feature, direction) in moved:
            return NAMED[signature.family]
    return Family.UNCLASSIFIED


def _decided(site: Site) -> tuple[dict[int, str], dict[int, str]]:
    """Families that people decided on, by defect and by hold; the latest classification of a case counts."""
    by_defect: dict[int, str] = {}
    by_hold: dict[int, str] = {}
    rows = CaseEntry.objects.filter(kind=CaseEntry.Kind.CLASSIFICATION, case__site=site).order_by("id")
    for defect, hold, family in rows.values_list("case__defect", "case__hold", "content__family"):
        if defect is not None:
            by_defect[defect] = family
        if hold is not None:
            by_hold[hold] = family
    return by_defect, by_hold


def shift_of(at: time, shifts: Iterable[Shift]) -> str:
    """The shift that the time of day falls into; one that ends before it starts crosses midnight."""
    for shift in shifts:
        inside = (
            shift.starts <= at < shift.ends
            if shift.starts < shift.ends
            else at >= shift.starts or at < shift.ends
        )
        if inside:
            return shift.name
    return "outside of shifts"
