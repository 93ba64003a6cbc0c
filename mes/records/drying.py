"""The drying curve of a roll as data: mass over time, rate, endpoint and the loss in each stage."""

from __future__ import annotations

from typing import Any

import numpy as np

from lots.models import CurveFile, Lot
from lots.queries import valid_measurements
from lots.science.drying import drying_endpoint
from lots.science.raw_records import RecordKind, derived_of, stage_profile
from mes.connectors.formation_readings import recipe_of
from mes.connectors.series.readings import STRIP
from mes.connectors.series.record import derived_values
from mes.records.find import described, digits, thinned, values_out

POINTS_SHOWN = 1_000
READINGS_READ = 2_000


def curve_json(record: CurveFile) -> dict[str, Any]:
    """The stored curve and what follows from it. Raises CurveMissing."""
    columns, derived = derived_values(record)
    return {
        **_curve(columns, recipe_of(record.lot)[1]),
        "values": values_out(derived),
        "problems": list(derived.problems),
        "source": described(record),
    }


def readings_curve_json(lot: Lot) -> dict[str, Any] | None:
    """The weighings that were recorded one by one where there is no raw record; None for fewer than three."""
    rows = valid_measurements([lot.pk]).filter(characteristic__code=STRIP).order_by("measured_at", "id")
    weighed = {row.measured_at: float(row.value) for row in rows[:READINGS_READ]}
    if len(weighed) < 3:
        return None
    times = list(weighed)
    columns = {
        "time_min": np.array([(at - times[0]).total_seconds() / 60.0 for at in times]),
        "mass_g": np.array(list(weighed.values())),
    }
    recipe = recipe_of(lot)[1]
    derived = derived_of(RecordKind.MASS, columns, recipe)
    return {
        **_curve(columns, recipe),
        "values": values_out(derived),
        "problems": list(derived.problems),
        "source": None,
    }


def _curve(columns: dict[str, np.ndarray], recipe: Any) -> dict[str, Any]:
    time, mass = columns["time_min"], columns["mass_g"]
    shown = thinned(time, POINTS_SHOWN)
    limit = recipe.get("drying_rate_limit_pct_min")
    rates = None
    if limit is not None and "drying_consecutive" in recipe:
        try:
            found = drying_endpoint(
                time, mass, rate_limit_pct_min=limit, consecutive=int(recipe["drying_consecutive"])
            )
            rates = [digits(float(rate)) for rate in found.rates_pct_min[shown[1:] - 1]]
        except ValueError:
            rates = None
    return {
        "time_min": [digits(float(value)) for value in time[shown]],
        "mass_g": [digits(float(value)) for value in mass[shown]],
        "rate_pct_min": rates,
        "rate_limit_pct_min": limit,
        "stages": [
            {"end_min": digits(end), "loss_pct": digits(loss)} for end, loss in stage_profile(columns, recipe)
        ],
    }
