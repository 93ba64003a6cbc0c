"""What evaluation writes: subgroups, points, signals, and the streaming state."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRefId
from spc.models.chart import Chart
from spc.models.limits import LimitRevision


class Subgroup(models.Model):
    """Readings plotted as one point. Open until complete, timed out or its step closed.

    One that could not be plotted in three attempts is closed without a point, and its lots are held.
    """

    class ClosedBy(models.TextChoices):
        COMPLETE = "complete", "Complete"
        TIMEOUT = "timeout", "Timed out"
        STEP_CLOSED = "step_closed", "Step closed"
        FAILED = "failed", "Could not be evaluated"

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="subgroups")
    key = models.CharField(max_length=64, help_text="What the readings share (execution, profile, group).")
    opened_at = models.DateTimeField(help_text="measured_at of the first reading.")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=12, choices=ClosedBy, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often plotting it has failed."
    )

    class Meta:
        indexes = (
            # The one open subgroup that the next reading may join.
            models.Index(
                fields=("chart", "key"), name="subgroup_open", condition=models.Q(closed_at__isnull=True)
            ),
            # The closed one that a late reading belongs to.
            models.Index(fields=("chart", "key"), name="subgroup_by_key"),
        )

    def __str__(self) -> str:
        return f"{self.chart_id}/{self.key}"


class SubgroupMember(models.Model):
    """A reading in a subgroup; names the measurement, which has no foreign keys to it."""

    subgroup = models.ForeignKey(Subgroup, models.PROTECT, related_name="members")
    measurement_received_at = models.DateTimeField()
    measurement_id = models.BigIntegerField()
    lot_id = LotRefId(null=True, blank=True)
    value = models.FloatField(
        help_text="Copied, in the characteristic's unit: the subgroup as it was judged."
    )
    sample_size = models.PositiveIntegerField(null=True, blank=True)
    measured_at = models.DateTimeField()
    roll_position_mm = models.BigIntegerField(null=True, blank=True)
    label = models.CharField(
        max_length=64, blank=True, help_text="Its part, stream or variable, where the chart tells them apart."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("subgroup", "measurement_id"), name="subgroup_member_once"),
        )
        indexes = (
            models.Index(fields=("lot_id", "subgroup"), name="subgroup_member_by_lot"),
            models.Index(fields=("measurement_id",), name="subgroup_member_by_reading"),
        )

    def __str__(self) -> str:
        return f"{self.subgroup_id}: {self.measurement_id}"


class Point(models.Model):
    """A plotted point; `sequence` counts the chart's points from 0.

    A replay writes points anew in its own generation and stamps those that they replace; a point without that stamp
    is current.
    """

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="points")
    subgroup = models.ForeignKey(Subgroup, models.PROTECT, related_name="points")
    generation = models.PositiveIntegerField()
    sequence = models.BigIntegerField()
    limit_revision = models.ForeignKey(
        LimitRevision, models.PROTECT, null=True, blank=True, related_name="points"
    )
    measured_at = models.DateTimeField(help_text="Of the subgroup's last reading, site clock.")
    size = models.PositiveIntegerField()
    statistic = models.FloatField(null=True)
    center = models.FloatField(null=True)
    lcl = models.FloatField(null=True)
    ucl = models.FloatField(null=True)
    z = models.FloatField(null=True)
    dispersion = models.FloatField(null=True)
    dispersion_center = models.FloatField(null=True)
    dispersion_lcl = models.FloatField(null=True)
    dispersion_ucl = models.FloatField(null=True)
    details = models.JSONField(
        null=True, blank=True, help_text="What only this family says of a point, as the engine gave it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_at = models.DateTimeField(null=True, blank=True, help_text="A replay plotted its subgroup anew.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("chart", "sequence"),
                name="point_current_once",
                condition=models.Q(replaced_at__isnull=True),
            ),
            models.UniqueConstraint(fields=("subgroup", "generation"), name="point_subgroup_once"),
        )

    def __str__(self) -> str:
        return f"{self.chart_id}#{self.sequence}"


class PointExclusion(models.Model):
    """A person's decision that a point says nothing of the process, or that it does after all; the latest holds.

    An excluded point stays plotted; rules and limits pass over it.
    """

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="exclusions")
    subgroup = models.ForeignKey(Subgroup, models.PROTECT, related_name="exclusions")
    excluded = models.BooleanField()
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey("lots.User", models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(name="point_exclusion_explained", condition=~models.Q(reason="")),
        )

    def __str__(self) -> str:
        return f"{self.subgroup_id} {'excluded' if self.excluded else 'included'}"


class Signal(models.Model):
    """A rule completed its pattern at a point. `judged_at` is set once, when the reaction plan has acted.

    `carried_from` is the signal of the same subgroup that a replay found again: its judgement stays.
    """

    class Panel(models.TextChoices):
        LOCATION = "location", "Location"
        DISPERSION = "dispersion", "Dispersion"
        WITHIN = "within", "Within"

    class Reaction(models.TextChoices):
        ALERT = "alert", "Alert"
        HOLD = "hold", "Hold"
        CONTAIN = "contain", "Contain"
        TIGHTEN = "tighten", "Tighten sampling"
        STOP = "stop", "Stop the stream"

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="signals")
    point = models.ForeignKey(Point, models.PROTECT, related_name="signals")
    rule = models.CharField(max_length=32)
    panel = models.CharField(max_length=12, choices=Panel)
    provisional = models.BooleanField(help_text="The stream was still learning: alerts, never holds.")
    created_at = models.DateTimeField(auto_now_add=True)
    reaction = models.CharField(max_length=12, choices=Reaction, blank=True)
    judged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey("lots.User", models.PROTECT, null=True, blank=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=300, blank=True)
    carried_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("point", "rule", "panel"), name="signal_once"),)
        indexes = (
            # The review queue: signals nobody has looked at.
            models.Index(
                fields=("chart", "-id"), name="signal_open", condition=models.Q(acknowledged_at__isnull=True)
            ),
            # Gates: containment pending.
            models.Index(
                fields=("chart",), name="signal_unjudged", condition=models.Q(judged_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} at {self.point}"


class SignalMember(models.Model):
    """A point that forms the signal's pattern."""

    signal = models.ForeignKey(Signal, models.PROTECT, related_name="members")
    point = models.ForeignKey(Point, models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("signal", "point"), name="signal_member_once"),)

    def __str__(self) -> str:
        return f"{self.signal_id}: {self.point_id}"


class ChartState(models.Model):
    """The streaming state of a chart under its current limits, as the engine serialised it."""

    chart = models.OneToOneField(Chart, models.PROTECT, related_name="state")
    limit_revision = models.ForeignKey(LimitRevision, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.JSONField(null=True)
    next_sequence = models.BigIntegerField(default=0)
    watermark_at = models.DateTimeField(null=True, blank=True, help_text="measured_at of the last point.")

    def __str__(self) -> str:
        return f"state of {self.chart_id}"


class ChartCheckpoint(models.Model):
    """The state before point `sequence`: a correction replays from here and not from the start."""

    chart = models.ForeignKey(Chart, models.PROTECT, related_name="checkpoints")
    generation = models.PositiveIntegerField()
    sequence = models.BigIntegerField()
    limit_revision = models.ForeignKey(LimitRevision, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chart", "generation", "sequence"), name="checkpoint_once"),
        )

    def __str__(self) -> str:
        return f"checkpoint {self.chart_id}#{self.sequence}"
