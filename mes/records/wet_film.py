"""Whether the dried coating is as thick as its gap lets expect: the wet-film check of coating (handbook 3.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lots.models import Lot
from lots.queries import recipe_values, valid_measurements
from lots.science.calendering import coating_thickness_um
from lots.science.coating import dry_thickness_from_wet_um

GAP, THICKNESS = "coating.gap_um", "coating.thickness_um"
# `film_solids_share`: volume of the dry film, pores included, over that of the wet one; `film_transfer`: part of the
# gap that stays as wet film.
RECIPE = ("foil_thickness_um", "coated_sides", "film_solids_share", "film_transfer")


@dataclass(frozen=True)
class WetFilm:
    """Of one side, µm; `off_pct` is measured over expected, less one."""

    gap_um: float
    expected_um: float
    measured_um: float

    @property
    def off_pct(self) -> float:
        return 100.0 * (self.measured_um / self.expected_um - 1.0)


def wet_film_of(roll: Lot) -> WetFilm | None:
    """None where gap, thickness or the recipe's parameters are missing or cannot be used."""
    recipe = recipe_values([roll])[roll.pk]
    rows = valid_measurements([roll.pk]).filter(characteristic__code__in=(GAP, THICKNESS))
    read: dict[str, list[float]] = {GAP: [], THICKNESS: []}
    for code, value in rows.order_by("measured_at", "id").values_list("characteristic__code", "value"):
        read[code].append(float(value))
    if not read[GAP] or not read[THICKNESS] or not set(RECIPE) <= recipe.keys():
        return None
    gap_um = read[GAP][-1]
    try:
        expected = dry_thickness_from_wet_um(
            gap_um, solids_share=recipe["film_solids_share"], transfer=recipe["film_transfer"]
        )
        measured = coating_thickness_um(
            float(np.mean(read[THICKNESS])),
            foil_thickness_um=recipe["foil_thickness_um"],
            coated_sides=int(recipe["coated_sides"]),
        )
    except ValueError:
        return None
    return WetFilm(gap_um, expected, measured)
