"""The shift checklist of a dry room: the rule that asks for it, and what people answered."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from lots.models import User, Zone
from lots.science.humidity_events import ChecklistItem


class ZoneRule(models.Model):
    """Which steps start in a zone only behind a passed checklist, and how long one counts. The latest is in force."""

    class Window(models.TextChoices):
        SHIFT = "shift", "once a shift"
        HOURS = "hours", "for a number of hours"

    zone = models.ForeignKey(Zone, models.PROTECT, related_name="rules")
    steps = ArrayField(
        models.CharField(max_length=32),
        default=list,
        help_text="Codes of process steps; none: it asks nothing.",
    )
    window = models.CharField(max_length=8, choices=Window, default=Window.SHIFT)
    hours = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="zone_rule_hours",
                condition=Q(window="shift", hours__isnull=True) | Q(window="hours", hours__range=(1, 168)),
            ),
            models.CheckConstraint(name="zone_rule_explained", condition=~Q(reason="")),
        )

    def __str__(self) -> str:
        return f"{self.zone}: {', '.join(self.steps) or 'nothing'} {self.window}"


class ShiftCheck(models.Model):
    """All seven items of the daily checklist (handbook 7.2), answered by one person at one time. Append-only."""

    zone = models.ForeignKey(Zone, models.PROTECT, related_name="shift_checks")
    shift = models.CharField(max_length=32, help_text="Name of the shift in which it was answered.")
    calibration = models.BooleanField()
    pressure = models.BooleanField()
    staging = models.BooleanField()
    sealed_containers = models.BooleanField()
    open_time_logging = models.BooleanField()
    gloves = models.BooleanField()
    desiccant_and_seals = models.BooleanField()
    remarks = models.CharField(max_length=300, blank=True)
    checked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="shift_check_failure_explained",
                condition=Q(**{item.value: True for item in ChecklistItem}) | ~Q(remarks=""),
            ),
        )
        indexes = (
            # The latest check of a zone, which the gate asks for.
            models.Index(fields=("zone", "-checked_at"), name="shift_check_latest"),
        )

    def __str__(self) -> str:
        return f"{self.zone} {self.shift} {'passed' if self.passed else 'failed'}"

    @property
    def answers(self) -> dict[ChecklistItem, bool]:
        return {item: bool(getattr(self, item.value)) for item in ChecklistItem}

    @property
    def passed(self) -> bool:
        return all(self.answers.values())
