"""The safety chain of a product as it stands, and what is wrong with it: live, so that nothing approves a broken chain.

The three consistency checks of handbook 9.5: every hazard has a path to evidence; every criterion can be measured
with its instrument at its sampling rate; every observable maps to a failure mode. Beside them the evidence itself: raw
data are there, and what failed says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TypeVar

from lots.models import Product, Site
from lots.units import UnitMismatch, convert, units_like
from quality.models import (
    FailureMode,
    Hazard,
    Observable,
    ObservableMode,
    SafetyCriterion,
    SafetyMethod,
    SafetyRecord,
    SafetyResult,
)
from quality.safety_review import process_changes

# An event is seen when at least so many samples fall into it. Ours: the handbook asks for "measurable" only.
SAMPLES_IN_EVENT = 2
R = TypeVar("R", bound=SafetyRecord)


class Check(IntEnum):
    """The consistency checks in the handbook's order; the fourth is about the evidence, the fifth about changes."""

    PATH = 1
    MEASURABLE = 2
    MAPPED = 3
    EVIDENCE = 4
    REVIEW = 5


@dataclass(frozen=True)
class ChainGap:
    """One break of the chain: which check, the code of the record concerned, and what to do in words."""

    check: Check
    code: str
    words: str


@dataclass(frozen=True)
class CriterionPath:
    """A criterion with the results that count, and with every result that it ever had, of earlier versions too.

    Of this version count every failure that nobody has set aside, and the latest pass of each cell.
    """

    criterion: SafetyCriterion
    results: tuple[SafetyResult, ...]
    history: tuple[SafetyResult, ...]
    gaps: tuple[ChainGap, ...]


@dataclass(frozen=True)
class ObservablePath:
    observable: Observable
    method: SafetyMethod
    modes: tuple[str, ...]
    criteria: tuple[CriterionPath, ...]


@dataclass(frozen=True)
class ModePath:
    mode: FailureMode
    observables: tuple[ObservablePath, ...]


@dataclass(frozen=True)
class HazardPath:
    hazard: Hazard
    modes: tuple[ModePath, ...]


@dataclass(frozen=True)
class SafetyChain:
    """All hazards of a product with their paths; `unmapped` observables belong to no failure mode."""

    product: Product
    hazards: tuple[HazardPath, ...]
    unmapped: tuple[ObservablePath, ...]
    gaps: tuple[ChainGap, ...]


def safety_gaps(site: Site) -> list[ChainGap]:
    """What keeps a baseline or an evidence package of the site from being approved, over all products made there."""
    products = Product.objects.filter(revisions__workorder__site=site).distinct().order_by("code")
    return [gap for product in products for gap in safety_chain(product).gaps]


def safety_chain(product: Product) -> SafetyChain:
    """Read the chain, in a number of queries that does not grow with it."""
    hazards = newest(Hazard.objects.filter(product=product).select_related("requirement"))
    modes = newest(FailureMode.objects.filter(product=product).select_related("hazard"))
    methods = newest(SafetyMethod.objects.filter(product=product))
    criteria = newest(SafetyCriterion.objects.filter(product=product).select_related("observable"))
    results = _results(product)
    by_observable: dict[str, list[CriterionPath]] = defaultdict(list)
    observables = newest(Observable.objects.filter(product=product).select_related("method"))
    for criterion in criteria.values():
        observable = observables[criterion.observable.code]
        history = tuple(results[criterion.code])
        counting = _counting(criterion, history)
        gaps = (*_measurable(criterion, observable), *_evidence(criterion, counting, history))
        by_observable[observable.code].append(CriterionPath(criterion, counting, history, gaps))
    mapped = _mapped(observables, modes)
    paths = {
        code: ObservablePath(
            one, methods[one.method.code], tuple(sorted(mapped[code])), tuple(by_observable[code])
        )
        for code, one in observables.items()
    }
    by_hazard: dict[str, list[ModePath]] = defaultdict(list)
    for code, mode in modes.items():
        watched = tuple(path for path in paths.values() if code in path.modes)
        by_hazard[mode.hazard.code].append(ModePath(mode, watched))
    tree = tuple(HazardPath(hazard, tuple(by_hazard[code])) for code, hazard in hazards.items())
    unmapped = tuple(path for path in paths.values() if not path.modes)
    gaps = (*_gaps(tree, unmapped, paths.values()), *_unreviewed(product, hazards.values()))
    return SafetyChain(product, tree, unmapped, gaps)


def newest(rows: Iterable[R]) -> dict[str, R]:
    """Code → its newest version, in the order of the codes."""
    found: dict[str, R] = {}
    for row in sorted(rows, key=lambda row: (row.code, row.version)):
        found[row.code] = row
    return found


def _mapped(observables: dict[str, Observable], modes: dict[str, FailureMode]) -> dict[str, set[str]]:
    links = ObservableMode.objects.filter(observable__in=[one.pk for one in observables.values()])
    mapped: dict[str, set[str]] = defaultdict(set)
    for observable, mode in links.values_list("observable__code", "failure_mode__code"):
        if mode in modes:
            mapped[observable].add(mode)
    return mapped


