"""What a reaction leaves in force: more samples asked of a stream, or a stream that may start no new lot."""

from __future__ import annotations

from django.db import models

from lots.models import (
    Characteristic,
    Equipment,
    MaterialDefinition,
    ProcessStep,
    ProductRevision,
    RecipeRevision,
    Site,
    User,
)
from quality.models.disposition import Signature
from quality.models.judgement import ReactionFiring
from spc.models import Chart


class OfStream(models.Model):
    """The stratum of the stream as it was when it signalled; an unset part means all of them."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    firing = models.OneToOneField(ReactionFiring, models.PROTECT, related_name="%(class)s")
    chart = models.ForeignKey(Chart, models.PROTECT, related_name="+")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="+")
    step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="+")
    equipment = models.ForeignKey(Equipment, models.PROTECT, null=True, blank=True, related_name="+")
    material = models.ForeignKey(MaterialDefinition, models.PROTECT, null=True, blank=True, related_name="+")
    product_revision = models.ForeignKey(
        ProductRevision, models.PROTECT, null=True, blank=True, related_name="+"
    )
    recipe_revision = models.ForeignKey(
        RecipeRevision, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        abstract = True


class Tightening(OfStream):
    """More samples asked of each lot that starts the step on the stream, until enough good subgroups or a signature.

    Times are on the site clock. Ended by nobody: by the good subgroups.
    """

    factor = models.PositiveSmallIntegerField(help_text="How many times the planned samples are asked for.")
    good_needed = models.PositiveSmallIntegerField(
        help_text="Subgroups in a row without a signal that end it."
    )
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    end_signature = models.OneToOneField(
        Signature, models.PROTECT, null=True, blank=True, related_name="tightening"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("chart",), name="tightening_one_open", condition=models.Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                name="tightening_ended_by_signature",
                condition=models.Q(ended_by__isnull=True) | models.Q(end_signature__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"chart {self.chart_id}: {self.factor} times the samples"


class StreamStop(OfStream):
    """No new lot may start the step on the stream until a quality engineer lifts the stop by signature."""

    reason = models.CharField(max_length=500)
    stopped_at = models.DateTimeField(help_text="Site clock.")
    lifted_at = models.DateTimeField(null=True, blank=True, help_text="Site clock.")
    lift_reason = models.CharField(max_length=300, blank=True)
    lifted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    lift_signature = models.OneToOneField(
        Signature, models.PROTECT, null=True, blank=True, related_name="stream_stop"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("chart",), name="stream_stop_one_open", condition=models.Q(lifted_at__isnull=True)
            ),
            models.CheckConstraint(
                name="stream_stop_lifted_signed",
                condition=models.Q(lifted_at__isnull=True)
                | models.Q(lifted_by__isnull=False, lift_signature__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"stop of {self.step} on chart {self.chart_id}"
