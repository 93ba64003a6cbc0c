"""What is charted, and how: plans (templates), streams (strata) and their charts."""

from __future__ import annotations

from django.db import models

from lots.models import (
    Characteristic,
    Equipment,
    Gauge,
    MaterialDefinition,
    ProductRevision,
    RecipeRevision,
    Site,
    Zone,
)


class ChartPlan(models.Model):
    """The template from which streams and charts are made; generated from a control-plan line, immutable.

    `rules` names rules of `spc.engine.rules` separated by spaces; `parameters` are those of the family in the form of
    `spc.engine.live.parameters`, defaults included. `stratify_*` say what separates streams.
    """

    class Family(models.TextChoices):
        IMR = "imr", "Individuals and moving range"
        XBAR_R = "xbar-r", "Mean and range"
        XBAR_S = "xbar-s", "Mean and standard deviation"
        MEDIAN_R = "median-r", "Median and range"
        P = "p", "Proportion nonconforming"
        NP = "np", "Number nonconforming"
        C = "c", "Count of nonconformities"
        U = "u", "Nonconformities per unit"
        LANEY_P = "laney-p", "Laney p′: proportion that varies more than its law"
        LANEY_U = "laney-u", "Laney u′: rate that varies more than its law"
        EWMA = "ewma", "Exponentially weighted moving average"
        CUSUM = "cusum", "Cumulative sums"
        MOVING_CENTER = "moving-center", "Moving centre line (EWMA forecast)"
        TREND = "trend", "Trend: readings about a fitted line"
        RESIDUAL = "residual", "Residuals of an autoregression"
        THREE_WAY = "three-way", "Between and within (three-way)"
        GROUP = "group", "Group: largest and smallest of like streams"
        SHORT_RUN = "short-run", "Short run: several parts on one chart"
        ACCEPTANCE = "acceptance", "Acceptance: means within the specification"
        G = "g", "Units between rare events"
        T = "t", "Time between rare events"
        T2 = "t2", "Hotelling's T² of several characteristics"
        MEWMA = "mewma", "Weighted average of several characteristics"

    class SubgroupBy(models.TextChoices):
        READING = "reading", "Every reading is a subgroup of one"
        CONSECUTIVE = "consecutive", "So many consecutive readings"
        PROFILE = "profile", "Readings at one place on the roll"
        EXECUTION = "execution", "Readings of one step execution"
        GROUP = "group", "Readings of one group of cells (tray or cell lot)"

    site = models.ForeignKey(Site, models.PROTECT, related_name="chart_plans")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="chart_plans")
    material = models.ForeignKey(
        MaterialDefinition,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Only lots of this material; empty: all.",
    )
    family = models.CharField(max_length=16, choices=Family)
    subgroup_by = models.CharField(max_length=16, choices=SubgroupBy)
    subgroup_size = models.PositiveSmallIntegerField()
    subgroup_timeout_s = models.PositiveIntegerField(
        help_text="Site-clock seconds after which a subgroup closes."
    )
    rules = models.CharField(max_length=200)
    parameters = models.CharField(max_length=400, blank=True)
    variables = models.JSONField(
        default=list, blank=True, help_text="Keys of the other characteristics of a multivariate chart."
    )
    phase1_subgroups = models.PositiveSmallIntegerField()
    stratify_equipment = models.BooleanField(default=True)
    stratify_position = models.BooleanField(default=False)
    stratify_product = models.BooleanField(default=True)
    stratify_recipe = models.BooleanField(default=True)
    stratify_gauge = models.BooleanField(default=False)
    first_attempt_only = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="chart_plan_size", condition=models.Q(subgroup_size__gte=1)),
        )

    def __str__(self) -> str:
        return f"{self.characteristic} {self.family}"

    @property
    def characteristic_ids(self) -> frozenset[int]:
        """Keys of the characteristics that it charts: one, or the variables of a multivariate chart."""
        return frozenset((self.characteristic_id, *self.variables))


class Stream(models.Model):
    """A characteristic stratified by what matters; unset strata are not separated."""

    plan = models.ForeignKey(ChartPlan, models.PROTECT, related_name="streams")
    equipment = models.ForeignKey(Equipment, models.PROTECT, null=True, blank=True, related_name="+")
    zone = models.ForeignKey(Zone, models.PROTECT, null=True, blank=True, related_name="+")
    gauge = models.ForeignKey(Gauge, models.PROTECT, null=True, blank=True, related_name="+")
    position = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    product_revision = models.ForeignKey(
        ProductRevision, models.PROTECT, null=True, blank=True, related_name="+"
    )
    recipe_revision = models.ForeignKey(
        RecipeRevision, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "plan",
                    "equipment",
                    "zone",
                    "gauge",
                    "position",
                    "product_revision",
                    "recipe_revision",
                ),
                name="stream_once",
                nulls_distinct=False,
            ),
        )

    def __str__(self) -> str:
        return f"{self.plan} stream {self.pk}"


class Chart(models.Model):
    """The chart of a stream. Its row lock serialises evaluation; `generation` rises with each replay."""

    stream = models.OneToOneField(Stream, models.PROTECT, related_name="chart")
    generation = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"chart {self.pk}"
