"""Acceptance sampling by the standards: the plan that a control-plan line asks for a lot, at the severity in force.

The severity comes from the stream's history (`SamplingEvent`): the last event holds the state of the switching rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from lots.masters import remembered
from lots.models import Characteristic, Lot, MaterialDefinition, Site
from lots.steps.base import SubjectKind
from quality.blockers import Blocker, Code
from quality.models import ControlPlanLine, ControlPlanRevision, SamplingEvent
from quality.plans import lines_for, revision_of
from quality.specifications import SpecificationBook
from spc.engine import sampling_standards as standard
from spc.engine.sampling import PlanError
from spc.engine.sampling_standards import Severity, Switching
from spc.engine.sampling_variables import CODE_LETTERS as VARIABLES_LETTERS
from spc.engine.sampling_variables import VARIABLES_AQLS, variables_plan

Sampling = ControlPlanLine.Sampling
EVENTS_SHOWN = 30
LOTS_REJECTED = "5 lots were not accepted under tightened inspection"


@dataclass(frozen=True)
class Scheme:
    """A standard plan for one lot. `problem` says why there is none; `cells` are its part of the sample, once drawn.

    `ac` and `re` decide by attributes, `k` (one limit) or `m` (two) by variables; `tighter_ac` is the acceptance
    number one AQL below, where `ac` is 2 or more.
    """

    line: int
    characteristic: str
    name: str
    sampling: str
    level: str
    aql: str
    severity: str
    standing: str
    lsl: str | None = None
    usl: str | None = None
    letter: str = ""
    n: int = 0
    ac: int | None = None
    re: int | None = None
    tighter_ac: int | None = None
    k: float | None = None
    m: float | None = None
    cells: tuple[str, ...] = ()
    problem: str = ""

    def content(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self) | {"cells": list(self.cells)}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Scheme:
        """Inverse of `content`."""
        return cls(**{**content, "cells": tuple(content["cells"])})

    @property
    def numbers(self) -> str:
        """What decides, in words."""
        if self.k is None:
            return f"accept up to {self.ac}, reject from {self.re}"
        if self.lsl is None or self.usl is None:
            return f"accept from k = {self.k:g} on"
        return f"accept up to {100 * (self.m or 0):.3g} % estimated beyond both limits"


def unfit_sampling(
    text: Mapping[str, str], characteristic: Characteristic, *, specified: bool
) -> list[tuple[str, str]]:
    """(field, why) of what keeps a control-plan line from sampling lots so."""
    kind = text["sampling"]
    if not kind:
        return [
            (name, "leave it empty, or choose a sampling")
            for name in ("inspection_level", "aql")
            if text[name]
        ]
    if kind not in Sampling.values:
        return [("sampling", f"{kind!r} is none of {', '.join(Sampling.values)}")]
    found = []
    levels = VARIABLES_LETTERS if kind == Sampling.VARIABLES else standard.CODE_LETTERS
    aqls = VARIABLES_AQLS if kind == Sampling.VARIABLES else standard.AQLS
    if text["inspection_level"] not in levels:
        found.append(("inspection_level", f"choose from {', '.join(levels)}"))
    if text["aql"] not in aqls:
        found.append(("aql", f"choose from {', '.join(aqls)}"))
    if characteristic.step.material_kind != MaterialDefinition.Kind.CELL:
        found.append(("sampling", "a lot is sampled by its cells, and this is not measured on cells"))
    elif characteristic.subject_kind != SubjectKind.LOT or not specified:
        found.append(("sampling", "it needs a specification: a sampled value is judged against its limits"))
    if kind == Sampling.VARIABLES and characteristic.data_type == "pass_fail":
        found.append(("sampling", "passed or failed is sampled by attributes"))
    return found


def sampling_lines(lot: Lot, material_id: int) -> list[ControlPlanLine]:
    """The lines of the lot's control plan that sample its cells, which are of the material."""
    revision = revision_of(lot)
    return (
        []
        if revision is None
        else [line for line in _sampled(revision.pk) if line.material_id in {None, material_id}]
    )


def schemes_of(lot: Lot, cells: Sequence[Lot], *, now: datetime) -> list[Scheme]:
    """The standard plans for a cell lot of that many cells, by the severity that its streams stand at."""
    if not cells:
        return []
    lines = sampling_lines(lot, cells[0].material_id)
    book = SpecificationBook((line.characteristic_id for line in lines), at=now)
    return [_scheme(line, cells[0], len(cells), book) for line in lines]


def state_of(line: ControlPlanLine) -> Switching:
    """Where the switching rules of the line's stream stand."""
    last = _last(line.revision.plan_id, line.characteristic_id, line.material_id)
    return Switching() if last is None else switching_of(last.state)


@dataclass(frozen=True)
class SampledStream:
    """A sampling line of a newest control plan, where its stream stands, and the latest of what led there."""

    line: ControlPlanLine
    state: Switching
    standing: str
    events: tuple[SamplingEvent, ...]


def sampled_streams(site: Site) -> list[SampledStream]:
    """Every stream of the site that is sampled at acceptance, with the last events of all of them."""
    newest = (
        ControlPlanRevision.objects.filter(plan__site=site, published_at__isnull=False)
        .order_by("plan", "-number")
        .distinct("plan")
    )
    lines = list(
        ControlPlanLine.objects.filter(revision__in=newest.values("pk"))
        .exclude(sampling="")
        .select_related("characteristic", "revision")
        .order_by("pk")
    )
    recent: dict[tuple[int, int, int | None], list[SamplingEvent]] = defaultdict(list)
    for event in (
        SamplingEvent.objects.filter(site=site)
        .select_related("decision__plan__lot")
        .order_by("-id")[:EVENTS_SHOWN]
        if lines
        else ()
    ):
        recent[event.plan_id, event.characteristic_id, event.material_id].append(event)
    found = []
    for line in lines:
        state = state_of(line)
        events = recent[line.revision.plan_id, line.characteristic_id, line.material_id]
        found.append(SampledStream(line, state, standing_words(state), tuple(events)))
    return found


