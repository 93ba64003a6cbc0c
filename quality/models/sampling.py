"""What the lots of a stream have taught its acceptance sampling: normal, tightened, reduced or discontinued."""

from __future__ import annotations

from django.db import models

from lots.models import Characteristic, MaterialDefinition, Site
from quality.models.acceptance import AcceptanceDecision
from quality.models.control_plan import ControlPlan
from quality.models.disposition import Signature


class SamplingEvent(models.Model):
    """A lot accepted or not by a sampling line of the control plan, or a signed resumption. Append-only.

    The stream is the plan (one product revision) with the line's characteristic and material, over all its revisions.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    plan = models.ForeignKey(ControlPlan, models.PROTECT, related_name="sampling_events")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="+")
    material = models.ForeignKey(MaterialDefinition, models.PROTECT, null=True, blank=True, related_name="+")
    decision = models.ForeignKey(
        AcceptanceDecision, models.PROTECT, null=True, blank=True, related_name="sampling_events"
    )
    accepted = models.BooleanField(null=True, help_text="Of the lot by this line; unset for a resumption.")
    counted = models.BooleanField(help_text="Whether the switching rules count it.")
    state = models.JSONField(help_text="spc.engine.sampling_standards.Switching after it.")
    severity = models.CharField(max_length=12, help_text="Of the next lot.")
    words = models.CharField(max_length=300, help_text="What it came to.")
    at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(
        Signature, models.PROTECT, null=True, blank=True, related_name="sampling_event"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("decision", "characteristic", "material"),
                name="sampling_event_once",
                nulls_distinct=False,
                condition=models.Q(decision__isnull=False),
            ),
            models.CheckConstraint(
                name="sampling_event_whole",
                condition=models.Q(decision__isnull=False, accepted__isnull=False, signature__isnull=True)
                | models.Q(decision__isnull=True, accepted__isnull=True, signature__isnull=False),
            ),
        )
        indexes = (
            # The last event of a stream is its state.
            models.Index(fields=("plan", "characteristic", "material", "-id"), name="sampling_event_last"),
        )

    def __str__(self) -> str:
        return f"{self.characteristic}: {self.severity}"
