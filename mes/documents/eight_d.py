"""The 8D report of a nonconformance."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from mes.documents.pdf import render
from quality.cases import CaseView
from quality.containment import recount
from quality.models import CaseEntry


def eight_d_pdf(view: CaseView, *, link: str) -> bytes:
    """The report as PDF; `link` is the address of the case, for the QR code."""
    return render("eight_d", eight_d_content(view), link=link)


def eight_d_content(view: CaseView) -> dict[str, Any]:
    """What the report shows, discipline by discipline, as it stands now."""
    case, zone = view.case, ZoneInfo(view.case.site.time_zone)

    def entry(row: CaseEntry | None) -> dict[str, Any] | None:
        if row is None:
            return None
        at = f"{row.entered_at.astimezone(zone):%Y-%m-%d %H:%M}"
        return {"content": row.content, "by": row.entered_by.printed_name, "at": at}

    hold = None
    if case.hold is not None:
        counted = recount(case.hold)
        covered = len(counted.held & counted.reached)
        hold = {"reason": case.hold.reason, "covered": covered, "reached": len(counted.reached)}
    closing = view.closure.signature if view.closure is not None else None
    return {
        "code": case.code,
        "title": case.title,
        "site": case.site.code,
        "site_name": case.site.name,
        "simulated": case.site.simulated,
        "opened_at": f"{case.opened_at.astimezone(zone):%Y-%m-%d %H:%M}",
        "opened_by": case.opened_by.printed_name if case.opened_by else "",
        "lot": case.lot.code if case.lot else "",
        "owner": entry(view.owner),
        "family": view.classification.content["family"] if view.classification else "",
        "family_reason": view.classification.content["reason"] if view.classification else "",
        "hold": hold,
        "containments": [entry(row) for row in view.containments],
        "evidence": [entry(row) for row in view.evidence],
        "whys": [entry(row) for row in view.whys],
        "root_cause": entry(view.root_cause),
        "actions": [
            {
                **{name: action.entry.content[name] for name in ("statement", "lever", "lever_words", "due")},
                "done": entry(action.done),
            }
            for action in view.actions
        ],
        "effectiveness": [entry(row) for row in view.effectiveness],
        "closure": entry(view.closure),
        "signed_by": closing.printed_name if closing else "",
        "meaning": closing.meaning if closing else "",
        "record_hash": bytes(closing.record_hash).hex() if closing else "",
    }
