"""Equipment, zones and gauges, and what they are fit for."""

from __future__ import annotations

from django.db import models

from lots.models.product import ProcessStep
from lots.models.site import Site, User


class Equipment(models.Model):
    """A machine, or a part of one: trays and channels point at their parent."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="equipment")
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=100)
    step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="equipment")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="parts")
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "equipment"
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="equipment_code_per_site"),)

    def __str__(self) -> str:
        return self.code


class Zone(models.Model):
    """A volume of air whose moisture matters."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="zones")
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=100)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="zone_code_per_site"),)

    def __str__(self) -> str:
        return self.code


class Gauge(models.Model):
    """A measuring instrument. Past `calibration_due_at` its step does not start."""

    class MoistureReading(models.TextChoices):
        NOT_MOISTURE = "", "not a moisture sensor"
        FROST_POINT = "frost", "frost point (over ice)"
        DEW_POINT = "dew", "dew point (over water)"

    site = models.ForeignKey(Site, models.PROTECT, related_name="gauges")
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=32)
    resolution = models.DecimalField(max_digits=14, decimal_places=8, null=True, blank=True)
    unit = models.CharField(max_length=16, blank=True)
    zone = models.ForeignKey(Zone, models.PROTECT, null=True, blank=True, related_name="sensors")
    height_m = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    moisture_reading = models.CharField(
        max_length=8, choices=MoistureReading, blank=True, default=MoistureReading.NOT_MOISTURE
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="gauge_code_per_site"),)

    def __str__(self) -> str:
        return self.code


class Calibration(models.Model):
    """One calibration of a gauge; the latest decides whether the gauge may be used. Append-only."""

    gauge = models.ForeignKey(Gauge, models.PROTECT, related_name="calibrations")
    calibrated_at = models.DateTimeField()
    due_at = models.DateTimeField()
    passed = models.BooleanField()
    as_found_error = models.DecimalField(
        max_digits=18,
        decimal_places=8,
        null=True,
        blank=True,
        help_text="Reading minus reference before adjustment, in the unit that the gauge reads; empty: not known.",
    )
    certificate = models.CharField(max_length=100)
    recorded_by = models.ForeignKey(User, models.PROTECT)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="calibration_due_after", condition=models.Q(due_at__gt=models.F("calibrated_at"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.gauge} {self.calibrated_at:%Y-%m-%d}"
