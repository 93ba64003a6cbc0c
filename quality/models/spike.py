"""Humidity spikes, the lots that lay open in them, and the limits that they tighten. Append-only."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import Gauge, Zone
from quality.models.requirement import SourceType, SpecificationLine


class HumiditySpike(models.Model):
    """Readings in a row of one sensor above the limit of the frost point, found while they were recorded."""

    zone = models.ForeignKey(Zone, models.PROTECT, related_name="humidity_spikes")
    gauge = models.ForeignKey(Gauge, models.PROTECT, null=True, blank=True, related_name="+")
    line = models.ForeignKey(SpecificationLine, models.PROTECT, related_name="+")
    limit_c = models.DecimalField(
        max_digits=20, decimal_places=8, help_text="Frost point, USL of `line` then."
    )
    started_at = models.DateTimeField(help_text="Site clock: the first reading above the limit.")
    found_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("zone", "gauge", "started_at"), name="humidity_spike_once", nulls_distinct=False
            ),
        )

    def __str__(self) -> str:
        return f"{self.zone} {self.started_at:%Y-%m-%d %H:%M}"


class SpikeLot(models.Model):
    """A lot that lay open to the zone's air during the spike."""

    spike = models.ForeignKey(HumiditySpike, models.PROTECT, related_name="lots")
    lot = LotRef(related_name="humidity_spikes")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("spike", "lot"), name="spike_lot_once"),)
        indexes = (models.Index(fields=("lot",), name="spike_by_lot"),)

    def __str__(self) -> str:
        return f"{self.spike}: {self.lot}"


class TightenedLimits(models.Model):
    """The limits of one specification line as a spike tightens them, with the originals and the rule behind it."""

    spike = models.ForeignKey(HumiditySpike, models.PROTECT, related_name="tightened")
    line = models.ForeignKey(SpecificationLine, models.PROTECT, related_name="tightened")
    lsl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    usl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    rule = models.CharField(max_length=300)
    source_type = models.CharField(max_length=12, choices=SourceType)
    made_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("spike", "line"), name="tightened_limits_once"),)

    def __str__(self) -> str:
        return f"{self.line} after {self.spike}"
