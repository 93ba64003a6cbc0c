"""N/P ratio of cells from the measured loadings of their electrode rolls (handbook 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lots.models import Lot
from lots.queries import recipe_values, valid_measurements
from lots.science.assembly import areal_capacity_mah_cm2, np_ratio

LOADING = "coating.loading_mean_mg_cm2"
# Of the recipe of a roll: effective capacity of its coating after formation, mAh/g; whether it is the anode (1 or 0).
CAPACITY, IS_ANODE = "effective_capacity_mah_g", "is_anode"


@dataclass(frozen=True)
class CellBalance:
    """N/P with areas taken as equal, and the rolls that it follows from."""

    np_ratio: float
    rolls: frozenset[int]


def balances(ancestors: Mapping[int, set[int]]) -> dict[int, CellBalance]:
    """Of the cells whose rolls of both kinds have a measured loading and a recipe that says what it holds."""
    everything = {lot for of_cell in ancestors.values() for lot in of_cell}
    rows = valid_measurements(everything).filter(characteristic__code=LOADING)
    loading = dict(rows.order_by("measured_at", "received_at", "id").values_list("lot_id", "value"))
    recipes = recipe_values(Lot.objects.filter(pk__in=[key for key in loading if key is not None]))
    capacity = {
        key: areal_capacity_mah_cm2(float(loading[key]), recipe[CAPACITY])
        for key, recipe in recipes.items()
        if recipe.get(CAPACITY, 0.0) > 0 and IS_ANODE in recipe and loading[key] > 0
    }
    found = {}
    for cell, lots in ancestors.items():
        rolls = lots & capacity.keys()
        anodes = {key for key in rolls if recipes[key][IS_ANODE] == 1}
        if anodes and anodes != rolls:
            sides = [float(np.mean([capacity[key] for key in side])) for side in (anodes, rolls - anodes)]
            found[cell] = CellBalance(np_ratio(*sides), frozenset(rolls))
    return found
