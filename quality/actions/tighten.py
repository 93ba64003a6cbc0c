"""Ask more samples of a stream that signalled, until enough good subgroups in a row or a signature end it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max

from lots.models import Site
from quality.in_force import open_tightening
from quality.models import ControlPlanLine, ReactionFiring, Tightening
from spc.models import Chart, Signal
from spc.queries import current_points


def stratum(chart: Chart, site: Site) -> dict[str, Any]:
    """What a tightening or stop copies of the chart's stream."""
    stream = chart.stream
    return {
        "site": site,
        "chart": chart,
        "characteristic": stream.plan.characteristic,
        "step_id": stream.plan.characteristic.step_id,
        "equipment_id": stream.equipment_id,
        "material_id": stream.plan.material_id,
        "product_revision_id": stream.product_revision_id,
        "recipe_revision_id": stream.recipe_revision_id,
    }


def open_on(chart: Chart) -> Tightening | None:
    """The tightening in force on the chart, read under the chart's lock."""
    return Tightening.objects.filter(chart=chart, ended_at__isnull=True).first()


def tighten(
    chart: Chart, firing: ReactionFiring, line: ControlPlanLine, site: Site, *, site_now: datetime
) -> Tightening:
    """Put it in force; there is none yet. Runs in the evaluation, which holds the chart's lock."""
    return Tightening.objects.create(
        firing=firing,
        factor=line.tighten_factor,
        good_needed=line.good_to_relax,
        opened_at=site_now,
        **stratum(chart, site),
    )


def relax(chart: Chart, site: Site, *, site_now: datetime) -> Tightening | None:
    """End the chart's tightening when enough subgroups in a row have not signalled; None where it stays."""
    if open_tightening(site, chart.pk) is None:
        return None
    tightening = Tightening.objects.select_for_update().filter(chart=chart, ended_at__isnull=True).first()
    if tightening is None or good_in_a_row(tightening) < tightening.good_needed:
        return None
    tightening.ended_at = site_now
    tightening.end_reason = f"{tightening.good_needed} good subgroups in a row"
    tightening.save(update_fields=["ended_at", "end_reason"])
    return tightening


def good_in_a_row(tightening: Tightening) -> int:
    """Points of the chart behind the last one whose signal was more than an alert."""
    points = current_points(tightening.chart_id)
    since = tightening.firing.signal.point.sequence
    acted = [reaction for reaction in Signal.Reaction if reaction != Signal.Reaction.ALERT]
    last = points.filter(sequence__gte=since, signals__reaction__in=acted).aggregate(at=Max("sequence"))["at"]
    return points.filter(sequence__gt=since if last is None else last).count()
