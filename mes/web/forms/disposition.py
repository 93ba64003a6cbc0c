"""The disposition form: what a browser posts, as a ruling on chosen members of a hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from lots.models import Hold, HoldLot, RouteStep
from quality.actions.dispose import DispositionRefused, Ruling
from quality.models import Disposition

Decision = Disposition.Decision


@dataclass(frozen=True)
class Posted:
    """A ruling, and the keys of the materialised holds that it is for."""

    members: tuple[int, ...]
    ruling: Ruling


def read_disposition(post: QueryDict, hold: Hold) -> Posted:
    """Read the form. Raises DispositionRefused, naming the field, for what cannot be read."""
    try:
        decision = Decision(post.get("decision", ""))
    except ValueError:
        raise DispositionRefused("decision: choose one") from None
    return Posted(
        members=_members(post, hold),
        ruling=Ruling(
            decision=decision,
            reason=post.get("reason", "").strip(),
            cause=post.get("cause", "").strip(),
            concession_quantity=_quantity(post) if decision == Decision.CONCESSION else None,
            concession_expires_at=_instant(post) if decision == Decision.CONCESSION else None,
            rework_from=_step(post) if decision == Decision.REWORK else None,
        ),
    )


def _members(post: QueryDict, hold: Hold) -> tuple[int, ...]:
    """All open members as they were shown, or those ticked. What joined meanwhile was not looked at and stays held."""
    if post.get("scope") == "chosen":
        chosen = tuple(int(text) for text in post.getlist("member") if text.isdecimal())
        known = set(hold.members.filter(pk__in=chosen).values_list("pk", flat=True))
        if not chosen:
            raise DispositionRefused("holds: tick the lots that you decide on")
        if len(known) != len(set(chosen)):
            raise DispositionRefused(
                "holds: some of these lots are not members of this hold; reload the page"
            )
        return chosen
    seen_to, seen = post.get("seen_to", ""), post.get("seen", "")
    shown = HoldLot.objects.filter(hold=hold, disposition_id__isnull=True)
    keys = (
        tuple(shown.filter(pk__lte=int(seen_to)).values_list("pk", flat=True)) if seen_to.isdecimal() else ()
    )
    if not keys or str(len(keys)) != seen:
        raise DispositionRefused("holds: the members changed since you opened this page; reload it")
    return keys


def _quantity(post: Mapping[str, Any]) -> Decimal | None:
    text = post.get("concession_quantity", "").strip()
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise DispositionRefused(f"concession_quantity: {text!r} is not a number") from None


def _instant(post: Mapping[str, Any]) -> datetime | None:
    """Wall time of the site, which is the active time zone of its pages."""
    text = post.get("concession_expires_at", "").strip()
    if not text:
        return None
    try:
        return timezone.make_aware(datetime.fromisoformat(text))
    except ValueError:
        raise DispositionRefused(f"concession_expires_at: {text!r} is not a date and time") from None


def _step(post: Mapping[str, Any]) -> RouteStep | None:
    key = post.get("rework_from", "")
    return RouteStep.objects.select_related("step").filter(pk=key).first() if key.isdecimal() else None
