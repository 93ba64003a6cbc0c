"""What came of comparing values with specifications and signals with reaction plans."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef, LotRefId
from lots.models import Characteristic, Hold, Site, User
from quality.models.requirement import Requirement, SpecificationLine
from quality.models.spike import TightenedLimits
from spc.models import Signal


class Judgement(models.Model):
    """One value against one specification line; the limits are copied so that history never changes."""

    class Verdict(models.TextChoices):
        CONFORMS = "conforms", "Conforms"
        VIOLATES = "violates", "Violates"
        UNDETERMINED = "undetermined", "Undetermined"

    measurement_received_at = models.DateTimeField()
    measurement_id = models.BigIntegerField()
    lot_id = LotRefId(null=True, blank=True)
    line = models.ForeignKey(SpecificationLine, models.PROTECT, related_name="judgements")
    lsl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    usl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    verdict = models.CharField(max_length=12, choices=Verdict)
    judged_at = models.DateTimeField()
    tightened = models.ForeignKey(
        TightenedLimits,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="judgements",
        help_text="Where a humidity spike tightened the line's limits.",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("measurement_id", "line"), name="judgement_once"),)
        indexes = (models.Index(fields=("lot_id", "verdict"), name="judgement_by_lot"),)

    def __str__(self) -> str:
        return f"{self.measurement_id}: {self.verdict}"


class Defect(models.Model):
    """A value out of specification, with the requirement that it violates and the hold that it caused."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="defects")
    judgement = models.OneToOneField(Judgement, models.PROTECT, related_name="defect")
    lot = LotRef(null=True, blank=True, related_name="defects")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="defects")
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="defects")
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, blank=True, related_name="defects")
    found_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        indexes = (models.Index(fields=("site", "-id"), name="defect_newest"),)

    def __str__(self) -> str:
        return f"{self.characteristic} violates {self.requirement}"


class ReactionFiring(models.Model):
    """The control plan's reaction to one signal, as it happened. Append-only."""

    signal = models.OneToOneField(Signal, models.PROTECT, related_name="firing")
    reaction = models.CharField(max_length=12, choices=Signal.Reaction)
    line_id = models.BigIntegerField(null=True, blank=True, help_text="Control-plan line that said so.")
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, blank=True, related_name="firings")
    lots_in_window = models.PositiveIntegerField(default=0)
    window_from_sequence = models.BigIntegerField(null=True, blank=True)
    did = models.CharField(max_length=200, blank=True, help_text="What came of it, in words.")
    fired_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.signal}: {self.reaction}"


class Nonconformance(models.Model):
    """A case: what it was opened from, who owns it, what came of it."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    site = models.ForeignKey(Site, models.PROTECT, related_name="nonconformances")
    code = models.CharField(max_length=32)
    title = models.CharField(max_length=200)
    lot = LotRef(null=True, blank=True, related_name="nonconformances")
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, blank=True, related_name="nonconformances")
    signal = models.ForeignKey(
        Signal,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="nonconformances",
        help_text="As first found; a replay of the chart finds it again under another key.",
    )
    defect = models.ForeignKey(Defect, models.PROTECT, null=True, blank=True, related_name="nonconformances")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    opened_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="nonconformance_code_per_site"),)

    def __str__(self) -> str:
        return self.code
