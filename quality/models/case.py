"""What is written in a nonconformance: entries in order, each by somebody, none ever changed."""

from __future__ import annotations

from django.db import models

from lots.models import User
from quality.models.disposition import Signature
from quality.models.judgement import Nonconformance


class CaseEntry(models.Model):
    """One entry of a case, append-only. `content` has the fields of its kind: see `quality.cases.FIELDS` for those that
    a person writes, and the actions for the others."""

    class Kind(models.TextChoices):
        OWNER = "owner", "Owner and due date"
        CONTAINMENT = "containment", "Containment"
        CLASSIFICATION = "classification", "Classification"
        EVIDENCE = "evidence", "Evidence"
        COMMONALITY = "commonality", "Commonality"
        SIGNATURE = "fault_signature", "Signature of the failure"
        INTEGRITY = "integrity", "Measurement checked"
        OBSERVATION = "observation", "Part of the evidence set"
        BRANCH = "branch", "Branch of the decision tree"
        RETEST = "retest", "Re-test planned"
        RETEST_RESULT = "retest_result", "Re-test reported"
        DIAGNOSIS = "diagnosis", "Diagnosis"
        CONTROL_LINK = "control_link", "Tied to a control"
        POST_MORTEM = "post_mortem", "Post-mortem begun"
        CUSTODY = "custody", "Taken into custody"
        LAYER = "layer", "Layer examined"
        HYPOTHESIS = "hypothesis", "Hypothesis"
        VERDICT = "verdict", "Hypothesis judged"
        WHY = "why", "Why"
        ROOT_CAUSE = "root_cause", "Root cause"
        ACTION = "action", "Corrective action"
        ACTION_DONE = "action_done", "Action carried out"
        EFFECTIVENESS = "effectiveness", "Effectiveness"
        CLOSURE = "closure", "Closure"

    case = models.ForeignKey(Nonconformance, models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=16, choices=Kind)
    content = models.JSONField()
    entered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(help_text="Site clock.")
    signature = models.OneToOneField(
        Signature, models.PROTECT, null=True, blank=True, related_name="case_entry"
    )

    class Meta:
        verbose_name_plural = "case entries"
        indexes = (models.Index(fields=("case", "id"), name="case_entry_in_order"),)
        constraints = (
            models.CheckConstraint(
                name="case_entry_signed",
                condition=~models.Q(kind__in=("closure", "integrity")) | models.Q(signature__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.case} {self.kind}"


class CasePhoto(models.Model):
    """A photograph that belongs to a case; the picture lies in storage under its digest. Append-only."""

    case = models.ForeignKey(Nonconformance, models.PROTECT, related_name="photos")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes.")
    media_type = models.CharField(max_length=20)
    name = models.CharField(max_length=120, help_text="What it shows.")
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("case", "sha256"), name="case_photo_once"),)

    def __str__(self) -> str:
        return self.name
