"""Submissions and measurements: append-only evidence.

`Measurement` is partitioned by `received_at`; nothing has a foreign key to it. A correction is a new row plus
a `Supersession` that names the old one.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from lots.fields import LotRefId, new_uuid7
from lots.models.equipment import Equipment, Gauge, Zone
from lots.models.lot import StepExecution
from lots.models.product import Characteristic
from lots.models.site import Site, Source, User


class Submission(models.Model):
    """The idempotent envelope: what one door delivered at once, with the digest that the audit chain links."""

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="submissions")
    source = models.ForeignKey(Source, models.PROTECT, related_name="submissions")
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    execution = models.ForeignKey(
        StepExecution, models.PROTECT, null=True, blank=True, related_name="submissions"
    )
    received_at = models.DateTimeField(help_text="Real time of receipt.")
    simulated = models.BooleanField(default=False)
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the canonical form (lots.digest).")
    digest_version = models.PositiveSmallIntegerField(default=1)
    measurement_count = models.PositiveIntegerField()
    file_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the instrument file, if it came as one."
    )

    class Meta:
        indexes = (models.Index(fields=("execution",), name="submission_by_execution"),)

    def __str__(self) -> str:
        return str(self.uuid)


class IdempotencyKey(models.Model):
    """(source, key) → the answer given. The same key with another payload is refused."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="+")
    key = models.CharField(max_length=128)
    payload_hash = models.BinaryField(max_length=32)
    submission = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="+")
    answer = models.JSONField(help_text="What was answered, verbatim.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("source", "key"), name="idempotency_key_once"),)

    def __str__(self) -> str:
        return self.key


class Measurement(models.Model):
    """One value of one characteristic of one subject at one position.

    `entered_text`/`entered_unit` are what was delivered; `value` is decimal in the characteristic's unit.
    `qualifier` is "" or "<" or ">" for a censored value. `measured_at` is on the site clock.
    """

    class Quality(models.TextChoices):
        GOOD = "good", "Good"
        SUSPECT = "suspect", "Suspect"
        QUARANTINED = "quarantined", "Quarantined"

    pk = models.CompositePrimaryKey("received_at", "id")
    id = models.BigIntegerField()
    received_at = models.DateTimeField()
    measured_at = models.DateTimeField()
    site = models.ForeignKey(Site, models.DO_NOTHING, db_constraint=False, related_name="+")
    submission = models.ForeignKey(
        Submission, models.DO_NOTHING, db_constraint=False, related_name="measurements"
    )
    sequence = models.PositiveIntegerField(help_text="Order inside the submission.")
    lot_id = LotRefId(null=True, blank=True)
    zone = models.ForeignKey(Zone, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    equipment = models.ForeignKey(
        Equipment, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    gauge = models.ForeignKey(Gauge, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    gauge_is_subject = models.BooleanField(default=False)
    execution = models.ForeignKey(
        StepExecution, models.DO_NOTHING, null=True, db_constraint=False, related_name="measurements"
    )
    characteristic = models.ForeignKey(
        Characteristic, models.DO_NOTHING, db_constraint=False, related_name="measurements"
    )
    position = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    roll_position_mm = models.BigIntegerField(null=True, blank=True)
    entered_text = models.CharField(max_length=40)
    entered_unit = models.CharField(max_length=16)
    value = models.DecimalField(max_digits=26, decimal_places=10)
    sample_size = models.PositiveIntegerField(null=True, blank=True)
    qualifier = models.CharField(max_length=1, blank=True)
    quality = models.CharField(max_length=12, choices=Quality, default=Quality.GOOD)
    operator = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    formula_version = models.PositiveSmallIntegerField(null=True, blank=True)
    input_ids = ArrayField(models.BigIntegerField(), null=True, blank=True)

    class Meta:
        managed = False  # partitioned: created by SQL in the first migration
        db_table = "lots_measurement"

    def __str__(self) -> str:
        return f"{self.characteristic_id}: {self.qualifier}{self.value}"


class Supersession(models.Model):
    """`old` was corrected by `new` (or withdrawn, where `new_id` is empty). Who, when and why."""

    old_received_at = models.DateTimeField()
    old_id = models.BigIntegerField(unique=True)
    new_received_at = models.DateTimeField(null=True, blank=True)
    new_id = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    superseded_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    superseded_at = models.DateTimeField()
    submission = models.ForeignKey(
        Submission,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="supersessions",
        help_text="The submission that corrected or withdrew.",
    )

    def __str__(self) -> str:
        return f"{self.old_id} → {self.new_id}"
