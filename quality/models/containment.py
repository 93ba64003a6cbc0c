"""How far a hold was made to reach after it was placed, and why."""

from __future__ import annotations

from django.db import models

from lots.models import Hold, User
from quality.models.disposition import Disposition


class ContainmentChange(models.Model):
    """A quality engineer widened a hold, or narrowed it under signature. Append-only."""

    class Kind(models.TextChoices):
        WIDENED = "widened", "Widened"
        NARROWED = "narrowed", "Narrowed"

    hold = models.ForeignKey(Hold, models.PROTECT, related_name="containment_changes")
    kind = models.CharField(max_length=8, choices=Kind)
    what = models.CharField(max_length=300, help_text="The extents, in words.")
    reason = models.CharField(max_length=500)
    lots_added = models.PositiveIntegerField()
    lots_closed = models.PositiveIntegerField()
    disposition = models.OneToOneField(
        Disposition, models.PROTECT, null=True, blank=True, related_name="containment_change"
    )
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="containment_narrowed_signed",
                condition=models.Q(kind="widened") | models.Q(disposition__isnull=False),
            ),
            models.CheckConstraint(name="containment_change_explained", condition=~models.Q(reason="")),
        )

    def __str__(self) -> str:
        return f"{self.hold} {self.kind}"
