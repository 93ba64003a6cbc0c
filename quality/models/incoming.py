"""What a delivered material must show at the door, and how long it is good."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from lots.models import MaterialDefinition, User


class IncomingRule(models.Model):
    """Shelf life and incoming inspection of a material. Append-only; the latest is in force."""

    material = models.ForeignKey(MaterialDefinition, models.PROTECT, related_name="incoming_rules")
    shelf_life_d = models.PositiveIntegerField(
        null=True, blank=True, help_text="Days from manufacture. Empty: it does not expire."
    )
    open_life_h = models.PositiveIntegerField(
        null=True, blank=True, help_text="Hours from the first opening. Empty: opening it changes nothing."
    )
    warn_before_h = models.PositiveIntegerField(default=168, help_text="From when it expires soon, hours.")
    reason = models.CharField(max_length=300)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="incoming_rule_lives",
                condition=(Q(shelf_life_d__isnull=True) | Q(shelf_life_d__range=(1, 10_000)))
                & (Q(open_life_h__isnull=True) | Q(open_life_h__range=(1, 100_000)))
                & Q(warn_before_h__lte=10_000),
            ),
            models.CheckConstraint(name="incoming_rule_explained", condition=~Q(reason="")),
        )

    def __str__(self) -> str:
        return f"incoming {self.material}"


class CertificateItem(models.Model):
    """A value that the supplier's certificate must state, within limits where there are any. Append-only."""

    rule = models.ForeignKey(IncomingRule, models.PROTECT, related_name="items")
    name = models.CharField(max_length=64)
    unit = models.CharField(max_length=16)
    lower = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)
    upper = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("rule", "name"), name="certificate_item_once"),
            models.CheckConstraint(
                name="certificate_item_limits",
                condition=Q(lower__isnull=True) | Q(upper__isnull=True) | Q(lower__lte=F("upper")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}, {self.unit}"
