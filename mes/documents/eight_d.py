"""The 8D report of a nonconformance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from mes.documents.pdf import render
from quality.cases import CaseView
from quality.containment import recount
from quality.investigation import EVIDENCE
from quality.models import CaseEntry
from quality.post_mortem import LAYERS


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
        "opened_from": _sources(view),
        "owner": entry(view.owner),
        "family": view.classification.content["family"] if view.classification else "",
        "family_reason": view.classification.content["reason"] if view.classification else "",
        "hold": hold,
        "containments": [entry(row) for row in view.containments],
        "evidence": [entry(row) for row in view.evidence],
        "commonalities": [_commonality(row, entry(row)) for row in view.commonalities],
        "tree": _tree(view, entry),
        "post_mortem": _post_mortem(view, entry),
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


Words = dict[str, Any] | None
FOUND_AT, FINDINGS_SHOWN = 0.05, 5


def _sources(view: CaseView) -> list[str]:
    case = view.case
    words = []
    if case.signal is not None:
        words.append(f"signal {case.signal.rule.replace('_', ' ')} at point {case.signal.point.sequence + 1}")
    if case.defect is not None:
        words.append(f"defect: {case.defect.characteristic.name} violates {case.defect.requirement.code}")
    return words


def _commonality(row: CaseEntry, words: Words) -> dict[str, Any]:
    """Counts, the levels found or else the first ones, and what cannot be told apart."""
    content = row.content
    found = [one for one in content["findings"] if one["q"] <= FOUND_AT]
    return {
        "entry": words,
        "key": row.pk,
        "bad": len(content["bad"]),
        "good": len(content["good"]),
        "good_rule": content["good_rule"],
        "seed": content["seed"],
        "tested": content["tested"],
        "reason": content["reason"],
        "found": len(found),
        "findings": (found or content["findings"])[:FINDINGS_SHOWN],
        "odd": content["crossed"]["odd"][:FINDINGS_SHOWN],
    }


def _tree(view: CaseView, entry: Callable[[CaseEntry | None], Words]) -> dict[str, Any] | None:
    """The investigation in the order in which it went; None where there was none."""
    found = view.investigation
    if not found.begun:
        return None
    return {
        "signature": entry(found.signature),
        "integrity": entry(found.integrity),
        "is_sound": found.is_sound,
        "signed": found.integrity is not None and found.integrity.signature is not None,
        "parts": [
            {"part": part, "words": words, "entry": entry(found.observations.get(part))}
            for part, words in EVIDENCE.items()
        ],
        "branches": [
            {
                "entry": entry(node.entry),
                "name": node.name,
                "points_to": node.points_to,
                "status": node.status,
                "retests": [{"plan": entry(one.plan), "result": entry(one.result)} for one in node.retests],
            }
            for node in found.branches
        ],
        "diagnosis": entry(found.diagnosis),
        "control": entry(found.action),
        "next": found.next.words if found.next is not None else "",
    }


def _post_mortem(view: CaseView, entry: Callable[[CaseEntry | None], Words]) -> dict[str, Any] | None:
    found = view.post_mortem
    if found.begun is None:
        return None
    return {
        "begun": entry(found.begun),
        "custody": [entry(row) for row in found.custody],
        "layers": [{"words": LAYERS[name][0], "entry": entry(row)} for name, row in found.layers.items()],
        "hypotheses": [
            {
                "entry": entry(one.entry),
                "needs": [LAYERS[name][0] for name in one.entry.content["needs"]],
                "status": one.status,
                "verdict": entry(one.verdict),
            }
            for one in found.hypotheses
        ],
    }
