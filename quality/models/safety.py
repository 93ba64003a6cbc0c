"""The safety chain of a product: hazard → failure mode → method → observable → criterion → evidence (handbook 9.5).

Everything is append-only: a changed record is the next version of its code, with who, when and why. A record names its
parent by the row that it was written against; what counts is the newest version of that code.
"""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import Product, Site, User
from quality.models.disposition import Signature
from quality.models.requirement import Requirement, SourceType


class SafetyRecord(models.Model):
    """What the five kinds of record have in common."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    code = models.CharField(max_length=24)
    version = models.PositiveSmallIntegerField(default=1)
    title = models.CharField(max_length=200)
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=300)
    change_reason = models.CharField(max_length=300)
    entered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(fields=("product", "code", "version"), name="%(class)s_version_once"),
        )

    def __str__(self) -> str:
        return self.code


class Hazard(SafetyRecord):
    """What may harm somebody, and the requirement that says that it must not."""

    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="hazards")


class FailureMode(SafetyRecord):
    """How the hazard comes about."""

    hazard = models.ForeignKey(Hazard, models.PROTECT, related_name="+")


class SafetyMethod(SafetyRecord):
    """A test with its protocol. No test without stop conditions for temperature, force, time and leakage (9.4)."""

    protocol = models.CharField(max_length=120, help_text="Identifier and revision of the protocol.")
    stop_temperature_c = models.DecimalField(max_digits=7, decimal_places=2)
    stop_force_n = models.DecimalField(max_digits=10, decimal_places=2)
    stop_time_s = models.DecimalField(max_digits=10, decimal_places=2)
    stop_leakage = models.CharField(max_length=200)


class Observable(SafetyRecord):
    """What is watched during the test, with what, how finely and how often."""

    method = models.ForeignKey(SafetyMethod, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=16)
    instrument = models.CharField(max_length=120)
    resolution = models.DecimalField(max_digits=14, decimal_places=6, help_text="In the unit.")
    sampling_hz = models.DecimalField(max_digits=12, decimal_places=4)


class ObservableMode(models.Model):
    """The observable speaks of the failure mode. Append-only, written with its observable."""

    observable = models.ForeignKey(Observable, models.PROTECT, related_name="modes")
    failure_mode = models.ForeignKey(FailureMode, models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("observable", "failure_mode"), name="observable_mode_once"),
        )

    def __str__(self) -> str:
        return f"{self.observable_id}: {self.failure_mode_id}"


class SafetyCriterion(SafetyRecord):
    """The observable against a limit. `tolerance` must be resolved, the `shortest_s` event must be seen."""

    class Operator(models.TextChoices):
        AT_MOST = "<=", "at most"
        AT_LEAST = ">=", "at least"

    observable = models.ForeignKey(Observable, models.PROTECT, related_name="+")
    operator = models.CharField(max_length=2, choices=Operator)
    limit = models.DecimalField(max_digits=14, decimal_places=6)
    unit = models.CharField(max_length=16)
    tolerance = models.DecimalField(max_digits=14, decimal_places=6, help_text="In the unit.")
    shortest_s = models.DecimalField(max_digits=12, decimal_places=4)


class SafetyResult(models.Model):
    """What a test showed on a cell; evidence, append-only."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="safety_results")
    criterion = models.ForeignKey(SafetyCriterion, models.PROTECT, related_name="results")
    lot = LotRef(related_name="safety_results")
    value = models.DecimalField(max_digits=14, decimal_places=6, help_text="In the criterion's unit.")
    passed = models.BooleanField()
    stopped_early = models.BooleanField(default=False)
    stop_reason = models.CharField(max_length=300, blank=True)
    raw_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the raw data; empty: none kept.")
    raw_name = models.CharField(max_length=120, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        indexes = (models.Index(fields=("criterion", "-id"), name="safety_result_newest"),)
        constraints = (
            models.CheckConstraint(
                name="safety_early_stop_explained",
                condition=models.Q(stopped_early=False) | ~models.Q(stop_reason=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.criterion_id} on {self.lot_id}"

    @property
    def counts(self) -> bool:
        """Whether nobody has set it aside."""
        return not hasattr(self, "set_aside")


class SafetySetAside(models.Model):
    """A failed result that does not count, such as of a test that was run wrongly: why, and who says so. Append-only.

    Whoever recorded the failure does not sign; the result itself stays, and goes into every package.
    """

    result = models.OneToOneField(SafetyResult, models.PROTECT, related_name="set_aside")
    reason = models.CharField(max_length=300)
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="+")
    set_aside_at = models.DateTimeField(help_text="Site clock.")

    def __str__(self) -> str:
        return f"{self.result_id}: {self.reason}"
