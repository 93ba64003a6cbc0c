"""Lot acceptance: the plan and its sample are frozen before the first result; the decision is counted, then signed."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef
from lots.models import Site, User
from quality.models.disposition import Signature


class AcceptancePlan(models.Model):
    """Which cells of a lot are tested and what decides. Append-only; one per lot."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="acceptance_plans")
    lot = LotRef(related_name="acceptance_plans")
    sample_size = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField(help_text="Of the random choice of the sample.")
    sample = models.JSONField(help_text="Codes of the cells chosen.")
    rules = models.JSONField(help_text="See quality.acceptance.Rules.")
    sampling = models.JSONField(
        default=list, help_text="Standard plans that decide too; see quality.lot_sampling.Scheme."
    )
    frozen_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("lot",), name="acceptance_plan_once"),
            models.CheckConstraint(name="acceptance_sample_size", condition=models.Q(sample_size__gte=1)),
        )

    def __str__(self) -> str:
        return f"acceptance of {self.lot}"


class AcceptanceDecision(models.Model):
    """What the counts of the frozen sample decide, with all reasons. Append-only."""

    plan = models.OneToOneField(AcceptancePlan, models.PROTECT, related_name="decision")
    accepted = models.BooleanField()
    content = models.JSONField(help_text="Results, counts and reasons, as signed.")
    decided_at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="acceptance_decision")

    def __str__(self) -> str:
        return f"{self.plan}: {'accepted' if self.accepted else 'rejected'}"
