"""Gauge studies: order frozen before the first reading; wrong readings superseded; the result signed."""

from __future__ import annotations

from django.db import models

from lots.models import Characteristic, Gauge, Site, User
from quality.models.disposition import Signature


class GaugeStudy(models.Model):
    """A plan to read parts with a gauge, in the random order that `seed` gives. Append-only.

    `order` lists [part, operator, trial] by run; `references` are true values or classes by part, as text; the
    tolerance is that of the specification in force when it was planned.
    """

    class Design(models.TextChoices):
        CROSSED = "crossed", "Gauge R&R, crossed"
        NESTED = "nested", "Gauge R&R, nested (parts are used up)"
        BIAS = "bias", "Bias"
        LINEARITY = "linearity", "Linearity"
        STABILITY = "stability", "Stability"
        ATTRIBUTE = "attribute", "Attribute agreement"

    site = models.ForeignKey(Site, models.PROTECT, related_name="gauge_studies")
    gauge = models.ForeignKey(Gauge, models.PROTECT, related_name="studies")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="gauge_studies")
    design = models.CharField(max_length=12, choices=Design)
    parts = models.JSONField()
    operators = models.JSONField()
    trials = models.PositiveSmallIntegerField()
    references = models.JSONField()
    tolerance = models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True)
    seed = models.BigIntegerField(help_text="Of the random order.")
    order = models.JSONField()
    planned_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    planned_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        verbose_name_plural = "gauge studies"
        constraints = (
            models.CheckConstraint(
                name="gauge_study_tolerance",
                condition=models.Q(tolerance__isnull=True) | models.Q(tolerance__gt=0),
            ),
        )

    def __str__(self) -> str:
        return f"study {self.pk} of {self.gauge}"


class GaugeReading(models.Model):
    """The reading of one run; a later attempt supersedes an earlier one and says why. Append-only."""

    study = models.ForeignKey(GaugeStudy, models.PROTECT, related_name="readings")
    run = models.PositiveIntegerField(help_text="Place in the order, from 0.")
    attempt = models.PositiveSmallIntegerField(default=1)
    value = models.CharField(
        max_length=40, help_text="Decimal text in the characteristic's unit, or a class."
    )
    reason = models.CharField(max_length=300, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    read_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("study", "run", "attempt"), name="gauge_reading_once"),
            models.CheckConstraint(
                name="gauge_reading_superseded_with_reason",
                condition=models.Q(attempt=1) | models.Q(attempt__gt=1) & ~models.Q(reason=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.study} run {self.run}"


class GaugeVerdict(models.Model):
    """What a complete study says of its gauge, as signed by somebody who neither planned nor read. Append-only."""

    class Verdict(models.TextChoices):
        ACCEPTABLE = "acceptable", "Acceptable"
        MARGINAL = "marginal", "Marginal"
        UNACCEPTABLE = "unacceptable", "Not acceptable"

    study = models.OneToOneField(GaugeStudy, models.PROTECT, related_name="verdict")
    verdict = models.CharField(max_length=12, choices=Verdict)
    content = models.JSONField(help_text="Order, readings, figures and reasons, as signed.")
    decided_at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="gauge_verdict")

    def __str__(self) -> str:
        return f"{self.study}: {self.verdict}"
