"""The outbox: what still has to be evaluated, one row per (submission, chart)."""

from __future__ import annotations

from django.db import models

from lots.models import Submission
from spc.models.chart import Chart


class OutboxEntry(models.Model):
    """Inserted by the recording itself, stamped by the evaluation. Pending while both instants are empty."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="outbox")
    chart = models.ForeignKey(Chart, models.PROTECT, related_name="outbox")
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    quarantined_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "outbox entries"
        constraints = (models.UniqueConstraint(fields=("submission", "chart"), name="outbox_entry_once"),)
        indexes = (
            # The worker's drain and the sweeper's search: pending entries of a chart, in order.
            models.Index(
                fields=("chart", "id"),
                name="outbox_pending",
                condition=models.Q(processed_at__isnull=True, quarantined_at__isnull=True),
            ),
            # The gate: is anything of this submission unfinished?
            models.Index(
                fields=("submission",),
                name="outbox_unfinished",
                condition=models.Q(processed_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.submission_id} on {self.chart_id}"
