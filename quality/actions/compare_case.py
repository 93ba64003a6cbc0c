"""Compare the bad lots of a case with good ones and keep the result in the case as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet

from lots.models import GenealogyLink, Lot, Measurement, StepExecution, User
from lots.science.defects.factors import LevelEffect
from quality.actions.case_entries import store_entry, work_on
from quality.actions.open_case import CaseRefused
from quality.case_lots import ComparedLots, compared_lots, lots_of_case, materials_of_case
from quality.cases import Kind
from quality.commonality import Comparison, compare
from quality.crossed import Crossed, crossed
from quality.models import CaseEntry, Nonconformance
from spc.engine.commonality import Finding, smallest_p

FINDINGS_KEPT = 60
CROSSED_BAD, CROSSED_GOOD = 300, 200


@transaction.atomic
def compare_case(
    case: Nonconformance,
    *,
    user: User,
    now: datetime,
    seed: int,
    material: str = "",
    bad_codes: Sequence[str] = (),
) -> CaseEntry:
    """Bad lots are those of the case of one material, or those named; good ones are comparable lots.

    The entry keeps the lots, the seed of the draw, how far the data reached, every level found and the effects of the
    crossed factors. Nobody is named in it: people stand in it as the shift that worked. Raises CaseRefused for a lot
    that is not of the site, or for bad lots of several materials.
    """
    work_on(case, user)
    chosen = _bad(case, material, bad_codes)
    lots = compared_lots(chosen, seed=seed)
    verdicts = dict.fromkeys(lots.bad, True) | dict.fromkeys(lots.good, False)
    comparison = compare(verdicts, case.site)
    effects = crossed(lots.bad[:CROSSED_BAD], lots.good[:: 1 + len(lots.good) // CROSSED_GOOD])
    content = _content(lots, comparison, effects)
    content["chosen"] = "named by hand" if bad_codes else "the lots of the case"
    return store_entry(case, Kind.COMMONALITY, content, user=user, now=now)


def _bad(case: Nonconformance, material: str, codes: Sequence[str]) -> QuerySet[Lot]:
    if codes:
        rows = Lot.objects.filter(site=case.site_id, code__in=codes)
        missing = sorted(set(codes) - set(rows.values_list("code", flat=True)))
        if missing:
            raise CaseRefused(f"bad: there is no lot {', '.join(missing[:5])} at {case.site.code}")
    else:
        rows = lots_of_case(case)
        materials = {row.code: row for row in materials_of_case(case)}
        if not materials:
            raise CaseRefused("bad: the case names no lot; name the bad lots")
        of_lot = case.lot.material.code if case.lot is not None else next(iter(materials))
        code = material or of_lot
        if code not in materials:
            raise CaseRefused(f"material: one of {', '.join(materials)}")
        rows = rows.filter(material=materials[code])
    if rows.values("material").distinct().count() > 1:
        raise CaseRefused("bad: compare lots of one material at a time")
    return rows.select_related("material", "product_revision__product")


def _content(lots: ComparedLots, comparison: Comparison, effects: Crossed) -> dict[str, Any]:
    codes = Lot.objects.in_bulk([*lots.bad, *lots.good])
    reached = {
        name: model.objects.aggregate(key=Max("id"))["key"] or 0
        for name, model in (
            ("measurement", Measurement),
            ("execution", StepExecution),
            ("link", GenealogyLink),
        )
    }
    return {
        "bad": [codes[key].code for key in lots.bad],
        "good": [codes[key].code for key in lots.good],
        "good_rule": lots.rule,
        "good_candidates": lots.candidates,
        "seed": lots.seed,
        "data_to": reached,
        "reason": comparison.reason,
        "tested": len(comparison.findings),
        "smallest_p": _short(smallest_p(len(lots.bad), len(lots.good))) if lots.bad and lots.good else 1.0,
        "findings": [_finding(one) for one in comparison.findings[:FINDINGS_KEPT]],
        "crossed": {
            "values": effects.values,
            "reason": effects.reason,
            "odd": [
                {
                    "factor": one.factor,
                    "level": _level(one, codes),
                    "effect": _short(one.effect),
                    "z": _short(one.z),
                    "values": one.values,
                }
                for one in effects.odd[:FINDINGS_KEPT]
            ],
        },
    }


def _level(one: LevelEffect, codes: Mapping[int, Lot]) -> str:
    if one.factor == "lot":
        return codes[int(one.level)].code
    if one.factor == "cell lot" and one.level.isdecimal():
        return Lot.objects.get(pk=one.level).code
    return one.level


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "factor": one.factor,
        "level": one.level,
        "bad_with": one.bad_with,
        "good_with": one.good_with,
        "bad": one.bad,
        "good": one.good,
        "p": _short(one.p),
        "q": _short(one.q),
        "risk_ratio": _short(one.risk_ratio),
        "ratio_low": _short(one.ratio_low),
        "ratio_high": _short(one.ratio_high),
        "coincides": [list(pair) for pair in one.coincides],
        "overlaps": [list(pair) for pair in one.overlaps],
    }


def _short(value: float) -> float:
    """Four significant digits: enough to read, and the same after the database."""
    return float(f"{value:.4g}")