def switching_of(state: Mapping[str, Any]) -> Switching:
    """From the content of an event."""
    return Switching(**{**state, "severity": Severity(state["severity"]), "recent": tuple(state["recent"])})


def standing_words(state: Switching) -> str:
    """Why the stream is inspected so, and what would change it."""
    if state.severity is Severity.DISCONTINUED:
        return f"{LOTS_REJECTED}; a quality engineer signs that it may resume"
    if state.severity is Severity.TIGHTENED:
        return (
            f"{state.accepted} of 5 lots in a row accepted, then normal again; "
            f"{state.rejected} of 5 not accepted, then discontinued"
        )
    if state.severity is Severity.REDUCED:
        return "30 points in a row without a fault; the first lot not accepted ends it"
    failed = state.recent.count(False)
    if failed:
        return f"{failed} of the last {len(state.recent)} lots not accepted; a second one in five tightens"
    return f"switching score {state.score}; two lots of five not accepted tighten"


def sampling_blockers(lot: Lot, step_id: int) -> list[Blocker]:
    """Discontinued sampling keeps new cells from the step that its characteristic is measured at."""
    revision = revision_of(lot)
    if revision is None:
        return []
    asked = [line for line in lines_for(revision, step_id, lot.material_id) if line.sampling]
    if not asked:
        return []
    stopped = _discontinued(lot.site_id)
    found = [
        (line, stopped.get((revision.plan_id, line.characteristic_id, line.material_id))) for line in asked
    ]
    return [
        Blocker(
            Code.SAMPLING,
            f"acceptance sampling of {line.characteristic.name.lower()} is discontinued: {LOTS_REJECTED}; "
            "a quality engineer must sign that it resumes",
            "sampling",
            event,
        )
        for line, event in found
        if event is not None
    ]


@remembered(ControlPlanLine, Characteristic, ControlPlanRevision)
def _sampled(revision_id: int) -> tuple[ControlPlanLine, ...]:
    return tuple(
        ControlPlanLine.objects.filter(revision=revision_id)
        .exclude(sampling="")
        .select_related("characteristic", "revision")
        .order_by("pk")
    )


@remembered(SamplingEvent)
def _discontinued(site_id: int) -> dict[tuple[int, int, int | None], int]:
    """Stream → its last event, where that discontinued it."""
    stream = ("plan_id", "characteristic_id", "material_id")
    last = SamplingEvent.objects.filter(site=site_id).order_by(*stream, "-id").distinct(*stream)
    return {
        (event.plan_id, event.characteristic_id, event.material_id): event.pk
        for event in last
        if event.severity == Severity.DISCONTINUED
    }


def _last(plan_id: int, characteristic_id: int, material_id: int | None) -> SamplingEvent | None:
    return (
        SamplingEvent.objects.filter(plan=plan_id, characteristic=characteristic_id, material=material_id)
        .order_by("-id")
        .first()
    )


def _scheme(line: ControlPlanLine, cell: Lot, lot_size: int, book: SpecificationBook) -> Scheme:
    state = state_of(line)
    limits = book.line_for_lot(line.characteristic_id, cell)
    scheme = Scheme(
        line=line.pk,
        characteristic=line.characteristic.code,
        name=line.characteristic.name,
        sampling=line.sampling,
        level=line.inspection_level,
        aql=line.aql,
        severity=state.severity.value,
        standing=standing_words(state),
        lsl=_text(limits.lsl) if limits else None,
        usl=_text(limits.usl) if limits else None,
    )
    if state.severity is Severity.DISCONTINUED:
        return replace(scheme, problem=f"sampling is discontinued: {standing_words(state)}")
    if scheme.lsl is None and scheme.usl is None:
        return replace(scheme, problem="no specification in force has a limit to judge it by")
    try:
        return _numbered(scheme, lot_size)
    except PlanError as error:
        return replace(scheme, problem=str(error))


def _numbered(scheme: Scheme, lot_size: int) -> Scheme:
    """With the numbers of the standard; a sample that is no smaller than the lot is the whole lot."""
    severity = Severity(scheme.severity)
    if lot_size < 2:
        return replace(scheme, n=lot_size, ac=0, re=1)
    if scheme.sampling == Sampling.VARIABLES:
        by_value = variables_plan(lot_size, scheme.level, scheme.aql, severity)
        if by_value.n > lot_size:  # every cell is tested, and none may fail
            return replace(scheme, letter=by_value.letter, n=lot_size, ac=0, re=1)
        return replace(scheme, letter=by_value.letter, n=by_value.n, k=by_value.k, m=by_value.m)
    letter = standard.code_letter(lot_size, scheme.level)
    plan = standard.single_plan(letter, scheme.aql, severity)
    tighter = None
    if plan.ac >= 2:
        smaller = standard.AQLS[standard.AQLS.index(scheme.aql) - 1]
        tighter = standard.single_plan(plan.letter, smaller, severity).ac
    return replace(
        scheme, letter=plan.letter, n=min(plan.n, lot_size), ac=plan.ac, re=plan.re, tighter_ac=tighter
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"
