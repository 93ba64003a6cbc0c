"""Which defect a formed cell probably has: its own values and those of what it was made from, against its peers.

Reads only. A verdict is evidence for a person; it holds and releases nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lots.genealogy import ancestors_of
from lots.models import Lot, Measurement, StepExecution
from lots.queries import group_of, valid_measurements
from lots.science.defects.classify import (
    MIN_REFERENCE,
    Reference,
    Suspect,
    Verdict,
    classify,
    reference,
    z_scores,
)
from lots.science.defects.factors import crossed_effects
from lots.science.defects.signatures import Feature
from quality.good_lots import good_among
from quality.np_ratio import CellBalance, balances

PEERS = 200  # enough for a robust sigma, few enough for a page

# Characteristic → feature. Of a characteristic by cycle the last cycle counts.
OF_THE_CELL = {
    "formation.r_hf_mohm": Feature.R_HF,
    "formation.r_mid_mohm": Feature.R_MID,
    "formation.resistance_mohm": Feature.OHMIC_JUMP,
    "formation.discharge_capacity_ah": Feature.CAPACITY,
    "formation.fce_pct": Feature.FCE,
    "filling.retained_mass_g": Feature.FILL_MASS,
}
OF_ITS_PARENTS = {
    "drying.residual_ppm": Feature.RESIDUAL_SOLVENT,
    "drying.endpoint_min": Feature.ENDPOINT_TIME,
    "calendering.porosity_pct": Feature.POROSITY,
    "dry_room.dose_g_h_m3": Feature.DOSE,
}


@dataclass(frozen=True)
class SuspectRow:
    """A suspected family with the lots whose records of its step to open."""

    suspect: Suspect
    lots: tuple[Lot, ...]


@dataclass(frozen=True)
class CellVerdict:
    """`verdict` is None with `reason` where there is not enough to compare with.

    `peers` are the other cells compared with; `lots` the most others of their kind that a roll or container of the
    cell was compared with. `np_ratio` follows from the loadings of its rolls, None where they do not tell.
    """

    verdict: Verdict | None
    rows: tuple[SuspectRow, ...]
    peers: int
    measured: tuple[Feature, ...]
    reason: str = ""
    lots: int = 0
    np_ratio: float | None = None


def suspect_defects(
    cell: Lot, *, noise_of: Callable[[Sequence[int]], Mapping[int, float]] = lambda cells: {}
) -> CellVerdict:
    """Classify a cell against up to 200 good others of its product revision that went through formation.

    What was measured on a roll or container that it was made from is compared with other rolls or containers, each
    counted once however many cells it became: cells of one roll share its value and are no independent evidence.
    `noise_of` gives the noise of the voltage, V, of those cells whose curves are stored.
    """
    peers = _peers(cell)
    if len(peers) < MIN_REFERENCE:
        reason = f"{len(peers)} other good cells of this product went through formation; {MIN_REFERENCE} are needed."
        return CellVerdict(None, (), len(peers), (), reason)
    made_of = ancestors_of([cell.pk, *peers])
    ancestors = made_of[cell.pk]
    values = _by_feature(_latest([cell.pk, *peers], OF_THE_CELL))
    values[Feature.NOISE, cell.material_id] = dict(noise_of([cell.pk, *peers]))
    z, _ = _z(values, {cell.pk})
    inherited, compared = _inherited_z(ancestors)
    z |= inherited
    balance = balances(made_of)
    z |= _balance_z(balance, cell.pk)
    channel = _channel_z(values, cell.pk, peers)
    if channel is not None:
        z[Feature.CHANNEL_EFFECT] = channel
    if not z:
        return CellVerdict(
            None, (), len(peers), (), "Nothing of this cell was measured that its peers have too."
        )
    verdict = classify(z)
    places = _places([cell.pk, *ancestors])
    rows = tuple(SuspectRow(one, places.get(one.step, ())) for one in verdict.ranked[:3])
    ratio = balance[cell.pk].np_ratio if cell.pk in balance else None
    return CellVerdict(verdict, rows, len(peers), tuple(sorted(z)), lots=compared, np_ratio=ratio)


def _peers(cell: Lot) -> list[int]:
    others = (
        StepExecution.objects.filter(
            route_step__step__code="formation",
            finished_at__isnull=False,
            lot__site=cell.site_id,
            lot__material=cell.material_id,
            lot__product_revision=cell.product_revision_id,
        )
        .exclude(lot=cell)
        .order_by("-finished_at")
        .values_list("lot_id", flat=True)[: 2 * PEERS]
    )
    keys = list(dict.fromkeys(others))
    good = good_among(keys)
    return [key for key in keys if key in good][:PEERS]


# (feature, material): both rolls of a cell have a porosity, and they do not compare.
Key = tuple[Feature, int]


def _inherited_z(ancestors: set[int]) -> tuple[dict[Feature, float], int]:
    """Robust z of what the cell was made from, each lot against others of its kind, and how many those were."""
    own = _latest(ancestors, OF_ITS_PARENTS)
    measured = {lot_id for lot_id, _, _ in own}
    others = _latest(_lots_like(measured, ancestors), OF_ITS_PARENTS)
    return _z(_by_feature({**own, **others}), measured)


def _balance_z(balance: Mapping[int, CellBalance], cell: int) -> dict[Feature, float]:
    """Robust z of the cell's N/P against that of other pairs of rolls, each counted once."""
    if cell not in balance:
        return {}
    pairs = {one.rolls: one.np_ratio for one in balance.values()}
    own = pairs.pop(balance[cell].rolls)
    try:
        of = reference({Feature.NP_RATIO: list(pairs.values())})
    except ValueError:
        return {}  # too few other pairs, or all alike
    return z_scores({Feature.NP_RATIO: own}, of)


