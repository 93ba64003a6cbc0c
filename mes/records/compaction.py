"""What the calender did to a roll: porosity with its uncertainty, compression, and how porosity follows line load."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Avg

from lots.models import Lot
from lots.queries import recipe_values, valid_measurements
from lots.science.calendering import coating_thickness_um
from lots.science.compaction import (
    PressureRegression,
    compression_ratio,
    porosity_with_uncertainty,
    pressure_to_porosity,
)
from quality.good_lots import good_among

BEFORE, AFTER = "coating.thickness_um", "calendering.thickness_um"
LOADING = "coating.areal_loading_mg_cm2"
LINE_LOAD, POROSITY = "calendering.line_load_n_mm", "calendering.porosity_pct"
RECIPE = ("foil_thickness_um", "coated_sides", "solid_density_g_cm3")
ROLLS = 200


@dataclass(frozen=True)
class Compaction:
    """`uncertainty_pct` is the standard one, from how far the readings of the roll scatter.

    `compression` is None without readings before the calender. `regression` is over other good rolls of the material,
    None with the reason; `doubling_pct` is what a doubled line load does to the porosity, in points.
    """

    porosity_pct: float
    uncertainty_pct: float
    compression: float | None
    regression: PressureRegression | None
    doubling_pct: float | None
    reason: str


def compaction_of(roll: Lot) -> Compaction | None:
    """None where thickness, loading or the recipe's parameters are missing, or give no porosity."""
    values: dict[str, list[float]] = defaultdict(list)
    rows = valid_measurements([roll.pk]).filter(characteristic__code__in=(BEFORE, AFTER, LOADING))
    for code, value in rows.values_list("characteristic__code", "value"):
        values[code].append(float(value))
    recipe = recipe_values([roll])[roll.pk]
    if not values[AFTER] or not values[LOADING] or not set(RECIPE) <= recipe.keys():
        return None
    sides = int(recipe["coated_sides"])

    def coating_um(total_um: Sequence[float]) -> float:
        foil_um = recipe["foil_thickness_um"]
        return coating_thickness_um(float(np.mean(total_um)), foil_thickness_um=foil_um, coated_sides=sides)

    try:
        found = porosity_with_uncertainty(
            float(np.mean(values[LOADING])),
            coating_um(values[AFTER]),
            recipe["solid_density_g_cm3"],
            loading_u=_error_of_mean(values[LOADING]),
            thickness_u=_error_of_mean(values[AFTER]) / sides,
        )
        compression = (
            compression_ratio(coating_um(values[BEFORE]), coating_um(values[AFTER]))
            if values[BEFORE]
            else None
        )
    except ValueError:
        return None
    regression, reason = _regression(roll)
    return Compaction(
        porosity_pct=100 * found.state.porosity,
        uncertainty_pct=100 * found.standard_uncertainty,
        compression=compression,
        regression=regression,
        doubling_pct=None if regression is None else 100 * regression.slope * math.log(2.0),
        reason=reason,
    )


def _error_of_mean(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _regression(roll: Lot) -> tuple[PressureRegression | None, str]:
    """Over the newest other good rolls of the site and material."""
    others = Lot.objects.filter(site=roll.site_id, material=roll.material_id).exclude(pk=roll.pk)
    keys = good_among(others.order_by("-pk").values_list("pk", flat=True)[:ROLLS])
    means: dict[int, dict[str, float]] = defaultdict(dict)
    rows = valid_measurements(keys).filter(characteristic__code__in=(LINE_LOAD, POROSITY))
    averaged = rows.values_list("lot_id", "characteristic__code").annotate(mean=Avg("value")).order_by()
    for lot, code, mean in averaged:
        if lot is not None:
            means[lot][code] = float(mean)
    whole = [of_lot for of_lot in means.values() if len(of_lot) == 2]
    try:
        return (
            pressure_to_porosity(
                [one[LINE_LOAD] for one in whole],  # N/mm is kN/m
                [one[POROSITY] / 100 for one in whole],
            ),
            "",
        )
    except ValueError as error:
        return None, str(error)
