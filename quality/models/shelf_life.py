"""A lot that a re-test shows to be good for longer than its label says."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from lots.fields import LotRef
from lots.models import User
from quality.models.disposition import Signature


class ShelfLifeExtension(models.Model):
    """Asked for with the values of a re-test; it counts once another person has signed. Append-only."""

    lot = LotRef(related_name="extensions")
    former_ends_at = models.DateTimeField(help_text="When its life ended or would have ended. Site clock.")
    ends_at = models.DateTimeField(help_text="Until when it is good if this is approved. Site clock.")
    reason = models.CharField(max_length=300)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(name="extension_extends", condition=Q(ends_at__gt=F("former_ends_at"))),
            models.CheckConstraint(name="extension_explained", condition=~Q(reason="")),
        )

    def __str__(self) -> str:
        return f"{self.lot} until {self.ends_at}"


class RetestValue(models.Model):
    """A value of the re-test, with the limits of the incoming rule that it lies within. Append-only."""

    extension = models.ForeignKey(ShelfLifeExtension, models.PROTECT, related_name="values")
    name = models.CharField(max_length=64)
    unit = models.CharField(max_length=16)
    entered_text = models.CharField(max_length=40)
    value = models.DecimalField(max_digits=26, decimal_places=10)
    lower = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)
    upper = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("extension", "name"), name="retest_value_once"),
            models.CheckConstraint(
                name="retest_value_conforms",
                condition=(Q(lower__isnull=True) | Q(value__gte=F("lower")))
                & (Q(upper__isnull=True) | Q(value__lte=F("upper"))),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.entered_text} {self.unit}"


class ExtensionApproval(models.Model):
    """The signature of another person, under which the lot is good for longer. Append-only."""

    extension = models.OneToOneField(ShelfLifeExtension, models.PROTECT, related_name="approval")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="shelf_life_approval")
    approved_at = models.DateTimeField(help_text="Site clock.")

    def __str__(self) -> str:
        return f"{self.extension} approved"