def _results(product: Product) -> dict[str, list[SafetyResult]]:
    """Criterion's code → every result against any version of it, the oldest first."""
    found: dict[str, list[SafetyResult]] = defaultdict(list)
    rows = SafetyResult.objects.filter(criterion__product=product)
    for row in rows.select_related("criterion", "lot", "recorded_by", "set_aside__signature").order_by("id"):
        found[row.criterion.code].append(row)
    return found


def _counting(criterion: SafetyCriterion, history: Iterable[SafetyResult]) -> tuple[SafetyResult, ...]:
    """A later pass takes the place of a pass of the same cell, never of a failure."""
    own = [row for row in history if row.criterion_id == criterion.pk and row.counts]
    latest = {row.lot_id: row.pk for row in own if row.passed}
    return tuple(row for row in own if not row.passed or latest[row.lot_id] == row.pk)


def _gaps(
    tree: Iterable[HazardPath], unmapped: Iterable[ObservablePath], paths: Iterable[ObservablePath]
) -> list[ChainGap]:
    gaps = [gap for path in tree for gap in _path(path)]
    for observable in paths:
        gaps += [gap for criterion in observable.criteria for gap in criterion.gaps]
    for one in unmapped:
        words = (
            f"{one.observable}: {one.observable.title} maps to no failure mode; name the one that it shows"
        )
        gaps.append(ChainGap(Check.MAPPED, one.observable.code, words))
    return sorted(gaps, key=lambda gap: (gap.check, gap.code))


def _path(path: HazardPath) -> list[ChainGap]:
    """Where each way down from the hazard ends; empty when every failure mode reaches a result."""
    hazard = path.hazard

    def gap(words: str) -> ChainGap:
        return ChainGap(Check.PATH, hazard.code, f"{hazard}: {words}")

    if not path.modes:
        return [gap(f"{hazard.title} has no failure mode")]
    gaps = []
    for mode in path.modes:
        criteria = [one for observable in mode.observables for one in observable.criteria]
        if not mode.observables:
            gaps.append(gap(f"nothing observes {mode.mode} ({mode.mode.title})"))
        elif not criteria:
            gaps.append(gap(f"{mode.mode} ({mode.mode.title}) is observed against no criterion"))
        words = f"{mode.mode} ({mode.mode.title}) has no evidence: no cell was tested against"
        gaps += [gap(f"{words} {one.criterion}") for one in criteria if not one.results]
    return gaps


def _unreviewed(product: Product, hazards: Iterable[Hazard]) -> list[ChainGap]:
    """Hazards whose newest version is older than the last change of coating, separator or pressure."""
    change = next(iter(process_changes(product)), None)
    if change is None:
        return []
    return [
        ChainGap(
            Check.REVIEW,
            hazard.code,
            f"{hazard}: the {change.area} was changed on {change.changed_at:%Y-%m-%d} ({change.words}); review the"
            " hazard and write what follows as its reason",
        )
        for hazard in hazards
        if hazard.entered_at < change.changed_at
    ]


def _measurable(criterion: SafetyCriterion, observable: Observable) -> list[ChainGap]:
    """Whether the instrument resolves the tolerance in a like unit, and samples often enough to see the event."""

    def gap(words: str) -> ChainGap:
        return ChainGap(Check.MEASURABLE, criterion.code, f"{criterion}: {words}")

    if observable.unit not in units_like(criterion.unit):
        words = f"it is in {criterion.unit}, and {observable.instrument} reads {observable.unit}"
        return [gap(words)]
    gaps = []
    finest = _in_unit(observable.resolution, observable.unit, criterion.unit)
    if finest > criterion.tolerance:
        gaps.append(
            gap(
                f"{observable.instrument} resolves {finest.normalize():f} {criterion.unit},"
                f" {criterion.tolerance.normalize():f} are needed"
            )
        )
    samples = observable.sampling_hz * criterion.shortest_s
    if samples < SAMPLES_IN_EVENT:
        gaps.append(
            gap(
                f"at {observable.sampling_hz.normalize():f} Hz an event of {criterion.shortest_s.normalize():f} s"
                f" has {samples.normalize():f} samples, {SAMPLES_IN_EVENT} are needed"
            )
        )
    return gaps


def _in_unit(resolution: Decimal, unit: str, wanted: str) -> Decimal:
    """The resolution in the wanted unit: a difference, so that the zeros of °C and K do not matter."""
    try:
        return convert(resolution, unit, wanted) - convert(Decimal(0), unit, wanted)
    except UnitMismatch:
        return Decimal("Infinity")


def _evidence(
    criterion: SafetyCriterion, counting: Iterable[SafetyResult], history: Iterable[SafetyResult]
) -> list[ChainGap]:
    """Results without raw data, and failures that nobody has set aside: a new version of the criterion does not."""
    lines = [f"the result of {row.lot.code} has no raw data" for row in counting if not row.raw_sha256]
    for row in history:
        if not row.passed and row.counts:
            version = f" (version {row.criterion.version})" if row.criterion_id != criterion.pk else ""
            value = f"{row.value.normalize():f} {row.criterion.unit}"
            lines.append(f"{row.lot.code} failed it{version} with {value}")
    return [ChainGap(Check.EVIDENCE, criterion.code, f"{criterion}: {words}") for words in lines]