def _lots_like(lots: set[int], ancestors: set[int]) -> list[int]:
    """The newest good lots of the same site, material and product revision, up to 200 of each kind."""
    kinds = (
        Lot.objects.filter(pk__in=lots).order_by().values("site", "material", "product_revision").distinct()
    )
    found = [
        list(
            Lot.objects.filter(**kind)
            .exclude(pk__in=ancestors)
            .order_by("-pk")
            .values_list("pk", flat=True)[: 2 * PEERS]
        )
        for kind in kinds
    ]
    good = good_among(key for keys in found for key in keys)
    return [key for keys in found for key in [one for one in keys if one in good][:PEERS]]


def _by_feature(latest: Mapping[tuple[int, Feature, int], float]) -> dict[Key, dict[int, float]]:
    """Value of each lot by feature and material."""
    values: dict[Key, dict[int, float]] = defaultdict(dict)
    for (lot_id, feature, material), value in latest.items():
        values[feature, material][lot_id] = value
    return values


def _latest(keys: Iterable[int], features: Mapping[str, Feature]) -> dict[tuple[int, Feature, int], float]:
    """(lot, feature, material) → the last valid value; of several cycles that of the last one."""
    rows = valid_measurements(keys).filter(characteristic__code__in=list(features))
    materials = dict(Lot.objects.filter(pk__in=list(keys)).values_list("pk", "material_id"))
    latest: dict[tuple[int, Feature, int], float] = {}
    ordered: Iterable[Measurement] = rows.select_related("characteristic").order_by(
        "position", "measured_at", "received_at", "id"
    )
    for row in ordered:
        if row.lot_id is not None:
            latest[row.lot_id, features[row.characteristic.code], materials[row.lot_id]] = float(row.value)
    return latest


def _z(values: Mapping[Key, Mapping[int, float]], own: set[int]) -> tuple[dict[Feature, float], int]:
    """Robust z of the lots `own` against all others, and the largest number of these.

    Of several lots and materials the largest deviation counts.
    """
    z: dict[Feature, float] = {}
    compared = 0
    for (feature, _), by_lot in values.items():
        known = [value for lot, value in by_lot.items() if lot not in own]
        mine = [value for lot, value in by_lot.items() if lot in own]
        if not mine or len(known) < MIN_REFERENCE:
            continue
        try:
            of: Reference = reference({feature: known})
        except ValueError:
            continue  # the same value in every other: it tells nothing
        compared = max(compared, len(known))
        for value in mine:
            found = z_scores({feature: value}, of)[feature]
            if abs(found) > abs(z.get(feature, 0.0)):
                z[feature] = found
    return z, compared


def _channel_z(values: Mapping[Key, Mapping[int, float]], cell: int, peers: Sequence[int]) -> float | None:
    """How far the cell's channel is off the others in capacity, lots taken off; None where it cannot be told."""
    capacity = next((rows for (feature, _), rows in values.items() if feature is Feature.CAPACITY), {})
    keys = [key for key in (cell, *peers) if key in capacity]
    runs = StepExecution.objects.filter(
        lot_id__in=keys, route_step__step__code="formation", equipment__isnull=False
    )
    channels = dict(runs.order_by("attempt").values_list("lot_id", "equipment__code"))
    keys = [key for key in keys if key in channels]
    if cell not in keys or len(set(channels.values())) < 3:
        return None
    groups = group_of(keys)
    effects = crossed_effects(
        np.array([capacity[key] for key in keys]),
        {
            "channel": [channels[key] for key in keys],
            "lot": [str(groups.get(key, 0)) for key in keys],
        },
    )
    mine = [one for one in effects.levels if (one.factor, one.level) == ("channel", channels[cell])]
    return abs(mine[0].z) if mine and mine[0].values >= 3 else None


def _places(keys: Sequence[int]) -> dict[str, tuple[Lot, ...]]:
    """Step → the lots of these that ran it: whose records and gate decisions to open."""
    runs = StepExecution.objects.filter(lot_id__in=keys).select_related("lot", "route_step__step")
    places: dict[str, dict[int, Lot]] = defaultdict(dict)
    for run in runs.order_by("-started_at"):
        places[run.route_step.step.code][run.lot_id] = run.lot
    return {step: tuple(lots.values()) for step, lots in places.items()}
