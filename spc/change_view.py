"""Since when: the change that best explains a signal of a chart that remembers nothing itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spc.definition import traits_of
from spc.engine import Panel, Rule
from spc.engine.change import step_change_point
from spc.engine.kinds import ChartKind
from spc.engine.live import allowed_rules_of
from spc.models import Chart, Point
from spc.queries import current_points

POINTS = 500  # newest points before the signal that are looked through


@dataclass(frozen=True)
class Began:
    """Number (from 1, as pages count) of the first point of the changed process, and its mean shift in sigmas."""

    number: int
    shift_sigmas: float


def change_before(chart: Chart, point: Point) -> Began | None:
    """The most likely beginning of a step that ends in a signal at `point`.

    None for a chart that is not about its centre in sigmas, whose centre follows the readings, or that gathers points
    and says since when by itself. Looks through the points that the same limits judge. One query.
    """
    kind = ChartKind(chart.stream.plan.family)
    about_center = Rule.RUN_ONE_SIDE in allowed_rules_of(kind, Panel.LOCATION)
    follows = kind is ChartKind.MOVING_CENTER or traits_of(chart.stream.plan).remembers
    if point.z is None or follows or not about_center:
        return None
    rows = list(
        current_points(chart.pk)
        .filter(
            limit_revision=point.limit_revision_id,
            sequence__lte=point.sequence,
            sequence__gt=point.sequence - POINTS,
        )
        .order_by("sequence")
        .values_list("sequence", "z")
    )
    if not rows or rows[-1][0] != point.sequence:
        return None  # replaced by a recalculation
    found = step_change_point([math.nan if z is None else z for _, z in rows], center=0.0, sigma=1.0)
    return Began(rows[found.position][0] + 1, found.shift_sigmas)
