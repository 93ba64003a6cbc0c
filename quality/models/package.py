"""Evidence packages: what was asked for, how far a worker is, what was built, who signed it. All append-only."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef, new_uuid7
from lots.models import ProductRevision, Site, User
from quality.models.disposition import Signature
from quality.models.traceability import Baseline


class EvidencePackage(models.Model):
    """The evidence of a cell lot, or of a product revision against an approved baseline (a qualification)."""

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="evidence_packages")
    number = models.PositiveIntegerField(help_text="Counted per site.")
    lot = LotRef(null=True, blank=True, related_name="evidence_packages")
    product_revision = models.ForeignKey(
        ProductRevision, models.PROTECT, null=True, blank=True, related_name="+"
    )
    baseline = models.ForeignKey(Baseline, models.PROTECT, null=True, blank=True, related_name="packages")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(help_text="Site clock.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="Real time.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("site", "number"), name="evidence_package_number_per_site"),
            models.CheckConstraint(
                name="evidence_package_of_lot_or_product",
                condition=models.Q(lot__isnull=False, product_revision__isnull=True)
                | models.Q(lot__isnull=True, product_revision__isnull=False, baseline__isnull=False),
            ),
        )

    @property
    def code(self) -> str:
        return f"EP-{self.site.code}-{self.number:06d}"

    @property
    def subject(self) -> str:
        return f"Lot {self.lot.code}" if self.lot else f"Qualification of {self.product_revision}"

    def __str__(self) -> str:
        return self.code


class PackageProgress(models.Model):
    """A worker began an attempt (empty artifact), wrote an artifact, or failed (`error`)."""

    package = models.ForeignKey(EvidencePackage, models.PROTECT, related_name="progress")
    attempt = models.PositiveSmallIntegerField()
    artifact = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=500, blank=True)
    noted_at = models.DateTimeField(auto_now_add=True, help_text="Real time.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("package", "attempt", "artifact", "error"), name="package_progress_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.package} {self.attempt}: {self.artifact or self.error}"


class PackageBuild(models.Model):
    """The finished archive of a package as built; `manifest` names every member with its SHA-256."""

    package = models.OneToOneField(EvidencePackage, models.PROTECT, related_name="build")
    manifest = models.JSONField()
    findings = models.JSONField(help_text="What keeps it from being signed: [check, words].")
    archive_sha256 = models.CharField(max_length=64, help_text="Of the stored zip, which it also names.")
    archive_bytes = models.BigIntegerField()
    built_at = models.DateTimeField(help_text="Site clock.")

    def __str__(self) -> str:
        return f"{self.package} built"


class PackageIssue(models.Model):
    """The signature under the manifest, and the archive that carries it."""

    package = models.OneToOneField(EvidencePackage, models.PROTECT, related_name="issue")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="evidence_package")
    archive_sha256 = models.CharField(max_length=64)
    archive_bytes = models.BigIntegerField()
    issued_at = models.DateTimeField(help_text="Site clock.")

    def __str__(self) -> str:
        return f"{self.package} issued"
