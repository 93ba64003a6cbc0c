"""A plant with a frozen chart that signalled, a value out of specification, and material made from both."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from lots.models import Hold, Lot
from mes.pipeline import evaluate_chart
from quality.actions.approve_limits import approve_limits
from quality.models import SpecificationLine
from spc.models import Chart, Point
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish, specify

VISCOSITY = "mixing.viscosity_pa_s"
PHASE_1 = ("5.0", "5.1", "4.9", "5.0", "7.5", "4.9", "5.0", "5.1", "5.0", "4.9", "5.0", "5.1")
ODD = 4  # position of the 7.5
LIMITS = {"lsl": "2", "usl": "8"}


@dataclass
class ChartedPlant:
    plant: Plant
    chart: Chart
    line: SpecificationLine
    batches: list[Lot]

    def measure(self, value: str) -> Lot:
        """One more batch with one viscosity, evaluated."""
        batch = self.plant.lot()
        self.plant.start(batch, "mixing")
        self.plant.submit([self.plant.reading(VISCOSITY, value, batch)])
        evaluate_chart(self.chart.pk, now=timezone.now())
        self.batches.append(batch)
        return batch

    def points(self) -> list[Point]:
        return list(Point.objects.filter(chart=self.chart).order_by("sequence"))

    def freeze(self) -> None:
        """Frozen without the odd point."""
        odd = self.points()[ODD]
        approve_limits(
            self.chart,
            excluded={odd.pk: "spindle not cleaned"},
            reason="twelve steady batches",
            user=self.plant.process_engineer,
            password=PASSWORD,
            now=timezone.now(),
        )

    def signal(self) -> Hold:
        """A value in specification and beyond a control limit: the reaction plan holds its batch."""
        self.measure("6.5")
        return Hold.objects.get(
            source=Hold.Source.SIGNAL, site=self.plant.site, reason__contains="beyond a control limit"
        )


def learning_plant(**line_fields: object) -> ChartedPlant:
    """Phase 1 is complete: the limits can be frozen. `line_fields` are of the control-plan line."""
    plant = make_plant()
    line = specify(plant, VISCOSITY, **LIMITS)
    add_chart(plant, VISCOSITY, **line_fields)
    publish(plant)
    batches = plant.lots(len(PHASE_1))
    plant.start_all(batches, "mixing")
    plant.submit(
        [plant.reading(VISCOSITY, value, batch) for value, batch in zip(PHASE_1, batches, strict=True)]
    )
    charted = ChartedPlant(plant, Chart.objects.get(stream__plan__site=plant.site), line, batches)
    evaluate_chart(charted.chart.pk, now=timezone.now())
    return charted


def frozen_plant(**line_fields: object) -> ChartedPlant:
    charted = learning_plant(**line_fields)
    charted.freeze()
    charted.measure("5.0")
    return charted
