"""Control limits: stored as mean, sigma and n; frozen revisions never change."""

from __future__ import annotations

from django.db import models

from lots.models import User
from spc.models.chart import Chart


class LimitRevision(models.Model):
    """Limits in force from `from_sequence` on. Provisional while the stream is learning, frozen by signature.

    `baseline` is the engine's own serialised estimate (`Fit.to_dict`) with the parameters of the family, kept
    verbatim; `center`, `sigma` and `subgroup_size` repeat what people search for.
    """

    class Kind(models.TextChoices):
        PROVISIONAL = "provisional", "Provisional"
        FROZEN = "frozen", "Frozen"

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="limit_revisions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    center = models.FloatField()
    sigma = models.FloatField(null=True, blank=True)
    subgroup_size = models.FloatField()
    baseline = models.JSONField()
    from_sequence = models.BigIntegerField(help_text="First point judged by these limits.")
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField()
    signature_id = models.BigIntegerField(null=True, blank=True)
    basis_changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chart", "number"), name="limit_revision_once"),
            models.CheckConstraint(
                name="limit_revision_frozen_signed",
                condition=models.Q(kind="provisional")
                | models.Q(made_by__isnull=False, signature_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.chart} limits {self.number}"


class BasisPoint(models.Model):
    """A point that a frozen revision was estimated from, or excluded from with a reason."""

    limit_revision = models.ForeignKey(LimitRevision, models.PROTECT, related_name="basis")
    point = models.ForeignKey("spc.Point", models.PROTECT, related_name="+")
    excluded = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("limit_revision", "point"), name="basis_point_once"),
            models.CheckConstraint(
                name="basis_exclusion_explained", condition=models.Q(excluded=False) | ~models.Q(reason="")
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit_revision} basis {self.point_id}"
