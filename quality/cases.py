"""A nonconformance as it stands: contained, classified, traced, corrected, verified; and what is to be done next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

from lots.models import Hold, Site
from quality.containment import recount
from quality.investigation import Investigation, investigation_of
from quality.models import CaseEntry, Nonconformance
from quality.post_mortem import PostMortem, post_mortem_of

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
    LOADING = "loading mismatch"
    CYCLER = "cycler channel"
    MEASUREMENT = "measurement"
    HANDLING = "handling"
    UNCLASSIFIED = "unclassified"


# Fields of each kind of entry that a person writes, all required. Other kinds have an action of their own.
FIELDS: dict[str, tuple[str, ...]] = {
    Kind.OWNER: ("owner", "due"),
    Kind.CONTAINMENT: ("statement",),
    Kind.CLASSIFICATION: ("family", "reason"),
    Kind.EVIDENCE: ("claim", "source", "falsifier"),
    Kind.WHY: ("because",),
    Kind.ROOT_CAUSE: ("statement",),
    Kind.ACTION: ("statement", "lever", "lever_key", "due"),
    Kind.ACTION_DONE: ("action", "statement"),
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
    entries: list[CaseEntry] = field(default_factory=list)
    owner: CaseEntry | None = None
    classification: CaseEntry | None = None
    root_cause: CaseEntry | None = None
    containments: list[CaseEntry] = field(default_factory=list)
    evidence: list[CaseEntry] = field(default_factory=list)
    commonalities: list[CaseEntry] = field(default_factory=list)
    whys: list[CaseEntry] = field(default_factory=list)
    actions: list[ActionState] = field(default_factory=list)
    effectiveness: list[CaseEntry] = field(default_factory=list)
    closure: CaseEntry | None = None

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The disciplines in order; reads the hold's reach again."""
        return _steps(self)

    @cached_property
    def investigation(self) -> Investigation:
        return investigation_of(self.entries)

    @cached_property
    def post_mortem(self) -> PostMortem:
        return post_mortem_of(self.entries)

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

    def overdue(self, today: date) -> tuple[str, ...]:
        """What should have been done before today, in words with the date; empty for a closed case."""
        if self.case.state != Nonconformance.State.OPEN:
            return ()
        late = [("the case", self.owner)] if self.owner is not None else []
        late += [
            (action.entry.content["statement"], action.entry) for action in self.actions if not action.done
        ]
        return tuple(
            f"{what}, due {entry.content['due']}"
            for what, entry in late
            if date.fromisoformat(entry.content["due"]) < today
        )


def case_view(case: Nonconformance) -> CaseView:
    """Read the case's entries in their order."""
    return case_views([case])[0]


def case_views(cases: Iterable[Nonconformance]) -> list[CaseView]:
    """Several cases as they stand, in the order given; one query for all their entries."""
    views = [CaseView(case) for case in cases]
    entries: dict[int, list[CaseEntry]] = defaultdict(list)
    rows = CaseEntry.objects.filter(case__in=[view.case.pk for view in views])
    for entry in rows.select_related("entered_by", "signature").order_by("id"):
        entries[entry.case_id].append(entry)
    for view in views:
        _fill(view, entries[view.case.pk])
    return views


def overdue_cases(site: Site, today: date) -> list[tuple[Nonconformance, tuple[str, ...]]]:
    """Open cases of the site with what is late in each, oldest first; two queries."""
    rows = Nonconformance.objects.filter(site=site, state=Nonconformance.State.OPEN).order_by("id")
    late = [(view.case, view.overdue(today)) for view in case_views(rows)]
    return [(case, what) for case, what in late if what]


def _fill(view: CaseView, entries: list[CaseEntry]) -> None:
    view.entries = entries
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
            case Kind.COMMONALITY:
                view.commonalities.append(entry)
            case Kind.WHY:
                view.whys.append(entry)
            case Kind.ACTION:
                view.actions.append(ActionState(entry, done.get(entry.pk)))
            case Kind.EFFECTIVENESS:
                view.effectiveness.append(entry)
            case Kind.CLOSURE:
                view.closure = entry


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
        else "tie the diagnosis of the investigation to a corrective action"
        if view.investigation.diagnosis is not None and view.investigation.link is None
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
    missing = view.investigation.next if view.investigation.begun else None
    if missing is not None and missing.stage != "control_link":
        return f"finish the investigation: {missing.words}"
    if not view.evidence:
        return "add evidence, and what would falsify it"
    return "" if view.whys else "ask why, at least once"
