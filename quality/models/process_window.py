"""Process windows: what is known about a characteristic before anybody specifies it, and where that is from."""

from __future__ import annotations

from django.db import models

from lots.models import Characteristic
from quality.models.requirement import Requirement, SourceType


class ProcessWindow(models.Model):
    """One row of the process-window table, verbatim. Immutable; limits are text because not all are numbers.

    `source_type_text` is the table's own wording ("book+assumption"); `source_type` is the weakest of its parts,
    so that nothing looks better founded than it is.
    """

    number = models.PositiveSmallIntegerField(unique=True, help_text="Row of the table, from 1.")
    step = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    unit = models.CharField(max_length=32)
    target = models.CharField(max_length=80, blank=True)
    lsl = models.CharField(max_length=32, blank=True)
    usl = models.CharField(max_length=32, blank=True)
    sampling_plan = models.CharField(max_length=120, blank=True)
    gauge = models.CharField(max_length=80, blank=True)
    within_sd = models.CharField(max_length=40, blank=True)
    between_sd = models.CharField(max_length=40, blank=True)
    source_type_text = models.CharField(max_length=60)
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=300, blank=True)
    note = models.CharField(max_length=300, blank=True)
    characteristic = models.ForeignKey(
        Characteristic, models.PROTECT, null=True, blank=True, related_name="process_windows"
    )
    requirement = models.ForeignKey(
        Requirement, models.PROTECT, null=True, blank=True, related_name="process_windows"
    )

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("step", "name"), name="process_window_once"),)

    def __str__(self) -> str:
        return f"{self.step}: {self.name}"
