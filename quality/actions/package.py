"""Ask for an evidence package, note how far its worker is, keep what it built, sign it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.digest import canonical_instant
from lots.models import AuditChain, Lot, MaterialDefinition, ProductRevision, Site, User
from quality.actions.sign import sign
from quality.models import Baseline, EvidencePackage, PackageBuild, PackageIssue, PackageProgress
from quality.package.artifacts import ARTIFACTS
from quality.package.checks import Finding
from quality.package.safety import safety_findings
from quality.package.subject import LARGEST, Subject, subject_of
from quality.package.table import tables_digest
from quality.permissions import Action, require
from quality.release_view import recorded_by

MEANING = "Reviewed: the evidence is complete and supports what the package states"
MOST_ATTEMPTS = 3


class PackageRefused(Exception):
    """It cannot be done so; the message begins with the field and says what would be right."""


@transaction.atomic
def request_package(
    site: Site,
    *,
    lot: Lot | None = None,
    product_revision: ProductRevision | None = None,
    user: User,
    now: datetime,
) -> EvidencePackage:
    """Ask for the evidence of a cell lot, or of a product revision against the newest baseline (a qualification)."""
    act_as(user)
    require(user, site, Action.BUILD_PACKAGE)
    lock_name(f"package:{site.pk}")
    if (lot is None) == (product_revision is None):
        raise PackageRefused("lot: name a lot or a product revision")
    if lot is not None and lot.material.kind != MaterialDefinition.Kind.CELL_LOT:
        raise PackageRefused(f"lot: {lot.code} is no cell lot; a package is about the cells of a lot")
    baseline = Baseline.objects.filter(site=site).order_by("-number").first()
    if product_revision is not None and baseline is None:
        raise PackageRefused(
            "baseline: approve the requirements baseline first; a qualification is against it"
        )
    package = EvidencePackage(
        site=site,
        number=(EvidencePackage.objects.filter(site=site).aggregate(last=Max("number"))["last"] or 0) + 1,
        lot=lot,
        product_revision=product_revision,
        baseline=baseline,
        requested_by=user,
        requested_at=site_time(site, now),
    )
    cells = len(subject_of(package).cells)
    if not cells:
        words = f"{lot.code} has no cells" if lot else "no lot of this revision has been released yet"
        raise PackageRefused(f"lot: {words}; there is nothing to give evidence of")
    if cells > LARGEST:
        raise PackageRefused(f"lot: {cells} cells are more than the {LARGEST} that a package holds")
    package.save()
    return package


def begin_attempt(package: EvidencePackage) -> int | None:
    """The number of this attempt; None where the package is built, or has failed too often.

    An attempt that was killed has its row, and counts.
    """
    if PackageBuild.objects.filter(package=package).exists():
        return None
    last = PackageProgress.objects.filter(package=package).aggregate(last=Max("attempt"))["last"] or 0
    if last >= MOST_ATTEMPTS:
        return None
    note(package, last + 1)
    return last + 1


def note(package: EvidencePackage, attempt: int, *, artifact: str = "", error: str = "") -> None:
    """Say how far the attempt is. Committed at once: the page shows it."""
    PackageProgress.objects.create(
        package=package, attempt=attempt, artifact=artifact[:60], error=error[:500]
    )


@transaction.atomic
def store_build(
    package: EvidencePackage,
    *,
    manifest: Mapping[str, Any],
    findings: Sequence[Finding],
    archive_sha256: str,
    archive_bytes: int,
    now: datetime,
) -> PackageBuild:
    """Keep what the worker built; the first one that is done counts."""
    act_as(None, process="packages")
    lock_name(f"package-build:{package.pk}")
    earlier = PackageBuild.objects.filter(package=package).first()
    return earlier or PackageBuild.objects.create(
        package=package,
        manifest=dict(manifest),
        findings=[[finding.check, finding.words] for finding in findings],
        archive_sha256=archive_sha256,
        archive_bytes=archive_bytes,
        built_at=site_time(package.site, now),
    )


@transaction.atomic
def sign_package(
    package: EvidencePackage,
    *,
    user: User,
    password: str,
    now: datetime,
    seal: Callable[[PackageBuild, dict[str, Any]], tuple[str, int]],
) -> PackageIssue:
    """Sign the manifest of a built package. `seal` stores the archive with the signature in it: its hash and size.

    Refused while a check finds something, when anything that the package states has changed since it was built (a
    hold, a decision, a calibration, a safety test), and to somebody who recorded values in it.
    """
    act_as(user)
    require(user, package.site, Action.SIGN_PACKAGE)
    lock_name(f"package-build:{package.pk}")
    build = PackageBuild.objects.filter(package=package).first()
    if build is None:
        raise PackageRefused("package: it is not built yet")
    if PackageIssue.objects.filter(package=package).exists():
        raise PackageRefused("package: it is signed already")
    if build.findings:
        words = "; ".join(f"{check}: {words}" for check, words in build.findings[:3])
        raise PackageRefused(f"checks: {len(build.findings)} are open. {words}")
    subject = subject_of(package)
    changed = what_changed(subject, build.manifest)
    if changed:
        raise PackageRefused(f"package: {changed} changed since it was built; ask for a new one")
    if recorded_by(subject.own_keys, user):
        raise PackageRefused("signer: you recorded values of it: another person must sign it")
    signature = sign(
        user=user,
        password=password,
        meaning=MEANING,
        record_kind="evidence_package",
        record_id=package.code,
        content=build.manifest,
        now=now,
    )
    archive_sha256, archive_bytes = seal(
        build,
        {
            "package": package.code,
            "printed_name": signature.printed_name,
            "username": user.username,
            "meaning": signature.meaning,
            "signed_at": canonical_instant(signature.signed_at),
            "record_hash": bytes(signature.record_hash).hex(),
        },
    )
    return PackageIssue.objects.create(
        package=package,
        signature=signature,
        archive_sha256=archive_sha256,
        archive_bytes=archive_bytes,
        issued_at=site_time(package.site, now),
    )


def chain_heads(subject: Subject) -> dict[str, str]:
    """The head of the audit chain of each lot and cell: whatever is recorded on one of them afterwards changes it."""
    keys = [f"lot:{key}" for key in subject.own_keys]
    rows = AuditChain.objects.filter(key__in=keys).order_by("key")
    return {chain.key: f"{chain.length}:{bytes(chain.head).hex()}" for chain in rows}


def what_changed(subject: Subject, manifest: Mapping[str, Any]) -> str:
    """What is no longer as a package was built, in words; empty while all of it is.

    The chains of the lots and cells cover their own records. What else the artifacts state stands in other chains
    (holds, gauges, decisions, cases), so that the tables themselves are compared.
    """
    if chain_heads(subject) != manifest["audit_heads"]:
        return "the record of its lots"
    built = manifest.get("tables", {})
    unlike = [one.title for one in ARTIFACTS if tables_digest(one.tables(subject)) != built.get(one.name)]
    if unlike:
        return f"what it states ({', '.join(unlike).lower()})"
    found = safety_findings(subject)  # the other checks are about what has just been compared
    return f"what its checks find ({found[0].words})" if found else ""
