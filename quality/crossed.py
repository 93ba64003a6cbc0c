"""Cell, tray, channel, step: whether the lots deviate or what measured them, each effect with the others taken off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lots.models import Measurement
from lots.queries import group_of, valid_measurements
from lots.science.defects.factors import LevelEffect, crossed_effects

FEWEST_VALUES = 20
MOST_CHARACTERISTICS = 12
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Crossed:
    """Odd levels, the clearest first, in robust sigmas of their characteristic; `reason` where there is no answer."""

    values: int
    odd: tuple[LevelEffect, ...]
    reason: str = ""


def crossed(bad: Sequence[int], good: Sequence[int]) -> Crossed:
    """Effects of lot, cell lot, step, channel and tray on what was measured on the lots; channel and tray are the
    equipment that ran the step and its parent.

    Every characteristic is turned into robust sigmas about the good lots, and so that the bad ones deviate upwards:
    a bad channel then stands out in the steps that it ran only, a bad lot in all of them. What measured comes before
    what was measured, and the wide factors before the narrow ones, which would otherwise take up their effects.
    """
    groups = group_of([*bad, *good])
    scores: list[float] = []
    labels: dict[str, list[str]] = defaultdict(list)
    for rows in _by_characteristic(bad, good).values():
        for row, score in zip(rows, _scores(rows, set(bad)), strict=True):
            run = row.execution
            assert run is not None and row.lot_id is not None
            machine = run.equipment
            parent = machine.parent if machine is not None else None
            scores.append(score)
            labels["step"].append(row.characteristic.step.name)
            labels["tray"].append(parent.code if parent is not None else "none")
            labels["channel"].append(machine.code if machine is not None else "none")
            labels["cell lot"].append(str(groups.get(row.lot_id, "none")))
            labels["lot"].append(str(row.lot_id))
    told = {name: values for name, values in labels.items() if len(set(values)) > 1}
    if len(scores) < FEWEST_VALUES or not told:
        return Crossed(len(scores), (), f"fewer than {FEWEST_VALUES} values of the lots can be compared")
    return Crossed(len(scores), crossed_effects(np.array(scores), told).odd)


def _by_characteristic(bad: Sequence[int], good: Sequence[int]) -> Mapping[int, list[Measurement]]:
    """The latest value of each lot, of the characteristics that most of them have."""
    rows = (
        valid_measurements([*bad, *good])
        .filter(execution__isnull=False, qualifier="")
        .exclude(characteristic__unit="1")
        .select_related("characteristic__step", "execution__equipment__parent")
        .order_by("measured_at", "id")
    )
    latest: dict[int, dict[int, Measurement]] = defaultdict(dict)
    for row in rows:
        if row.lot_id is not None:
            latest[row.characteristic_id][row.lot_id] = row
    enough = {key: list(found.values()) for key, found in latest.items() if len(found) >= FEWEST_VALUES}
    most = sorted(enough, key=lambda key: (-len(enough[key]), key))[:MOST_CHARACTERISTICS]
    usable = {}
    for key in most:
        if np.ptp([float(row.value) for row in enough[key]]) > 0:
            usable[key] = enough[key]
    return usable


def _scores(rows: Sequence[Measurement], bad: set[int]) -> list[float]:
    values = np.array([float(row.value) for row in rows])
    is_bad = np.array([row.lot_id in bad for row in rows])
    known = values[~is_bad] if (~is_bad).sum() >= FEWEST_VALUES // 2 else values
    middle = float(np.median(known))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(known - middle))) or float(np.std(values))
    scores = (values - middle) / spread
    if is_bad.any() and np.median(scores[is_bad]) < 0:
        scores = -scores
    return [float(score) for score in scores]
