"""A failure investigation as it stands: what was found, which branches were tried, and what to do next.

The order is that of the handbook (12.4): signature, integrity of the measurement, evidence, branch, controlled re-test,
diagnosis, control. Nothing is diagnosed before somebody has signed that the measurement is sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lots.models import Characteristic, Lot
from lots.queries import valid_measurements
from lots.units import written_unit
from quality.models import CaseEntry, Judgement, Nonconformance
from spc.queries import current_points

Kind = CaseEntry.Kind
GOOD_LOTS = 3

# What may be wrong with the measurement and not with the cell (handbook 12.4).
CHECKS = {
    "fixture": "The same cell in another fixture, contacts cleaned: the reading repeats",
    "channel": "The same cell on another channel, a good cell on this one: the reading follows the cell",
    "timing": "Rest, state of charge and temperature were those of the protocol",
    "sensor": "Gauge and temperature sensor are in calibration and read a reference right",
}
# The handbook asks for a set of four; which four is Halite's reading of it.
EVIDENCE = {
    "1": "Voltage curves of the first bad and the last three good, over each other",
    "2": "Impedance at the same state of charge and temperature",
    "3": "Records of every step: gates, open times, moisture dose, fill mass, deviations",
    "4": "The cell from outside: mass, thickness, seal, tabs, without opening it",
}


class Branch(StrEnum):
    OHMIC = "A"
    INTERPHASE = "B"
    MECHANICAL = "C"
    OTHER = "D"


BRANCHES = {
    Branch.OHMIC: (
        "High-frequency resistance is up",
        "ohmic path: tab, weld, collector, contact of the fixture",
    ),
    Branch.INTERPHASE: (
        "Low-frequency or mid arc is up",
        "wetting or interphase: fill, trapped gas, moisture",
    ),
    Branch.MECHANICAL: ("Early divergence under load", "mechanical: alignment, pressure, delamination"),
    Branch.OTHER: ("None of these", "say what it is like instead"),
}


class Outcome(StrEnum):
    CONFIRMS = "confirms"
    REFUTES = "refutes"
    UNCLEAR = "unclear"


@dataclass
class Retest:
    """A planned re-test, and what it showed."""

    plan: CaseEntry
    result: CaseEntry | None = None


@dataclass
class BranchNode:
    """A branch of the decision tree with its re-tests in order."""

    entry: CaseEntry
    retests: list[Retest] = field(default_factory=list)

    @property
    def name(self) -> str:
        return BRANCHES[Branch(self.entry.content["branch"])][0]

    @property
    def points_to(self) -> str:
        return BRANCHES[Branch(self.entry.content["branch"])][1]

    @property
    def status(self) -> str:
        """Supported or refuted by its latest clear re-test; a branch that nothing ties down needs more evidence."""
        outcomes = [one.result.content["outcome"] for one in self.retests if one.result is not None]
        clear = [outcome for outcome in outcomes if outcome != Outcome.UNCLEAR]
        if not clear:
            return "needs more evidence"
        return "supported" if clear[-1] == Outcome.CONFIRMS else "refuted"


@dataclass(frozen=True)
class Next:
    """What to do next: the stage, which is the form to show, and words."""

    stage: str
    words: str


@dataclass
class Investigation:
    """The entries of one case that belong to its investigation."""

    signature: CaseEntry | None = None
    integrity: CaseEntry | None = None
    observations: dict[str, CaseEntry] = field(default_factory=dict)
    branches: list[BranchNode] = field(default_factory=list)
    diagnosis: CaseEntry | None = None
    link: CaseEntry | None = None
    action: CaseEntry | None = None

    @property
    def begun(self) -> bool:
        return self.signature is not None

    @property
    def is_sound(self) -> bool:
        """Whether the measurement was signed as sound, after the signature was last stated."""
        return (
            self.signature is not None
            and self.integrity is not None
            and self.integrity.pk > self.signature.pk
            and all(check["ok"] for check in self.integrity.content["checks"].values())
        )

    @property
    def branch(self) -> BranchNode | None:
        return self.branches[-1] if self.branches else None

    @property
    def next(self) -> Next | None:
        """None when the investigation is finished."""
        return _next(self)


def investigation_of(entries: Sequence[CaseEntry]) -> Investigation:
    """Read the investigation out of the entries of one case, in their order."""
    found = Investigation()
    retests: dict[int, Retest] = {}
    for entry in entries:
        match entry.kind:
            case Kind.SIGNATURE:
                found = Investigation(
                    signature=entry
                )  # of something else: what was found before was not of it
            case Kind.INTEGRITY:
                found.integrity = entry
                if not found.is_sound:
                    found.diagnosis, found.link = None, None
            case Kind.OBSERVATION:
                found.observations[entry.content["part"]] = entry
            case Kind.BRANCH:
                found.branches.append(BranchNode(entry))
            case Kind.RETEST:
                retests[entry.pk] = Retest(entry)
                if found.branch is not None:  # once planned on a branch that a new signature has ended
                    found.branch.retests.append(retests[entry.pk])
            case Kind.RETEST_RESULT:
                retests[entry.content["retest"]].result = entry
            case Kind.DIAGNOSIS:
                found.diagnosis, found.link = entry, None
            case Kind.CONTROL_LINK:
                found.link = entry
    if found.link is not None:
        key = found.link.content["action"]
        found.action = next((entry for entry in entries if entry.pk == key), None)
    return found


def _next(found: Investigation) -> Next | None:
    if found.signature is None:
        return Next("signature", "name the last three good lots and the first bad one")
    if not found.is_sound:
        failed = found.integrity is not None and found.integrity.pk > found.signature.pk
        words = (
            "the measurement failed its check: put it right, measure the first bad lot again, and sign a new check"
            if failed
            else "check the measurement before the cell, and sign; until then nothing is diagnosed"
        )
        return Next("integrity", words)
    missing = [part for part in EVIDENCE if part not in found.observations]
    if missing:
        return Next("observation", f"record evidence {missing[0]}: {EVIDENCE[missing[0]].lower()}")
    if found.diagnosis is not None:
        words = "tie the diagnosis to the corrective action that changes a control"
        return None if found.link is not None else Next("control_link", words)
    return _next_of_branch(found.branch)


def _next_of_branch(branch: BranchNode | None) -> Next:
    if branch is None:
        return Next("branch", "choose the branch that the evidence points to")
    if branch.retests and branch.retests[-1].result is None:
        return Next("retest_result", "carry out the re-test and report what it showed")
    if branch.status == "refuted":
        return Next("branch", "the re-test refutes it: choose another branch")
    if branch.status == "supported":
        return Next("diagnosis", "write the diagnosis that the re-test confirms")
    return Next("retest", "plan a re-test that changes one variable, and say what would refute the branch")


@dataclass(frozen=True)
class Proposal:
    """Lots that the records suggest as last good and first bad, and the characteristic that tells them apart."""

    good: tuple[str, ...] = ()
    bad: str = ""
    characteristic: Characteristic | None = None


def propose_signature(case: Nonconformance) -> Proposal:
    """From the chart of the case's signal, or from the judgements before its defect; empty where neither is known."""
    if case.signal is not None:
        return _from_chart(case)
    if case.defect is not None:
        judgement = case.defect.judgement
        conforming = Judgement.objects.filter(
            line=judgement.line_id,
            verdict=Judgement.Verdict.CONFORMS,
            id__lt=judgement.pk,
            lot_id__isnull=False,
        ).order_by("-id")
        keys = [key for key in conforming.values_list("lot_id", flat=True)[:200] if key is not None]
        bad = case.defect.lot.code if case.defect.lot is not None else ""
        return Proposal(_codes(keys, without=bad), bad, case.defect.characteristic)
    return Proposal(bad=case.lot.code if case.lot is not None else "")


