"""Which upstream equipment, lane, metres, batch, channel or shift the bad lots share.

Nobody is named: people stand in it as the shift that worked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lots.genealogy import ancestors_of
from lots.models import Characteristic, GenealogyLink, Lot, Shift, Site, StepExecution
from lots.queries import valid_measurements
from quality.models import Judgement
from quality.pareto import shift_of
from spc.engine.commonality import CommonalityError, Finding, commonality

MOST_UNITS = 2_000
BINS = 10  # of a roll's length


@dataclass(frozen=True)
class Comparison:
    """Bad and good lots, and what they have in common. `reason` says why there is nothing to compare."""

    bad: tuple[Lot, ...]
    good: tuple[Lot, ...]
    findings: tuple[Finding, ...]
    reason: str = ""


def compare_by_specification(characteristic: Characteristic, site: Site, *, since: datetime) -> Comparison:
    """Lots with a value out of specification against lots whose values all conform, judged since an instant.

    Only current good values count; a lot of which one could not be judged stands on neither side.
    """
    rows = Judgement.objects.filter(
        line__specification__characteristic=characteristic,
        lot_id__isnull=False,
        judged_at__gte=since,
    ).order_by("-id")
    judged = list(rows.values_list("lot_id", "measurement_id", "verdict")[: 10 * MOST_UNITS])
    current = valid_measurements({lot for lot, _, _ in judged if lot is not None})
    counted = set(current.filter(characteristic=characteristic).values_list("id", flat=True))
    verdicts: dict[int, set[str]] = defaultdict(set)
    for lot, measurement, verdict in judged:
        if measurement in counted:
            verdicts[lot or 0].add(verdict)
    return compare(
        {
            lot: Judgement.Verdict.VIOLATES in found
            for lot, found in verdicts.items()
            if Judgement.Verdict.VIOLATES in found or Judgement.Verdict.UNDETERMINED not in found
        },
        site,
    )


def compare_by_rank(
    characteristic: Characteristic, site: Site, *, since: datetime, share_pct: float, highest: bool
) -> Comparison:
    """The lots with the highest (lowest) share of mean values against the others: also where nothing violates."""
    values: dict[int, list[float]] = defaultdict(list)
    recent = Judgement.objects.filter(
        line__specification__characteristic=characteristic, lot_id__isnull=False, judged_at__gte=since
    )
    keys = set(recent.order_by("-id").values_list("lot_id", flat=True)[: 10 * MOST_UNITS])
    rows = valid_measurements(key for key in keys if key is not None).filter(characteristic=characteristic)
    for lot_id, value in rows.values_list("lot_id", "value"):
        values[lot_id or 0].append(float(value))
    means = {key: sum(found) / len(found) for key, found in values.items()}
    ranked = sorted(means, key=lambda key: (-means[key] if highest else means[key], key))
    bad = set(ranked[: max(1, round(len(ranked) * share_pct / 100))])
    return compare({key: key in bad for key in ranked}, site)


def compare(is_bad: dict[int, bool], site: Site) -> Comparison:
    """Compare lots by key. The newest MOST_UNITS of them are looked at."""
    keys = sorted(is_bad, reverse=True)[:MOST_UNITS]
    lots = Lot.objects.filter(site=site).select_related("material").in_bulk(keys)
    units = [key for key in keys if key in lots]
    bad = tuple(lots[key] for key in units if is_bad[key])
    good = tuple(lots[key] for key in units if not is_bad[key])
    try:
        found = commonality([is_bad[key] for key in units], factors_of(units, site))
    except CommonalityError as error:
        return Comparison(bad, good, (), str(error))
    return Comparison(bad, good, tuple(found))


def factors_of(units: Sequence[int], site: Site) -> dict[str, list[frozenset[str]]]:
    """Factor → the levels of every unit through its whole ancestry; the number of queries grows with its depth."""
    ancestors = ancestors_of(units)
    everything = set(units).union(*ancestors.values()) if units else set()
    levels: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key, code, material in Lot.objects.filter(pk__in=everything).values_list(
        "pk", "code", "material__code"
    ):
        levels[f"lot of {material}"][key].add(code)
    _executions(everything, site, levels)
    factors = {
        factor: [
            frozenset().union(*(by_lot.get(lot, ()) for lot in {unit, *ancestors[unit]})) for unit in units
        ]
        for factor, by_lot in levels.items()
    }
    own = set(Lot.objects.filter(pk__in=units).values_list("material__code", flat=True))
    for material in own:
        factors.pop(f"lot of {material}", None)  # every unit is its own
    return factors | _places(units, ancestors)


def _executions(everything: set[int], site: Site, levels: dict[str, dict[int, set[str]]]) -> None:
    shifts, zone = list(Shift.objects.filter(site=site).order_by("starts")), ZoneInfo(site.time_zone)
    rows = StepExecution.objects.filter(lot__in=everything).values_list(
        "lot_id", "route_step__step__name", "equipment__code", "equipment__parent__code", "started_at"
    )
    for lot_id, step, equipment, tray, started_at in rows:
        if equipment is not None:
            levels[f"equipment of {step.lower()}"][lot_id].add(equipment)
        if tray is not None:
            levels[f"tray of {step.lower()}"][lot_id].add(tray)
        if shifts:
            shift = shift_of(started_at.astimezone(zone).time(), shifts)
            levels[f"shift of {step.lower()}"][lot_id].add(shift)


def _places(units: Sequence[int], ancestors: dict[int, set[int]]) -> dict[str, list[frozenset[str]]]:
    """Lanes and tenths of the rolls that the units were taken from, at every generation."""
    children = set(units).union(*ancestors.values()) if units else set()
    links = GenealogyLink.objects.filter(
        child__in=children,
        parent_from_mm__isnull=False,
        voided_at__isnull=True,
        parent__length_mm__isnull=False,
    ).values_list(
        "child_id",
        "parent__code",
        "parent__material__code",
        "parent__length_mm",
        "parent_from_mm",
        "parent_to_mm",
        "lane_from",
        "lane_to",
    )
    by_child: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for child, code, material, length, start, end, first, last in links:
        assert length is not None and start is not None and end is not None
        width = length / BINS
        for number in range(int(start // width), min(BINS - 1, int((end - 1) // width)) + 1):
            words = f"{code}, {number * width / 1000:g} to {(number + 1) * width / 1000:g} m"
            by_child[f"metres of {material}"][child].add(words)
        for lane in range(first, last + 1) if first is not None and last is not None else ():
            by_child[f"lane of {material}"][child].add(f"lane {lane}")
    return {
        factor: [
            frozenset().union(*(found.get(lot, ()) for lot in {unit, *ancestors[unit]})) for unit in units
        ]
        for factor, found in by_child.items()
    }
