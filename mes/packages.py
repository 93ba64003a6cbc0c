"""Evidence packages from their tables to the stored archive. A worker builds; whoever signs adds the signature."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from lots.digest import canonical_instant
from lots.failpoints import hit
from lots.models import Lot, ProductRevision, Site, User
from lots.science.formation.records import CyclerRecords
from mes.curves import CurveMissing, load_records, read_curve
from mes.documents.tables import tables_csv, tables_pdf, tables_xlsx
from mes.hints import publish_packages
from mes.storage import FileLost, fetch, keep
from quality.actions.package import (
    MOST_ATTEMPTS,
    begin_attempt,
    chain_heads,
    note,
    request_package,
    sign_package,
    store_build,
)
from quality.models import EvidencePackage, PackageBuild, PackageIssue, PackageProgress
from quality.package.archive import VERIFIER, members, pack, verifier
from quality.package.artifacts import ARTIFACTS, Artifact, missing_artifacts
from quality.package.checks import integrity
from quality.package.offline_verifier import digest
from quality.package.safety import safety_findings
from quality.package.subject import Subject, subject_of
from quality.package.table import Table, instant, tables_digest

log = structlog.get_logger(__name__)

# A worker that says nothing for so long is dead or has lost the message.
SILENCE = timedelta(seconds=20)
# An attempt that takes longer is ended: thousands of cells with their curves take a minute or two.
LONGEST = timedelta(minutes=10)


class RecordChanged(Exception):
    """The evidence changed under the hands of the worker."""


def waiting_packages(*, now: datetime) -> list[int]:
    """Packages that are not built, may be tried again and of which no worker has said anything for a while."""
    built = PackageBuild.objects.filter(package=OuterRef("pk"))
    stirring = PackageProgress.objects.filter(package=OuterRef("pk"), noted_at__gt=now - SILENCE)
    exhausted = PackageProgress.objects.filter(
        package=OuterRef("pk"), attempt=MOST_ATTEMPTS, noted_at__lte=now - SILENCE
    )
    rows = EvidencePackage.objects.filter(
        ~Exists(built), ~Exists(stirring), ~Exists(exhausted), created_at__lte=now - SILENCE
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def is_given_up(package: EvidencePackage, *, now: datetime) -> bool:
    """Whether nobody builds it any more: the last attempt failed, or ended without a word."""
    if PackageBuild.objects.filter(package=package).exists():
        return False
    last = package.progress.filter(attempt__gte=MOST_ATTEMPTS).order_by("pk").last()
    return last is not None and (bool(last.error) or last.noted_at <= now - LONGEST)


def build_package(key: int, *, now: datetime) -> PackageBuild | None:
    """Build one package. A duplicate, late or lost call changes nothing; None where there is nothing to do.

    The archive appears in storage whole and its row after it: who is killed in between leaves no half package.
    """
    package = (
        EvidencePackage.objects.select_related(
            "site", "lot__site", "lot__material", "product_revision__product", "baseline", "requested_by"
        )
        .filter(pk=key)
        .first()
    )
    if package is None:
        return None
    with _alone(key) as alone:
        attempt = begin_attempt(package) if alone else None
        if attempt is None:
            return None
        try:
            return _build(package, attempt, now=now)
        except Exception as error:  # whatever it is: the person who waits must read it
            log.exception("package_not_built", package=package.code)
            note(package, attempt, error=f"{type(error).__name__}: {error}")
            return None


def _build(package: EvidencePackage, attempt: int, *, now: datetime) -> PackageBuild:
    subject = subject_of(package)
    heads = chain_heads(subject)
    tables: dict[str, list[Table]] = {}
    files: dict[str, bytes] = {VERIFIER: verifier()}
    for artifact in ARTIFACTS:
        tables[artifact.name] = artifact.tables(subject)
        files[artifact.name] = _written(artifact, tables[artifact.name], subject, now)
        note(package, attempt, artifact=artifact.name)
        hit("package.artifact")
    findings = missing_artifacts(tables) + integrity(subject, load=_records) + safety_findings(subject)
    for curve in subject.curves:
        with contextlib.suppress(FileLost):  # a missing curve is a finding of the checks
            files[f"05_raw/{curve.lot.code}-{curve.storage_sha256[:12]}.parquet"] = read_curve(
                curve.storage_sha256
            )
    if chain_heads(subject) != heads:
        raise RecordChanged("something was recorded on its lots while it was built; it is built again")
    manifest = {
        "package": package.code,
        "subject": package.subject,
        "site": package.site.code,
        "simulated": package.site.simulated,
        "built_at": canonical_instant(now),
        "artifacts": [[artifact.name, artifact.title] for artifact in ARTIFACTS],
        "findings": [[finding.check, finding.words] for finding in findings],
        "audit_heads": heads,
        "tables": {name: tables_digest(content) for name, content in tables.items()},
        "files": {name: digest(content) for name, content in sorted(files.items())},
    }
    archive = pack(package.code, files, manifest)
    name = keep(archive, Path(settings.PACKAGES_DIR), ".zip")
    hit("package.archived")
    return store_build(
        package,
        manifest=manifest,
        findings=findings,
        archive_sha256=name,
        archive_bytes=len(archive),
        now=now,
    )


def ask(
    site: Site, *, lot: Lot | None, product_revision: ProductRevision | None, user: User, now: datetime
) -> EvidencePackage:
    """Ask for a package and tell the workers once it is committed. Raises PackageRefused, NotPermitted."""
    with transaction.atomic():
        made = request_package(site, lot=lot, product_revision=product_revision, user=user, now=now)
        key = made.pk

        def send() -> None:
            publish_packages([key])

        transaction.on_commit(send, robust=True)
    return made


def sign(package: EvidencePackage, *, user: User, password: str, now: datetime) -> PackageIssue:
    """Sign the package and store the archive with the signature in it. Raises PackageRefused, SignatureRefused."""

    def seal(build: PackageBuild, signature: dict[str, Any]) -> tuple[str, int]:
        archive = read_archive(build.archive_sha256)
        signed = pack(package.code, members(archive), build.manifest, signature)
        return keep(signed, Path(settings.PACKAGES_DIR), ".zip"), len(signed)

    return sign_package(package, user=user, password=password, now=now, seal=seal)


def read_archive(name: str) -> bytes:
    """The stored archive of a name. Raises FileLost."""
    return fetch(name, Path(settings.PACKAGES_DIR), ".zip")


def _records(name: str) -> CyclerRecords:
    try:
        return load_records(name)
    except CurveMissing as error:
        raise ValueError(str(error)) from error


def _written(artifact: Artifact, tables: list[Table], subject: Subject, now: datetime) -> bytes:
    title = f"{artifact.name[:2]} {artifact.title}"
    if artifact.name.endswith(".csv"):
        return tables_csv(tables)
    if artifact.name.endswith(".xlsx"):
        return tables_xlsx(f"{subject.package.code}: {title}", tables)
    site = subject.package.site
    head = {
        "package": subject.package.code,
        "subject": subject.package.subject,
        "site": site.code,
        "site_name": site.name,
        "simulated": site.simulated,
        "built_at": instant(now),
    }
    return tables_pdf(title, tables, head=head, link=f"urn:uuid:{subject.package.uuid}")


@contextlib.contextmanager
def _alone(key: int) -> Iterator[bool]:
    """Whether no other worker builds this package. The lock is the session's: it ends with the worker."""
    name = f"package-worker:{key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        alone = bool(cursor.fetchone()[0])
        try:
            yield alone
        finally:
            if alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
