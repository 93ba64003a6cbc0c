"""A plant with one chart that has points, and a signal if wanted."""

from __future__ import annotations

from django.utils import timezone

from mes.pipeline import evaluate_chart
from spc.models import Chart
from tests.support.builders import Plant, add_chart, make_plant, publish

STEADY = ("5.0", "5.1", "4.9", "5.0", "5.1", "4.9", "5.0", "5.1", "5.0", "4.9", "5.0", "5.1")


def charted_plant(*, signal: bool = False) -> Plant:
    """Twelve viscosities of one batch on an individuals chart; `signal` adds one far off."""
    plant = make_plant()
    add_chart(plant, "mixing.viscosity_pa_s")
    publish(plant)
    batch = plant.lot()
    plant.start(batch, "mixing")
    values = (*STEADY, "9.0") if signal else STEADY
    plant.submit([plant.reading("mixing.viscosity_pa_s", value, batch) for value in values])
    evaluate_chart(Chart.objects.get(stream__plan__site=plant.site).pk, now=timezone.now())
    return plant
