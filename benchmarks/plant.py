"""Material on the demo line, made through the public actions, and readings of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from lots.actions.ensure_source import issue_key
from lots.clock import site_time
from lots.envelope import Envelope, ReadingIn
from lots.models import Equipment, Lot, Site, Source, User
from mes.demo.credentials import DEMO_PASSWORD
from mes.demo.load import WORK_ORDER
from mes.pipeline import evaluate_chart, record
from quality.actions.approve_limits import approve_limits
from quality.actions.produce import NewLot, produce_lots
from quality.actions.run_step import start_step
from spc.models import Chart

SITE = "DEMO"
OPERATOR, PROCESS_ENGINEER, QUALITY_ENGINEER = "op.ana", "pe.sato", "qe.kim"
MIXER, COATER = "MIX-1", "COAT-1"
BATCHES_A_CALL = 200

VISCOSITY = "mixing.viscosity_pa_s"
THICKNESS = "coating.thickness_um"
LANES = range(1, 6)
ROLL_POSITIONS_MM = (10_000, 500_000, 990_000)
# Of the cathode: specification 4.25 to 5.75 Pa·s around 5.0, 276.4 to 296.4 um around 286.4.
STEADY_VISCOSITIES = ("4.95", "5.05", "5.00", "4.90", "5.10")
BEYOND_LIMITS = "5.60"


@dataclass
class Line:
    """The demo site with one person who records; lots and keys are numbered."""

    site: Site = field(default_factory=lambda: Site.objects.get(code=SITE))
    operator: User = field(default_factory=lambda: User.objects.get(username=OPERATOR))
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def source(self) -> Source:
        return self.site.sources.get(user=self.operator)

    def api_key(self) -> str:
        """A fresh API key of the operator's source."""
        return issue_key(self.source, by=self.operator)

    def measured_at(self) -> datetime:
        """A second ago on the site clock."""
        return site_time(self.site, timezone.now()) - timedelta(seconds=1)

    def batches(self, count: int) -> list[Lot]:
        """Cathode slurries that are being mixed."""
        return self._running(count, "SLURRY-CATHODE", "mixing", MIXER)

    def rolls(self, count: int) -> list[Lot]:
        """Cathode mother rolls that are being coated."""
        return self._running(count, "ROLL-CATHODE", "coating", COATER, length_mm=1_000_000, lanes=2)

    def _running(
        self,
        count: int,
        material: str,
        step: str,
        machine: str,
        *,
        length_mm: int | None = None,
        lanes: int | None = None,
    ) -> list[Lot]:
        equipment = Equipment.objects.get(site=self.site, code=machine)
        made: list[Lot] = []
        while len(made) < count:
            specs = [
                NewLot(
                    code=f"B-{material}-{next(self._numbers)}",
                    material=material,
                    quantity=Decimal(1_000),
                    work_order=WORK_ORDER,
                    length_mm=length_mm,
                    lanes=lanes,
                )
                for _ in range(min(BATCHES_A_CALL, count - len(made)))
            ]
            lots = produce_lots(specs, site=self.site, user=self.operator, now=timezone.now())
            start_step(lots, step, user=self.operator, equipment=equipment, now=timezone.now())
            made += lots
        return made

    def viscosity(self, lot: Lot, value: str) -> ReadingIn:
        return ReadingIn(VISCOSITY, value, "Pa.s", self.measured_at(), lot=lot.code)

    def profile(self, lot: Lot, number: int) -> list[ReadingIn]:
        """Fifteen thicknesses of a roll: five lanes at three places, all in specification."""
        at = self.measured_at()
        return [
            ReadingIn(
                THICKNESS,
                f"{286.4 + (number * 7 + lane * 3 + place) % 9 * 0.1:.1f}",
                "um",
                at,
                lot=lot.code,
                position=str(lane),
                roll_position_mm=millimetre,
            )
            for place, millimetre in enumerate(ROLL_POSITIONS_MM)
            for lane in LANES
        ]

    def envelope(self, readings: Sequence[ReadingIn], *, source: Source) -> Envelope:
        return Envelope(
            site=self.site,
            source=source,
            key=f"benchmark-{next(self._numbers)}",
            user=self.operator,
            readings=tuple(readings),
        )


def frozen_viscosity_chart(line: Line) -> Chart:
    """The viscosity chart of one mixer after its phase 1, with signed limits: a signal now holds its batch."""
    source, lots = line.source, line.batches(30)
    for number, lot in enumerate(lots):
        value = STEADY_VISCOSITIES[number % len(STEADY_VISCOSITIES)]
        record(line.envelope([line.viscosity(lot, value)], source=source), now=timezone.now())
    chart = Chart.objects.get(stream__plan__characteristic__code=VISCOSITY)
    evaluate_chart(chart.pk, now=timezone.now())
    approve_limits(
        chart,
        excluded={},
        reason="thirty steady batches",
        user=User.objects.get(username=PROCESS_ENGINEER),
        password=DEMO_PASSWORD,
        now=timezone.now(),
    )
    return chart
