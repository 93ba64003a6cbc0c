"""The named gates of the line, and deviations: permission to pass one check of one gate without it."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import Characteristic, MaterialDefinition, ProcessStep, Site, User
from quality.models.disposition import Signature
from quality.models.requirement import SourceType


class GateCode(models.TextChoices):
    """The five gates of in-process quality assurance (handbook 7.5)."""

    INCOMING = "incoming", "Incoming gate"
    ELECTRODE = "electrode", "Electrode gate"
    ASSEMBLY = "assembly", "Assembly gate"
    FORMATION = "formation", "Formation gate"
    POST_FORMATION = "post_formation", "Post-formation gate"


class NamedGate(models.Model):
    """Where a gate stands for one kind of material: behind a step, and before the next or before the lot leaves.

    Which checks it demands, the control-plan lines say that name it. Immutable.
    """

    code = models.CharField(max_length=16, choices=GateCode)
    position = models.PositiveSmallIntegerField(help_text="Order of the gates along the line.")
    material_kind = models.CharField(max_length=16, choices=MaterialDefinition.Kind)
    after_step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="+")
    before_step = models.ForeignKey(
        ProcessStep,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: before it is used, packed or shipped.",
    )
    statement = models.CharField(max_length=300)
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=300)

    class Meta:
        ordering = ("position", "material_kind")
        constraints = (models.UniqueConstraint(fields=("code", "material_kind"), name="named_gate_once"),)

    def __str__(self) -> str:
        return f"{self.get_code_display()} of {self.get_material_kind_display().lower()}"


class Deviation(models.Model):
    """One lot may pass one check of one gate without it, for a reason and until an instant. Append-only.

    In force with the signatures of two people who did not ask for it, one for quality and one for the process, and
    before `expires_at`.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="deviations")
    lot = LotRef(related_name="deviations")
    gate = models.CharField(max_length=16, choices=GateCode)
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="+")
    outside = models.CharField(
        max_length=500, blank=True, help_text="Values out of limits that it covers, separated by a comma."
    )
    reason = models.CharField(max_length=500)
    expires_at = models.DateTimeField(help_text="Site clock; at that instant it has expired.")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(name="deviation_reason_given", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="deviation_expires_later", condition=models.Q(expires_at__gt=models.F("requested_at"))
            ),
        )
        indexes = (models.Index(fields=("lot",), name="deviation_by_lot"),)

    def __str__(self) -> str:
        return f"{self.lot}: {self.gate} without {self.characteristic}"


class DeviationSignature(models.Model):
    """One of the two signatures under a deviation; a trigger demands two people in the right roles. Append-only."""

    class Side(models.TextChoices):
        QUALITY = "quality", "Quality"
        PROCESS = "process", "Process or review"

    deviation = models.ForeignKey(Deviation, models.PROTECT, related_name="signatures")
    side = models.CharField(max_length=8, choices=Side)
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="deviation_signature")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("deviation", "side"), name="deviation_signed_once_a_side"),
        )

    def __str__(self) -> str:
        return f"{self.deviation_id}: {self.side}"
