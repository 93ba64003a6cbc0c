"""Take a cell apart so that what is found can be relied on: custody, layers with photographs, hypotheses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from lots.clock import site_time
from lots.models import Lot, User
from quality.actions.case_entries import store_entry, texts_of, work_on
from quality.actions.open_case import CaseRefused
from quality.cases import case_view
from quality.models import CaseEntry, CasePhoto, Nonconformance
from quality.post_mortem import EVENTS, LAYERS, Kind, PostMortem, post_mortem_of

VERDICTS = ("supported", "refuted")


@dataclass(frozen=True)
class StoredPhoto:
    """A picture that lies in storage under its digest; `size` in bytes."""

    sha256: str
    size: int
    media_type: str


@transaction.atomic
def begin_post_mortem(
    case: Nonconformance,
    *,
    lot: str,
    statement: str,
    events: Mapping[str, datetime],
    user: User,
    now: datetime,
) -> CaseEntry:
    """Say what failed and when: the four events are the last good state, the first sign, the removal, the opening."""
    work_on(case, user)
    if _found(case).begun is not None:
        raise CaseRefused("post-mortem: it is begun; open another case for another cell")
    if not Lot.objects.filter(site=case.site, code=lot).exists():
        raise CaseRefused(f"lot: there is no lot {lot or 'without a code'} at {case.site.code}")
    content = texts_of(("statement",), {"statement": statement}) | {"lot": lot}
    for earlier, name in zip((None, *EVENTS), EVENTS, strict=False):
        if name not in events:
            raise CaseRefused(f"{name}: give the instant")
        if earlier is not None and events[name] < events[earlier]:
            raise CaseRefused(f"{name}: it cannot lie before the event above it")
        content[name] = events[name].isoformat()
    return store_entry(case, Kind.POST_MORTEM, content, user=user, now=now)


@transaction.atomic
def take_custody(case: Nonconformance, *, place: str, condition: str, user: User, now: datetime) -> CaseEntry:
    """The person takes the cell over: where it lies and in what condition it came. From whom is what was written
    before."""
    work_on(case, user)
    found = _found(case)
    if found.begun is None:
        raise CaseRefused("post-mortem: begin it first")
    content = texts_of(("place", "condition"), {"place": place, "condition": condition})
    content["taken_from"] = found.holder.entered_by.username if found.holder is not None else ""
    return store_entry(case, Kind.CUSTODY, content, user=user, now=now)


@transaction.atomic
def examine_layer(
    case: Nonconformance,
    *,
    layer: str,
    notes: str,
    readings: Sequence[tuple[str, str, str]],
    photos: Sequence[StoredPhoto],
    user: User,
    now: datetime,
) -> CaseEntry:
    """Record a layer: notes, at least one photograph and one reading (what, value, unit).

    Only who holds the cell examines it, and what destroys nothing comes before what does.
    """
    work_on(case, user)
    found = _found(case)
    if found.holder is None or found.holder.entered_by_id != user.pk:
        who = found.holder.entered_by.printed_name if found.holder is not None else "nobody"
        raise CaseRefused(f"custody: {who} holds the cell; take it over first")
    if layer not in LAYERS:
        raise CaseRefused(f"layer: one of {', '.join(LAYERS)}")
    if found.opened and not LAYERS[layer][1]:
        raise CaseRefused(f"layer: the cell is open; {LAYERS[layer][0].lower()} had to come before")
    if not photos:
        raise CaseRefused("photo: add at least one")
    content: dict[str, Any] = texts_of(("notes",), {"notes": notes}) | {"layer": layer}
    content["readings"] = [_reading(one) for one in readings if any(part.strip() for part in one)]
    if not content["readings"]:
        raise CaseRefused("readings: give at least one, with its unit")
    rows = [
        _photo(case, photo, f"{layer} {number}", user, now) for number, photo in enumerate(photos, start=1)
    ]
    content["photos"] = [{"key": row.pk, "sha256": row.sha256} for row in rows]
    return store_entry(case, Kind.LAYER, content, user=user, now=now)


@transaction.atomic
def pose_hypothesis(
    case: Nonconformance,
    *,
    statement: str,
    needs: Sequence[str],
    falsifier: str,
    next_test: str,
    user: User,
    now: datetime,
) -> CaseEntry:
    """Pose a hypothesis: the layers whose evidence it needs, what would falsify it, and the next test."""
    work_on(case, user)
    if _found(case).begun is None:
        raise CaseRefused("post-mortem: begin it first")
    chosen = [name for name in LAYERS if name in needs]
    if not chosen or len(chosen) < len(set(needs)):
        raise CaseRefused(f"needs: the layers that must show it, of {', '.join(LAYERS)}")
    fields = {"statement": statement, "falsifier": falsifier, "next_test": next_test}
    content = texts_of(("statement", "falsifier", "next_test"), fields) | {"needs": chosen}
    return store_entry(case, Kind.HYPOTHESIS, content, user=user, now=now)


@transaction.atomic
def judge_hypothesis(
    case: Nonconformance, *, hypothesis: str, verdict: str, because: str, user: User, now: datetime
) -> CaseEntry:
    """Support or refute a hypothesis by the layers that it names, each of which must have been examined."""
    work_on(case, user)
    found = next((one for one in _found(case).hypotheses if str(one.entry.pk) == hypothesis), None)
    if found is None:
        raise CaseRefused("hypothesis: choose one of this case")
    if verdict not in VERDICTS:
        raise CaseRefused(f"verdict: one of {', '.join(VERDICTS)}")
    if found.missing:
        words = ", ".join(LAYERS[name][0].lower() for name in found.missing)
        raise CaseRefused(f"verdict: it needs more evidence; not examined yet: {words}")
    content = texts_of(("because",), {"because": because}) | {
        "hypothesis": found.entry.pk,
        "verdict": verdict,
    }
    return store_entry(case, Kind.VERDICT, content, user=user, now=now)


def _found(case: Nonconformance) -> PostMortem:
    return post_mortem_of(case_view(case).entries)


def _photo(case: Nonconformance, photo: StoredPhoto, name: str, user: User, now: datetime) -> CasePhoto:
    """The row of the picture; the same one of the same case is the row that is there already."""
    row, _ = CasePhoto.objects.get_or_create(
        case=case,
        sha256=photo.sha256,
        defaults={
            "size": photo.size,
            "media_type": photo.media_type,
            "name": name,
            "added_by": user,
            "added_at": site_time(case.site, now),
        },
    )
    return row


def _reading(one: tuple[str, str, str]) -> list[str]:
    what, value, unit = (part.strip() for part in one)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise CaseRefused(
            f"readings: {value or 'nothing'} is not a number; give what, value and unit"
        ) from None
    if not what or not unit or not number.is_finite():
        raise CaseRefused("readings: give what was measured, the value and the unit (1 where there is none)")
    return [what, format(number, "f"), unit]
