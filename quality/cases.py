"""A nonconformance as it stands: contained, classified, traced, corrected, verified; and what is to be done next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from lots.models import Hold
from quality.containment import recount
from quality.models import CaseEntry, Nonconformance

Kind = CaseEntry.Kind


class Family(StrEnum):
    """What sort of defect it is; the cell families are those of the classification (`lots.science.defects`)."""

    COATING = "coating"
    DRYING = "drying residue"
    CALENDERING = "over-calendering"
    MOISTURE = "moisture"
    CONTACT = "contact"
    WETTING = "wetting or trapped gas"
    UNDERFILL = "underfill"
    CYCLER = "cycler channel"
    MEASUREMENT = "measurement"
    HANDLING = "handling"
    UNCLASSIFIED = "unclassified"


# Fields of each kind of entry, all required; those of the form make the content.
FIELDS: dict[str, tuple[str, ...]] = {
    Kind.OWNER: ("owner", "due"),
    Kind.CONTAINMENT: ("statement",),
    Kind.CLASSIFICATION: ("family", "reason"),
    Kind.EVIDENCE: ("claim", "source", "falsifier"),
    Kind.WHY: ("because",),
    Kind.ROOT_CAUSE: ("statement",),
    Kind.ACTION: ("statement", "lever", "lever_key", "due"),
    Kind.ACTION_DONE: ("action", "statement"),
    Kind.EFFECTIVENESS: ("chart", "points", "from_sequence", "to_sequence", "passed", "words"),
    Kind.CLOSURE: ("statement",),
}


@dataclass(frozen=True)
class ActionState:
    """A corrective action and the entry that says it was carried out."""

    entry: CaseEntry
    done: CaseEntry | None


@dataclass(frozen=True)
class Step:
    """One discipline of the loop: whether it is complete, and in words what is missing."""

    name: str
    complete: bool
    missing: str


@dataclass
class CaseView:
    """The case with its latest owner and classification, and all entries by kind."""

    case: Nonconformance
    owner: CaseEntry | None = None
    classification: CaseEntry | None = None
    root_cause: CaseEntry | None = None
    containments: list[CaseEntry] = field(default_factory=list)
    evidence: list[CaseEntry] = field(default_factory=list)
    whys: list[CaseEntry] = field(default_factory=list)
    actions: list[ActionState] = field(default_factory=list)
    effectiveness: list[CaseEntry] = field(default_factory=list)
    closure: CaseEntry | None = None
    steps: tuple[Step, ...] = ()

    @property
    def next_step(self) -> Step | None:
        """The first discipline that is not complete; None when only the closure is left."""
        return next((step for step in self.steps if not step.complete), None)

    @property
    def verified(self) -> bool:
        """Whether the latest confirmation set returned to the band, after every action was carried out."""
        latest = self.effectiveness[-1] if self.effectiveness else None
        done = [action.done.pk for action in self.actions if action.done is not None]
        return latest is not None and latest.content["passed"] and all(key < latest.pk for key in done)

    def is_overdue(self, today: date) -> bool:
        return (
            self.case.state == Nonconformance.State.OPEN
            and self.owner is not None
            and date.fromisoformat(self.owner.content["due"]) < today
        )


def case_view(case: Nonconformance) -> CaseView:
    """Read the case's entries in their order."""
    view = CaseView(case)
    entries = list(
        CaseEntry.objects.filter(case=case).select_related("entered_by", "signature").order_by("id")
    )
    done = {entry.content["action"]: entry for entry in entries if entry.kind == Kind.ACTION_DONE}
    for entry in entries:
        match entry.kind:
            case Kind.OWNER:
                view.owner = entry
            case Kind.CLASSIFICATION:
                view.classification = entry
            case Kind.ROOT_CAUSE:
                view.root_cause = entry
            case Kind.CONTAINMENT:
                view.containments.append(entry)
            case Kind.EVIDENCE:
                view.evidence.append(entry)
            case Kind.WHY:
                view.whys.append(entry)
            case Kind.ACTION:
                view.actions.append(ActionState(entry, done.get(entry.pk)))
            case Kind.EFFECTIVENESS:
                view.effectiveness.append(entry)
            case Kind.CLOSURE:
                view.closure = entry
    view.steps = _steps(view)
    return view


def _steps(view: CaseView) -> tuple[Step, ...]:
    hold: Hold | None = view.case.hold
    contained = hold is not None and recount(hold).agrees
    containment = "" if contained or view.containments else "place a hold, or say why none is needed"
    open_actions = [action for action in view.actions if action.done is None]
    correct = (
        "name the root cause"
        if view.root_cause is None
        else "tie a corrective action to a recipe parameter or control-plan line"
        if not view.actions
        else f"{len(open_actions)} action{'s' if len(open_actions) != 1 else ''} not carried out yet"
        if open_actions
        else ""
    )
    return (
        _step("Own", "name the owner and the due date" if view.owner is None else ""),
        _step("Contain", containment),
        _step("Classify", "say what family of defect it is" if view.classification is None else ""),
        _step("Trace", _trace(view)),
        _step("Correct", correct),
        _step(
            "Verify", "" if view.verified else "let a confirmation set of points show that it is back in band"
        ),
    )


def _step(name: str, missing: str) -> Step:
    return Step(name, not missing, missing)


def _trace(view: CaseView) -> str:
    if not view.evidence:
        return "add evidence, and what would falsify it"
    return "" if view.whys else "ask why, at least once"


def content_of(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of the kind, stripped. Raises KeyError for a kind that has none."""
    return {name: fields.get(name, "") for name in FIELDS[kind]}


def summary(view: CaseView) -> Sequence[tuple[str, str]]:
    """Heads and words of the eight disciplines, for lists and the report."""
    return [(step.name, "complete" if step.complete else step.missing) for step in view.steps]
