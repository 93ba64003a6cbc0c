"""The artifact of the safety chain: from each hazard to the evidence, and where the chain breaks."""

from __future__ import annotations

from collections.abc import Iterator

from lots.models import Product
from lots.units import written_unit
from quality.models import SafetyCriterion, SafetyResult
from quality.package.checks import Finding
from quality.package.subject import Subject
from quality.package.table import Table, instant, text
from quality.safety_chain import ObservablePath, SafetyChain
from quality.safety_chain import safety_chain as chain_of

TITLE = "safety chain"


def chains(subject: Subject) -> list[SafetyChain]:
    """The safety chain of each product that the package speaks of."""
    keys = {lot.product_revision.product_id for lot in subject.lots if lot.product_revision is not None}
    return [chain_of(product) for product in Product.objects.filter(pk__in=keys).order_by("code")]


def safety_findings(subject: Subject) -> list[Finding]:
    """Every break of the chain keeps the package from being signed."""
    return [Finding(TITLE, gap.words) for chain in chains(subject) for gap in chain.gaps]


def hazard_table(subject: Subject) -> Table:
    """Hazard, failure mode, observable, criterion and result, one row a result."""
    rows = tuple(row for chain in chains(subject) for row in _rows(chain))
    head = ("Hazard", "Failure mode", "Observed, by which method", "Criterion", "Evidence")
    return Table("Hazards", head, rows, "" if rows else "No hazard is written.", wide=(0, 1, 2, 3, 4))


def _rows(chain: SafetyChain) -> Iterator[tuple[str, ...]]:
    for path in chain.hazards:
        hazard = f"{path.hazard} {path.hazard.title} ({path.hazard.requirement}, {path.hazard.source_type})"
        for mode in path.modes:
            for observable in mode.observables:
                for criterion, evidence in _criteria(observable):
                    named = (
                        f"{observable.observable} {observable.observable.title}; {observable.method.protocol}"
                    )
                    yield hazard, f"{mode.mode} {mode.mode.title}", named, criterion, evidence
            if not mode.observables:
                yield hazard, f"{mode.mode} {mode.mode.title}", "nothing", "", ""
        if not path.modes:
            yield hazard, "none", "", "", ""


def _criteria(path: ObservablePath) -> Iterator[tuple[str, str]]:
    for one in path.criteria:
        criterion = one.criterion
        unit = written_unit(criterion.unit)
        words = f"{criterion}: {criterion.get_operator_display()} {text(criterion.limit)} {unit}"
        for result in one.history:
            verdict = "passed" if result.passed else "FAILED"
            early = f", stopped early: {result.stop_reason}" if result.stopped_early else ""
            raw = f"raw data {result.raw_sha256[:16]}" if result.raw_sha256 else "no raw data"
            unit = written_unit(result.criterion.unit)
            value = f"{result.lot.code}: {text(result.value)} {unit}, {verdict}{early}{_standing(result, criterion)}"
            yield words, f"{value}; {raw}; {instant(result.recorded_at)}"
        if not one.results:
            yield words, "no cell was tested"


def _standing(result: SafetyResult, criterion: SafetyCriterion) -> str:
    """Whether the result counts, where it does not."""
    version = result.criterion.version
    earlier = f", against version {version}" if version != criterion.version else ""
    if result.counts:
        return earlier
    aside = result.set_aside
    return f"{earlier}, set aside by {aside.signature.printed_name}: {aside.reason}"
