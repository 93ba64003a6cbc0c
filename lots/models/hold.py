"""Holds: why material must not move, and what ended it."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef, new_uuid7
from lots.models.site import Site, User


class Hold(models.Model):
    """A reason why material must not move. Many per lot; each is closed only by a disposition."""

    class Source(models.TextChoices):
        DEFECT = "defect", "Value out of specification"
        SIGNAL = "signal", "Control chart signal"
        MANUAL = "manual", "Placed by hand"
        POISON = "poison", "Evaluation failed"
        CALIBRATION = "calibration", "Gauge out of calibration"
        INCOMING = "incoming", "Incoming inspection"
        UNAUTHORISED = "unauthorised", "Moved without permission"
        SPREAD = "spread", "Early cycles spread too widely"
        EVIDENCE = "evidence", "Evidence missing or contradictory"
        INHERITED = "inherited", "Placed on an ancestor"

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="holds")
    source = models.CharField(max_length=16, choices=Source)
    source_id = models.BigIntegerField(
        null=True, blank=True, help_text="Key of the defect or signal behind it."
    )
    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    owner_role = models.CharField(max_length=20, default="quality_engineer")
    placed_at = models.DateTimeField(help_text="Site clock.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(fields=("source", "source_id"), name="hold_by_source"),)

    def __str__(self) -> str:
        return f"{self.get_source_display()}: {self.reason}"


class HoldLot(models.Model):
    """A hold materialised on one lot, whole or on an interval of a roll.

    Active while `disposition_id` is empty. `quality` adds the foreign key to its disposition table; a trigger
    lets nothing else change.
    """

    # `hold_lot_once` begins with the hold; nobody asks by the parent, which may stand in 100,000 rows.
    hold = models.ForeignKey(Hold, models.PROTECT, related_name="members", db_index=False)
    lot = LotRef(related_name="hold_members")
    from_mm = models.BigIntegerField(null=True, blank=True)
    to_mm = models.BigIntegerField(null=True, blank=True)
    inherited_from = LotRef(null=True, blank=True, related_name="+", db_index=False)
    disposition_id = models.BigIntegerField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("hold", "lot", "from_mm", "to_mm"), name="hold_lot_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="hold_lot_closed_by_disposition",
                condition=models.Q(disposition_id__isnull=True, closed_at__isnull=True)
                | models.Q(disposition_id__isnull=False, closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="hold_lot_interval_whole",
                condition=models.Q(from_mm__isnull=True, to_mm__isnull=True)
                | models.Q(from_mm__gte=0, to_mm__gt=models.F("from_mm")),
            ),
        )
        indexes = (
            # The movement guard: is there an active hold on this lot?
            models.Index(
                fields=("lot",), name="hold_lot_active", condition=models.Q(disposition_id__isnull=True)
            ),
            models.Index(
                fields=("disposition_id",),
                name="hold_lot_by_disposition",
                condition=models.Q(disposition_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.lot}: {self.hold}"
