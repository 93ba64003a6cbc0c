"""The post-mortem of a cell as it stands: who holds it, what each layer showed, and which hypotheses are tied down.

Handbook 10.5: a measurable statement, the window of the failure, photographs, a timeline, non-destructive before
destructive, and for every hypothesis what would falsify it. A hypothesis that names evidence which is not there stays
"needs more evidence".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lots.models import Lot, StepExecution
from quality.models import CaseEntry

Kind = CaseEntry.Kind

# Layer → what it is, and whether reaching it destroys what lies above, in the order of the teardown.
LAYERS: dict[str, tuple[str, bool]] = {
    "outside": ("Outside: mass, thickness, swelling, marks", False),
    "electrical": ("Voltage, impedance at rest", False),
    "imaging": ("X-ray or tomography", False),
    "seal": ("Seal and vent, opened", True),
    "tabs": ("Tabs and welds", True),
    "stack": ("Stack or winding, alignment", True),
    "separator": ("Separator", True),
    "cathode": ("Positive electrode", True),
    "anode": ("Negative electrode", True),
    "electrolyte": ("Electrolyte, residue, gas", True),
}
EVENTS = ("last_good_at", "first_sign_at", "removed_at", "opened_at")
NEEDS_MORE = "needs more evidence"


@dataclass
class Hypothesis:
    """A hypothesis with its latest verdict; `missing` are the layers that it names and nobody examined."""

    entry: CaseEntry
    missing: tuple[str, ...]
    verdict: CaseEntry | None = None

    @property
    def status(self) -> str:
        return NEEDS_MORE if self.verdict is None else str(self.verdict.content["verdict"])


@dataclass
class PostMortem:
    """The entries of one case that belong to its post-mortem; `layers` has the latest record of each."""

    begun: CaseEntry | None = None
    custody: list[CaseEntry] = field(default_factory=list)
    layers: dict[str, CaseEntry] = field(default_factory=dict)
    hypotheses: list[Hypothesis] = field(default_factory=list)

    @property
    def holder(self) -> CaseEntry | None:
        """Who holds the cell now."""
        return self.custody[-1] if self.custody else None

    @property
    def opened(self) -> bool:
        """Whether a destructive layer was reached: there is no way back to the others."""
        return any(LAYERS[name][1] for name in self.layers)

    @property
    def next(self) -> str:
        """What to do next, in words; empty when every hypothesis is judged."""
        if self.begun is None:
            return "say what failed, in a sentence that can be measured, and when"
        if not self.custody:
            return "take the cell into custody"
        if not self.layers:
            return "examine it from outside first, with a photograph"
        if not self.hypotheses:
            return "write a hypothesis, the layers that it needs, and what would falsify it"
        untied = [one for one in self.hypotheses if one.verdict is None]
        if not untied:
            return ""
        missing = [LAYERS[name][0].lower() for one in untied for name in one.missing]
        return f"examine {missing[0]}" if missing else "judge the hypotheses by the evidence that they name"


def post_mortem_of(entries: Sequence[CaseEntry]) -> PostMortem:
    """Read the post-mortem out of the entries of one case, in their order."""
    found = PostMortem()
    by_key: dict[int, Hypothesis] = {}
    for entry in entries:
        match entry.kind:
            case Kind.POST_MORTEM:
                found.begun = entry
            case Kind.CUSTODY:
                found.custody.append(entry)
            case Kind.LAYER:
                found.layers[entry.content["layer"]] = entry
            case Kind.HYPOTHESIS:
                by_key[entry.pk] = Hypothesis(entry, ())
                found.hypotheses.append(by_key[entry.pk])
            case Kind.VERDICT:
                by_key[entry.content["hypothesis"]].verdict = entry
    for one in found.hypotheses:
        one.missing = tuple(name for name in one.entry.content["needs"] if name not in found.layers)
    return found


def timeline_of(lot: Lot) -> list[tuple[datetime, str]]:
    """What the records say happened to the cell: instants of the site's clock with words, in order."""
    events = [(lot.created_at, "made")]
    for run in StepExecution.objects.filter(lot=lot).select_related("route_step__step", "equipment"):
        where = f" on {run.equipment.code}" if run.equipment is not None else ""
        events.append((run.started_at, f"{run.route_step.step.name} began{where}"))
        if run.finished_at is not None:
            events.append((run.finished_at, f"{run.route_step.step.name} ended"))
    held = lot.hold_members.select_related("hold")
    events += [(member.hold.placed_at, f"held: {member.hold.reason}") for member in held]
    return sorted(events)
