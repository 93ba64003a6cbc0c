"""Work through a nonconformance: contain, classify, trace, correct, verify, close."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from lots.models import RecipeParameter, User
from quality.actions.case_entries import LONGEST, store_entry, texts_of, work_on
from quality.actions.open_case import CaseRefused
from quality.actions.sign import sign
from quality.cases import FIELDS, CaseView, Family, Kind, case_view
from quality.evidence import people_who_may
from quality.models import CaseEntry, ControlPlanLine, Nonconformance
from quality.permissions import Action
from spc.models import Chart, Point
from spc.queries import current_points, excluded_subgroups, is_frozen

LEVERS = ("recipe parameter", "control-plan line")
FEWEST_POINTS = 5


@transaction.atomic
def add_entry(
    case: Nonconformance, kind: str, fields: dict[str, Any], *, user: User, now: datetime
) -> CaseEntry:
    """Add an entry that a person writes. Raises CaseRefused for a field that is missing or refers to nothing."""
    work_on(case, user)
    if kind not in FIELDS:
        raise CaseRefused("kind: there is no such entry to be written by hand")
    content = texts_of(FIELDS[kind], fields)
    _check(case, kind, content)
    return store_entry(case, kind, content, user=user, now=now)


@transaction.atomic
def check_effectiveness(
    case: Nonconformance, chart: Chart, *, points: int, user: User, now: datetime
) -> CaseEntry:
    """Ask the chart whether it is back in its band: the `points` newest points since the last action was carried out.

    Passes when there are as many, all of them inside frozen limits and without a signal. The result is an entry either
    way.
    """
    work_on(case, user)
    view = case_view(case)
    if not view.actions or any(action.done is None for action in view.actions):
        raise CaseRefused("actions: carry out every corrective action first")
    if points < FEWEST_POINTS:
        raise CaseRefused(f"points: a confirmation set has {FEWEST_POINTS} points or more")
    if not is_frozen(chart):
        raise CaseRefused("chart: its limits are not frozen; it cannot show that the process is back in band")
    since = max(action.done.entered_at for action in view.actions if action.done is not None)
    rows = list(
        current_points(chart.pk)
        .filter(measured_at__gt=since)
        .exclude(subgroup__in=excluded_subgroups(chart.pk).keys())
        .prefetch_related("signals")
        .order_by("-sequence")[:points]
    )[::-1]
    if len(rows) < points:
        raise CaseRefused(
            f"points: {len(rows)} of {points} were plotted since the last action was carried out; wait for more"
        )
    beyond = [row.sequence + 1 for row in rows if row.signals.all() or not _inside(row)]
    passed = not beyond
    name = chart.stream.plan.characteristic.name
    words = (
        f"{points} points of {name} inside their limits and without a signal"
        if passed
        else f"points {', '.join(map(str, beyond))} of {name} signalled or lie beyond a limit: it is not back in band"
    )
    content = {
        "chart": chart.pk,
        "points": points,
        "from_sequence": rows[0].sequence,
        "to_sequence": rows[-1].sequence,
        "passed": passed,
        "words": words,
    }
    return store_entry(case, Kind.EFFECTIVENESS, content, user=user, now=now)


def _inside(point: Point) -> bool:
    """Whether both panels lie inside the limits that the point was judged by; a point without a value does not."""
    panels = (
        (point.statistic, point.lcl, point.ucl),
        (point.dispersion, point.dispersion_lcl, point.dispersion_ucl),
    )
    return point.statistic is not None and not any(
        value is not None and ((low is not None and value < low) or (high is not None and value > high))
        for value, low, high in panels
    )


@transaction.atomic
def close_case(
    case: Nonconformance, *, statement: str, user: User, password: str, now: datetime
) -> CaseEntry:
    """Close a complete case under signature, by another person than the one who opened it."""
    work_on(case, user, Action.CLOSE_CASE)
    view = case_view(case)
    if view.next_step is not None:
        raise CaseRefused(f"{view.next_step.name.lower()}: {view.next_step.missing}")
    if not statement.strip():
        raise CaseRefused("statement: say what was learnt")
    if case.opened_by_id == user.pk:
        raise CaseRefused("closed_by: you opened it yourself; another person must close it")
    content = {"statement": statement.strip()[:LONGEST]}
    signature = sign(
        user=user,
        password=password,
        meaning="Nonconformance closed: corrected and verified",
        record_kind="nonconformance",
        record_id=case.code,
        content=record_of(view) | content,
        now=now,
    )
    entry = store_entry(case, Kind.CLOSURE, content, user=user, now=now, signature=signature)
    Nonconformance.objects.filter(pk=case.pk).update(state=Nonconformance.State.CLOSED)
    case.state = Nonconformance.State.CLOSED
    return entry


def record_of(view: CaseView) -> dict[str, Any]:
    """What the closing signature covers: every entry before it, with its author and instant."""
    entries = (
        CaseEntry.objects.filter(case=view.case)
        .exclude(kind=Kind.CLOSURE)
        .select_related("entered_by")
        .order_by("id")
    )
    return {
        "case": view.case.code,
        "title": view.case.title,
        "entries": [
            {
                "kind": e.kind,
                "content": e.content,
                "by": e.entered_by.username,
                "at": e.entered_at.isoformat(),
            }
            for e in entries
        ],
    }


def _check(case: Nonconformance, kind: str, content: dict[str, Any]) -> None:
    for name in ("due",):
        if name in content:
            _day(name, content[name])
    if (
        kind == Kind.OWNER
        and not people_who_may(case.site, Action.WORK_CASE).filter(username=content["owner"]).exists()
    ):
        raise CaseRefused(f"owner: nobody called {content['owner']!r} may work on cases at {case.site.code}")
    if kind == Kind.CLASSIFICATION and content["family"] not in set(Family):
        raise CaseRefused(f"family: one of {', '.join(Family)}")
    if kind == Kind.ACTION:
        _lever(case, content)
    if kind == Kind.ACTION_DONE:
        actions = CaseEntry.objects.filter(case=case, kind=Kind.ACTION)
        key = content["action"]
        if not key.isdecimal() or not actions.filter(pk=int(key)).exists():
            raise CaseRefused("action: choose one of this case")
        if CaseEntry.objects.filter(case=case, kind=Kind.ACTION_DONE, content__action=int(key)).exists():
            raise CaseRefused("action: it was carried out already")
        content["action"] = int(key)


def _lever(case: Nonconformance, content: dict[str, Any]) -> None:
    """A corrective action changes something that can be changed: what, is named by its key and kept in words."""
    key = content["lever_key"]
    if content["lever"] not in LEVERS:
        raise CaseRefused(f"lever: one of {', '.join(LEVERS)}")
    found: RecipeParameter | ControlPlanLine | None = None
    if key.isdecimal() and content["lever"] == "recipe parameter":
        found = (
            RecipeParameter.objects.select_related("recipe_revision__recipe", "step").filter(pk=key).first()
        )
        words = f"{found.recipe_revision} {found.step.name}: {found}" if found is not None else ""
    elif key.isdecimal():
        found = (
            ControlPlanLine.objects.select_related("characteristic", "revision__plan")
            .filter(pk=key, revision__plan__site=case.site)
            .first()
        )
        words = f"{found.revision}: {found.characteristic.name}" if found is not None else ""
    if found is None:
        raise CaseRefused(f"lever_key: there is no such {content['lever']}")
    content["lever_key"], content["lever_words"] = int(key), words


def _day(name: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise CaseRefused(f"{name}: give a date, such as 2026-03-01") from None
