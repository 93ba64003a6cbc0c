"""What every action on a case does: look whether it may be worked on, and write an entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import User
from quality.actions.open_case import CaseRefused
from quality.models import CaseEntry, Nonconformance, Signature
from quality.permissions import Action, require

LONGEST = 1_000


def work_on(case: Nonconformance, user: User, action: Action = Action.WORK_CASE) -> None:
    """Lock the case for the transaction. Raises NotPermitted, or CaseRefused for a closed case."""
    act_as(user)
    require(user, case.site, action)
    fresh = Nonconformance.objects.select_for_update().get(pk=case.pk)
    if fresh.state == Nonconformance.State.CLOSED:
        raise CaseRefused("case: it is closed; open a new one")


def texts_of(names: tuple[str, ...], fields: dict[str, Any]) -> dict[str, Any]:
    """The named fields, stripped. Raises CaseRefused for one that is missing or too long."""
    content: dict[str, Any] = {name: str(fields.get(name, "")).strip() for name in names}
    for name, text in content.items():
        if not text:
            raise CaseRefused(f"{name}: is needed")
        if len(text) > LONGEST:
            raise CaseRefused(f"{name}: at most {LONGEST} characters")
    return content


def store_entry(
    case: Nonconformance,
    kind: str,
    content: dict[str, Any],
    *,
    user: User,
    now: datetime,
    signature: Signature | None = None,
) -> CaseEntry:
    """Write the entry at the site's time."""
    return CaseEntry.objects.create(
        case=case,
        kind=kind,
        content=content,
        entered_by=user,
        entered_at=site_time(case.site, now),
        signature=signature,
    )
