"""What people decided about the connection of requirements and evidence: re-checks, baselines, audits."""

from __future__ import annotations

from django.db import models

from lots.models import Site, User
from quality.models.disposition import Signature
from quality.models.requirement import RequirementRevision, SpecificationLine


class Recheck(models.Model):
    """After a requirement was revised, somebody looked whether a specification line still follows from it.
    Append-only."""

    requirement_revision = models.ForeignKey(RequirementRevision, models.PROTECT, related_name="rechecks")
    line = models.ForeignKey(SpecificationLine, models.PROTECT, related_name="rechecks")
    statement = models.CharField(max_length=500)
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="recheck")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("requirement_revision", "line"), name="recheck_once"),)

    def __str__(self) -> str:
        return f"{self.line} against {self.requirement_revision}"


class Baseline(models.Model):
    """The approved state of all requirements: which revision of each, under signature. Append-only."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="baselines")
    number = models.PositiveIntegerField()
    content = models.JSONField(help_text="Requirement code → revision number.")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="baseline")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "number"), name="baseline_number_per_site"),)

    def __str__(self) -> str:
        return f"{self.site} baseline {self.number}"


class ReadinessAudit(models.Model):
    """Recent lots picked at random, and which controls of their plan were recorded, missing, out of limits.
    Append-only."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="readiness_audits")
    seed = models.BigIntegerField(
        help_text="Of the random choice: the same seed picks the same lots of the same list."
    )
    candidates = models.JSONField(help_text="Codes of the lots that could be picked, newest first.")
    findings = models.JSONField(help_text="Lot code → control → recorded, missing or out.")
    run_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    run_at = models.DateTimeField(help_text="Site clock.")

    def __str__(self) -> str:
        return f"{self.site} readiness {self.run_at:%Y-%m-%d}"
