"""Curves of instruments: where the content of a file lies in storage and what it belongs to, never the points."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef, new_uuid7
from lots.models.equipment import Gauge
from lots.models.lot import StepExecution
from lots.models.measurement import Submission
from lots.models.site import User


class CurveFile(models.Model):
    """One instrument file of one lot. Append-only: a file that a running test has outgrown is named by the one
    that supersedes it, and stays."""

    class Kind(models.TextChoices):
        CYCLING = "cycling", "Cycling"
        IMPEDANCE = "impedance", "Impedance"
        MASS = "mass", "Mass over time"
        THICKNESS = "thickness", "Thickness map"
        PRESSURE = "pressure", "Chamber pressure"

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    lot = LotRef(related_name="curve_files")
    execution = models.ForeignKey(StepExecution, models.PROTECT, related_name="curve_files")
    submission = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="curve_files")
    kind = models.CharField(max_length=12, choices=Kind)
    format = models.CharField(max_length=40, help_text="Instrument and export, as recognised by content.")
    file_sha256 = models.CharField(max_length=64, help_text="Of the file as it was brought.")
    file_bytes = models.BigIntegerField()
    protocol = models.CharField(
        max_length=80, blank=True, help_text="Recipe revision under which the test ran."
    )
    storage_sha256 = models.CharField(
        max_length=64, help_text="Of the stored Parquet file, which it also names."
    )
    soc_pct = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, help_text="State of charge of a spectrum."
    )
    temperature_c = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Temperature of the cell at a spectrum.",
    )
    rows = models.PositiveIntegerField()
    started_at = models.DateTimeField(help_text="First record, on the site clock.")
    ended_at = models.DateTimeField(help_text="Last record, on the site clock.")
    received_at = models.DateTimeField(help_text="Real time.")
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    reason = models.CharField(
        max_length=300, blank=True, help_text="Why it takes the place of the former one."
    )
    gauge = models.ForeignKey(Gauge, models.PROTECT, null=True, blank=True, related_name="curve_files")
    unresolved = models.TextField(
        blank=True,
        help_text="Why its derived values cannot be relied on; empty: they agree with what was posted.",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("lot", "file_sha256"), name="curve_file_once"),)

    def __str__(self) -> str:
        return f"{self.format} {self.file_sha256[:12]}"
