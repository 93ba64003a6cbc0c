"""The control plan: the only source of forms, streams, gates and reactions."""

from __future__ import annotations

from django.db import models

from lots.models import (
    Characteristic,
    MaterialDefinition,
    ProcessStep,
    ProductRevision,
    Site,
    User,
    WorkOrder,
)
from quality.models.disposition import Signature
from quality.models.named_gate import GateCode
from quality.models.requirement import Specification
from spc.models import ChartPlan, Signal


class ControlPlan(models.Model):
    site = models.ForeignKey(Site, models.PROTECT, related_name="control_plans")
    code = models.CharField(max_length=32)
    product_revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="control_plans")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="control_plan_code_per_site"),)

    def __str__(self) -> str:
        return self.code


class ControlPlanRevision(models.Model):
    """A published revision is immutable; work orders pin it."""

    plan = models.ForeignKey(ControlPlan, models.PROTECT, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    change_reason = models.CharField(max_length=300)
    drafted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    approval = models.OneToOneField(
        Signature, models.PROTECT, null=True, blank=True, related_name="control_plan_revision"
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("plan", "number"), name="control_plan_revision_once"),)

    def __str__(self) -> str:
        return f"{self.plan} r{self.number}"


class ControlPlanLine(models.Model):
    """What is collected at a step, how often, with which gauge, against what, and what happens on a signal.

    `limits_from` says which specification revision judges. `required_count` readings per lot must be present and valid
    before the lot may leave the step; 0 = optional.
    `sampling`, where given, samples the cells of a lot at acceptance by the standard's plan for the lot's size.
    `chart_plan` is generated when the revision is published and only where `chart_family` is given.
    """

    class LimitsFrom(models.TextChoices):
        CURRENT = "current", "The revision in force"
        ORDER = "order", "The revision in force when the order was opened"

    class Sampling(models.TextChoices):
        ATTRIBUTES = "attributes", "By attributes (ISO 2859-1)"
        REDUCIBLE = "reducible", "By attributes, may be reduced"
        VARIABLES = "variables", "By variables (ISO 3951)"

    revision = models.ForeignKey(ControlPlanRevision, models.PROTECT, related_name="lines")
    step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="+")
    material = models.ForeignKey(
        MaterialDefinition,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Only lots of this material; empty: every lot that runs the step.",
    )
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="control_plan_lines")
    specification = models.ForeignKey(Specification, models.PROTECT, null=True, blank=True, related_name="+")
    limits_from = models.CharField(max_length=8, choices=LimitsFrom, default=LimitsFrom.CURRENT)
    gate = models.CharField(
        max_length=16,
        choices=GateCode,
        blank=True,
        help_text="The named gate that demands its values, within limits.",
    )
    special = models.CharField(max_length=8, blank=True, help_text="Special characteristic symbol (AIAG).")
    gauge_kind = models.CharField(max_length=32, blank=True)
    required_count = models.PositiveSmallIntegerField(default=1)
    frequency = models.CharField(max_length=80)
    chart_family = models.CharField(max_length=16, choices=ChartPlan.Family, blank=True)
    subgroup_by = models.CharField(max_length=16, choices=ChartPlan.SubgroupBy, blank=True)
    subgroup_size = models.PositiveSmallIntegerField(default=1)
    subgroup_timeout_s = models.PositiveIntegerField(default=86_400)
    rules = models.CharField(max_length=200, blank=True)
    parameters = models.CharField(
        max_length=400,
        blank=True,
        help_text="Of the chart family, such as lambda=0.2 L=2.7; defaults included.",
    )
    phase1_subgroups = models.PositiveSmallIntegerField(default=25)
    stratify = models.CharField(
        max_length=80, blank=True, help_text="equipment position product recipe gauge"
    )
    reaction = models.CharField(max_length=12, choices=Signal.Reaction, default=Signal.Reaction.ALERT)
    tighten_factor = models.PositiveSmallIntegerField(
        default=2, help_text="Tightened, so many times the required values are asked of a lot."
    )
    good_to_relax = models.PositiveSmallIntegerField(
        default=5, help_text="So many subgroups in a row without a signal end the tightening."
    )
    sampling = models.CharField(max_length=12, choices=Sampling, blank=True)
    inspection_level = models.CharField(max_length=4, blank=True)
    aql = models.CharField(max_length=6, blank=True, help_text="Acceptance quality limit as printed, %.")
    owner_role = models.CharField(max_length=20, default="quality_engineer")
    chart_plan = models.ForeignKey(
        ChartPlan, models.PROTECT, null=True, blank=True, related_name="control_plan_lines"
    )

    class Meta:
        ordering = ("step__sequence", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("revision", "material", "characteristic"),
                name="control_plan_line_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="control_plan_line_chart_whole",
                condition=models.Q(chart_family="") | (~models.Q(subgroup_by="") & ~models.Q(rules="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.revision}: {self.characteristic}"


class WorkOrderPlan(models.Model):
    """The control-plan revision that a work order runs on: its snapshot."""

    work_order = models.OneToOneField(WorkOrder, models.PROTECT, related_name="control_plan")
    revision = models.ForeignKey(ControlPlanRevision, models.PROTECT, related_name="work_orders")

    def __str__(self) -> str:
        return f"{self.work_order}: {self.revision}"
