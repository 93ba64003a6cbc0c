"""Ancestors and descendants of a lot as the graph on its page takes them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from lots.models import Lot, MaterialDefinition
from lots.tracing import trace_document

LIMIT = 150  # lots in each direction: more cannot be read on a screen


def genealogy_document(lot: Lot) -> dict[str, Any]:
    """Both directions merged, in the format of `genealogy.js`."""
    traces = [trace_document(lot, forward=forward, limit=LIMIT, detailed=False) for forward in (False, True)]
    nodes = {node["code"]: node for trace in traces for node in trace["nodes"]}
    links = {
        (link["parent"], link["child"], str(link["parent_mm"]), str(link["lanes"]), link["voided"]): link
        for trace in traces
        for link in trace["links"]
    }
    left_out = [trace["direction"] for trace in traces if trace["truncated"]]
    kinds = dict(MaterialDefinition.Kind.choices)
    alone = len(nodes) < 2
    return {
        "nodes": []
        if alone
        else [
            {
                "id": node["code"],
                "code": node["code"],
                "kind": node["kind"],
                "kind_label": str(kinds.get(node["kind"], node["kind"])),
                "label": "" if node["state"] == Lot.State.ACTIVE else node["state"],
                "held": node["held"],
                "voided": node["voided"],
                "url": reverse("web:lot", args=[node["code"]]),
            }
            for node in nodes.values()
        ],
        "links": [
            {
                "source": link["parent"],
                "target": link["child"],
                "label": _words(link),
                "voided": link["voided"],
            }
            for link in links.values()
        ],
        "focus": lot.code,
        "truncated": _truncation(left_out),
    }


def _words(link: dict[str, Any]) -> str:
    if link["parent_mm"] is None:
        return "" if link["kind"] == "member" else f"{link['quantity']} {link['unit']}"
    start, end = (millimetres / 1000 for millimetres in link["parent_mm"])
    lanes = link["lanes"]
    lane = (
        ""
        if lanes is None
        else f" lane {lanes[0]}"
        if lanes[0] == lanes[1]
        else f" lanes {lanes[0]}–{lanes[1]}"
    )
    return f"{start:g}–{end:g} m{lane}"


def _truncation(left_out: list[str]) -> str:
    words = {"backward": "ancestors", "forward": "descendants"}
    if not left_out:
        return ""
    which = " and ".join(words[direction] for direction in left_out)
    return f"Only the nearest {LIMIT} {which} are drawn. The complete trace: manage.py trace, or the API."