def _from_chart(case: Nonconformance) -> Proposal:
    signal = case.signal
    assert signal is not None
    points = [
        member.point
        for member in signal.members.select_related("point__subgroup").order_by("point__sequence")
    ]
    first = points[0] if points else signal.point
    key = (
        first.subgroup.members.filter(lot_id__isnull=False)
        .order_by("id")
        .values_list("lot_id", flat=True)
        .first()
    )
    bad = Lot.objects.filter(pk=key).values_list("code", flat=True).first() if key is not None else None
    before = current_points(signal.chart_id).filter(sequence__lt=first.sequence, signals__isnull=True)
    rows = before.order_by("-sequence").values_list("subgroup__members__lot_id", flat=True)[:60]
    keys = [key for key in rows if key is not None]
    return Proposal(_codes(keys, without=bad or ""), bad or "", signal.chart.stream.plan.characteristic)


def _codes(keys: Sequence[int], *, without: str) -> tuple[str, ...]:
    """Codes of the first three lots, the oldest first."""
    lots = Lot.objects.in_bulk(list(dict.fromkeys(keys)))
    codes = [lots[key].code for key in dict.fromkeys(keys) if key in lots and lots[key].code != without]
    return tuple(reversed(codes[:GOOD_LOTS]))


def values_of(characteristic: Characteristic | None, lots: Sequence[Lot]) -> dict[str, str]:
    """Lot code → the values of the characteristic, as they were entered; empty where none was measured."""
    if characteristic is None:
        return {}
    rows = valid_measurements(lot.pk for lot in lots).filter(characteristic=characteristic).order_by("id")
    codes = {lot.pk: lot.code for lot in lots}
    found: dict[str, list[str]] = {}
    for row in rows[:200]:
        words = f"{row.qualifier}{row.value.normalize():f}"
        found.setdefault(codes[row.lot_id or 0], []).append(words)
    return {
        code: f"{', '.join(values[:5])} {written_unit(characteristic.unit)}" for code, values in found.items()
    }
