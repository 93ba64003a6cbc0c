"""Genealogy: which lot came from which, how much of it, and from where along the roll."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce

from lots.fields import LotRef
from lots.models.lot import Movement, StepExecution
from lots.models.site import User


class MillimetreRange(Func):
    """`int8range(from, to)`, half open: [from, to)."""

    function = "int8range"


class LaneRange(Func):
    """Lanes from..to, both included; a link without lanes takes the whole width."""

    function = "int4range"
    template = "int4range(%(expressions)s, '[]')"


class GenealogyLink(models.Model):
    """`quantity` of the parent became (part of) the child.

    On a roll `parent_from_mm..parent_to_mm` (half open, integer millimetres of the parent's metre axis) was
    taken from lanes `lane_from..lane_to`; child = child_offset_mm + scale * parent, ± uncertainty_mm.
    Voiding is the only change: the link stays, marked with who, when and why.
    """

    class Kind(models.TextChoices):
        CONSUME = "consume", "Consumed into"
        SPLIT = "split", "Split into"
        MERGE = "merge", "Merged into"
        MEMBER = "member", "Member of"

    parent = LotRef(related_name="links_to_children")
    child = LotRef(related_name="links_to_parents")
    kind = models.CharField(max_length=16, choices=Kind)
    execution = models.ForeignKey(StepExecution, models.PROTECT, null=True, blank=True, related_name="links")
    movement = models.ForeignKey(Movement, models.PROTECT, null=True, blank=True, related_name="links")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    unit = models.CharField(max_length=16)
    parent_from_mm = models.BigIntegerField(null=True, blank=True)
    parent_to_mm = models.BigIntegerField(null=True, blank=True)
    lane_from = models.PositiveSmallIntegerField(null=True, blank=True)
    lane_to = models.PositiveSmallIntegerField(null=True, blank=True)
    child_offset_mm = models.BigIntegerField(default=0)
    scale = models.DecimalField(max_digits=12, decimal_places=9, default=1)
    uncertainty_mm = models.PositiveIntegerField(default=0)
    linked_at = models.DateTimeField(help_text="Site clock.")
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    void_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            # Only membership of a group goes without a movement.
            models.CheckConstraint(
                name="link_has_movement", condition=Q(kind="member") | Q(movement__isnull=False)
            ),
            models.CheckConstraint(name="link_not_to_itself", condition=~Q(parent=F("child"))),
            models.CheckConstraint(name="link_quantity_positive", condition=Q(quantity__gt=0)),
            # A map that puts every metre on one has no way back.
            models.CheckConstraint(name="link_scale_not_zero", condition=~Q(scale=0)),
            models.CheckConstraint(
                name="link_interval_whole",
                condition=Q(parent_from_mm__isnull=True, parent_to_mm__isnull=True)
                | Q(parent_from_mm__gte=0, parent_to_mm__gt=F("parent_from_mm")),
            ),
            models.CheckConstraint(
                name="link_lanes_whole",
                condition=Q(lane_from__isnull=True, lane_to__isnull=True)
                | Q(lane_from__gte=1, lane_to__gte=F("lane_from")),
            ),
            models.CheckConstraint(
                name="link_void_explained",
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason="")
                | (Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(void_reason="")),
            ),
            # No metre of a lane is consumed twice.
            ExclusionConstraint(
                name="link_interval_consumed_once",
                expressions=[
                    (F("parent"), RangeOperators.EQUAL),
                    (MillimetreRange(F("parent_from_mm"), F("parent_to_mm")), RangeOperators.OVERLAPS),
                    (
                        LaneRange(Coalesce(F("lane_from"), 1), Coalesce(F("lane_to"), 32000)),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(voided_at__isnull=True, parent_from_mm__isnull=False) & ~Q(kind="member"),
            ),
        )
        indexes = (
            # Forward trace: parent to children.
            models.Index(fields=("parent", "child"), name="link_forward"),
            # Backward trace: child to parents.
            models.Index(fields=("child", "parent"), name="link_backward"),
        )

    def __str__(self) -> str:
        return f"{self.parent} → {self.child}"
