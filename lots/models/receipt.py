"""What came in: deliveries with their certificate and incoming checks, and when a container was opened first."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from lots.fields import LotRef
from lots.models.site import User


class Receipt(models.Model):
    """A delivery became a lot: whose it is, what its papers say, what was checked at the door. Append-only."""

    lot = LotRef(related_name="receipts")
    supplier = models.CharField(max_length=64)
    supplier_lot = models.CharField(max_length=64)
    manufactured_date = models.DateField(null=True, blank=True)
    label_matches = models.BooleanField(help_text="The label says what was ordered.")
    packaging_intact = models.BooleanField()
    certificate_matches = models.BooleanField(help_text="The certificate belongs to this supplier lot.")
    remarks = models.CharField(max_length=300, blank=True)
    received_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    received_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("lot",), name="receipt_once"),
            models.CheckConstraint(
                name="receipt_failure_explained",
                condition=Q(label_matches=True, packaging_intact=True, certificate_matches=True)
                | ~Q(remarks=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.lot} from {self.supplier}"


BELOW = Q(lower__isnull=False, value__lt=models.F("lower"))
ABOVE = Q(upper__isnull=False, value__gt=models.F("upper"))


class CertificateValue(models.Model):
    """A value of the supplier's certificate, with the limits that judged it (none: it only informs). Append-only."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="certificate")
    name = models.CharField(max_length=64)
    unit = models.CharField(max_length=16)
    entered_text = models.CharField(max_length=40)
    value = models.DecimalField(max_digits=26, decimal_places=10)
    lower = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)
    upper = models.DecimalField(max_digits=26, decimal_places=10, null=True, blank=True)
    conforms = models.BooleanField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("receipt", "name"), name="certificate_value_once"),
            models.CheckConstraint(
                name="certificate_judged",
                condition=Q(BELOW | ABOVE, conforms=False)
                | (
                    (Q(lower__isnull=True) | Q(value__gte=models.F("lower")))
                    & (Q(upper__isnull=True) | Q(value__lte=models.F("upper")))
                    & Q(conforms=True)
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.entered_text} {self.unit}"


class Opening(models.Model):
    """A lot's container was opened for the first time; from then it is good until `use_by`. Append-only."""

    lot = LotRef(related_name="openings")
    opened_at = models.DateTimeField(help_text="Site clock.")
    use_by = models.DateTimeField(
        null=True, blank=True, help_text="Empty: opening it changes nothing for this material."
    )
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("lot",), name="opening_once"),)

    def __str__(self) -> str:
        return f"{self.lot} opened at {self.opened_at}"
