"""Requirements and specifications: what a value must be, why, and where that comes from."""

from __future__ import annotations

from django.db import models

from lots.models import Characteristic, ProductRevision, User


class SourceType(models.TextChoices):
    """Where a number comes from. Shown beside every limit; an assumption is never passed off as a fact."""

    HANDBOOK = "handbook", "Handbook"
    LITERATURE = "literature", "Literature"
    REAL_DATA = "real_data", "Real data"
    COMPUTED = "computed", "Computed"
    ASSUMPTION = "assumption", "Assumption"


class Requirement(models.Model):
    """A requirement with an identifier that never changes and is never reused (SI-REQ-01, SI-MFG-04)."""

    class Kind(models.TextChoices):
        PERFORMANCE = "performance", "Performance"
        SAFETY = "safety", "Safety"
        RELIABILITY = "reliability", "Reliability"
        MANUFACTURING = "manufacturing", "Manufacturing"

    code = models.CharField(max_length=16, unique=True)
    kind = models.CharField(max_length=16, choices=Kind)
    title = models.CharField(max_length=160)

    def __str__(self) -> str:
        return self.code


class RequirementRevision(models.Model):
    """The wording in force from its issue on; immutable."""

    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    statement = models.TextField(help_text="Testable: what must hold.")
    acceptance = models.CharField(max_length=300, help_text="The measurable criterion.")
    rationale = models.TextField(blank=True)
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=300)
    change_reason = models.CharField(max_length=300)
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("requirement", "number"), name="requirement_revision_once"),
            models.CheckConstraint(name="requirement_acceptance_given", condition=~models.Q(acceptance="")),
        )

    def __str__(self) -> str:
        return f"{self.requirement} r{self.number}"


class Specification(models.Model):
    """The specification of one characteristic for one product revision (and material, where both electrodes exist)."""

    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="specifications")
    product_revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="specifications")
    material = models.ForeignKey(
        "lots.MaterialDefinition", models.PROTECT, null=True, blank=True, related_name="specifications"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("characteristic", "product_revision", "material"),
                name="specification_once",
                nulls_distinct=False,
            ),
        )

    def __str__(self) -> str:
        return f"{self.characteristic} for {self.product_revision}"


class SpecificationLine(models.Model):
    """One immutable revision of a specification's limits, in the characteristic's unit; traces to a requirement.

    Judgement is decimal: a value exactly on a limit conforms. `effective_at` is on the site clock that judges; a line
    that counts from the next lot on judges lots that were made then or later.
    """

    class Severity(models.TextChoices):
        MUST = "must", "Must"
        SHOULD = "should", "Should"

    class Effectivity(models.TextChoices):
        NOW = "now", "At once"
        NEXT_LOT = "next_lot", "From the next lot on"
        DATE = "date", "From a date on"

    specification = models.ForeignKey(Specification, models.PROTECT, related_name="lines")
    revision = models.PositiveSmallIntegerField()
    lsl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    usl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    target = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MUST)
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="specification_lines")
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=400)
    effective_at = models.DateTimeField()
    effectivity = models.CharField(max_length=8, choices=Effectivity, default=Effectivity.NOW)
    change_reason = models.CharField(max_length=300)
    draft = models.OneToOneField(
        "quality.SpecificationDraft", models.PROTECT, null=True, blank=True, related_name="line"
    )
    approval = models.OneToOneField(
        "quality.Signature", models.PROTECT, null=True, blank=True, related_name="specification_line"
    )

    class Meta:
        ordering = ("specification", "-revision")
        constraints = (
            models.UniqueConstraint(fields=("specification", "revision"), name="specification_line_once"),
            models.CheckConstraint(
                name="specification_line_has_limit",
                condition=models.Q(lsl__isnull=False) | models.Q(usl__isnull=False),
            ),
            models.CheckConstraint(
                name="specification_line_ordered",
                condition=models.Q(lsl__isnull=True)
                | models.Q(usl__isnull=True)
                | models.Q(lsl__lt=models.F("usl")),
            ),
            models.CheckConstraint(
                name="specification_line_approved",
                condition=models.Q(draft__isnull=True) | models.Q(approval__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.specification} r{self.revision}"


class SpecificationDraft(models.Model):
    """Limits that somebody proposes; another person's signature makes them a line. Append-only.

    Numbers are in the characteristic's unit, converted from `entered_unit`. `based_on` is the revision that they
    change (0: the first issue).
    """

    specification = models.ForeignKey(Specification, models.PROTECT, related_name="drafts")
    based_on = models.PositiveSmallIntegerField()
    lsl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    usl = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    target = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    entered_unit = models.CharField(max_length=16)
    severity = models.CharField(max_length=8, choices=SpecificationLine.Severity)
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="+")
    source_type = models.CharField(max_length=12, choices=SourceType)
    source = models.CharField(max_length=400)
    effectivity = models.CharField(max_length=8, choices=SpecificationLine.Effectivity)
    effective_at = models.DateTimeField(null=True, blank=True, help_text="Site clock; of a date only.")
    change_reason = models.CharField(max_length=300)
    drafted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField(help_text="Site clock.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="specification_draft_dated",
                condition=models.Q(effectivity="date", effective_at__isnull=False)
                | (~models.Q(effectivity="date") & models.Q(effective_at__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.specification} draft {self.pk}"
