"""Dispositions: the only way out of a hold; signatures: who answers for them."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import HoldLot, Site, User


class Signature(models.Model):
    """A person's signature under the content of a record, made with the password again. Append-only.

    `record_hash` is SHA-256 of the canonical content at signing: change the content and verification fails.
    """

    signer = models.ForeignKey(User, models.PROTECT, related_name="signatures")
    printed_name = models.CharField(max_length=200)
    meaning = models.CharField(max_length=100)
    record_kind = models.CharField(max_length=64)
    record_id = models.CharField(max_length=64)
    record_hash = models.BinaryField(max_length=32)
    signed_at = models.DateTimeField(help_text="Real time.")

    class Meta:
        indexes = (models.Index(fields=("record_kind", "record_id"), name="signature_by_record"),)

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.meaning}"


class Disposition(models.Model):
    """A quality engineer's decision on held material. Names its members; closes only those."""

    class Decision(models.TextChoices):
        RELEASE = "release", "Release"
        REWORK = "rework", "Rework"
        REGRADE = "regrade", "Regrade"
        SCRAP = "scrap", "Scrap"
        CONCESSION = "concession", "Concession"
        NARROW = "narrow", "Not affected"

    site = models.ForeignKey(Site, models.PROTECT, related_name="dispositions")
    decision = models.CharField(max_length=12, choices=Decision)
    reason = models.CharField(max_length=500)
    cause = models.CharField(max_length=300, blank=True)
    concession_quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    concession_expires_at = models.DateTimeField(null=True, blank=True)
    rework_from = models.ForeignKey("lots.RouteStep", models.PROTECT, null=True, blank=True, related_name="+")
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="dispositions")
    decided_at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="disposition")

    class Meta:
        constraints = (
            models.CheckConstraint(name="disposition_reason_given", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="disposition_concession_bounded",
                condition=~models.Q(decision="concession")
                | models.Q(concession_quantity__gt=0, concession_expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="disposition_rework_has_step",
                condition=~models.Q(decision="rework") | models.Q(rework_from__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.decision} #{self.pk}"


class DispositionItem(models.Model):
    """One materialised hold that the disposition closes."""

    disposition = models.ForeignKey(Disposition, models.PROTECT, related_name="items")
    hold_lot = models.OneToOneField(HoldLot, models.PROTECT, related_name="disposition_item")
    lot = LotRef(related_name="disposition_items")

    def __str__(self) -> str:
        return f"{self.disposition}: {self.lot}"
