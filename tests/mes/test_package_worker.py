"""A worker builds evidence packages; killed midway it leaves no half package, and the package is built all the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from mes import hints, packages
from mes.runtime.processes import wait_until
from quality.models import EvidencePackage, PackageBuild, PackageProgress
from quality.package import offline_verifier
from quality.package.artifacts import ARTIFACTS
from tests.support.cluster import Database
from tests.support.packaged import documented_lot, package_plant
from tests.support.processes import Stack, run_stack

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def armed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "failpoints"
    folder.mkdir()
    monkeypatch.setenv("HALITE_FAILPOINTS", str(folder))
    return folder


@pytest.fixture
def stack(fresh_database: Database, armed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(hints, "_silent_until", 0.0)
    yield from run_stack(fresh_database, ["broker", "worker-1", "sweeper"])


def ask() -> EvidencePackage:
    plant = package_plant()
    return packages.ask(
        plant.site,
        lot=documented_lot(plant),
        product_revision=None,
        user=plant.engineer,
        now=timezone.now(),
    )


def archives() -> set[Path]:
    return set(Path(settings.PACKAGES_DIR).rglob("*.zip"))


def test_a_worker_killed_in_the_middle_of_a_package_begins_anew(
    stack: Stack, armed: Path, tmp_path: Path
) -> None:
    (armed / "package.artifact.once").write_text("kill")
    package = ask()
    assert wait_until(lambda: PackageBuild.objects.exists(), 90)
    written = PackageProgress.objects.filter(package=package).exclude(artifact="")
    assert written.filter(attempt=1).count() == 1, "the first attempt died after its first artifact"
    assert written.filter(attempt=2).count() == len(ARTIFACTS)
    build = PackageBuild.objects.get()
    assert build.findings == []
    whole = tmp_path / "package.zip"
    whole.write_bytes(packages.read_archive(build.archive_sha256))
    command = [sys.executable, "-I", "-S", offline_verifier.__file__, str(whole)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0


def test_a_worker_killed_before_its_archive_counts_leaves_nothing_that_counts(
    stack: Stack, armed: Path
) -> None:
    before = archives()
    (armed / "package.archived.once").write_text("stop")
    package = ask()
    assert wait_until(lambda: bool(archives() - before), 60)
    assert not list((armed).iterdir())
    stack.kill("worker-1")
    assert not PackageBuild.objects.exists()
    # Its lock dies with it, as soon as the database has noticed.
    assert wait_until(lambda: packages.build_package(package.pk, now=timezone.now()) is not None, 30)
    stack.start("worker-1")
    assert PackageBuild.objects.count() == 1
    assert set(PackageProgress.objects.values_list("attempt", flat=True)) == {1, 2}
    assert not [path for path in Path(settings.PACKAGES_DIR).rglob("*") if path.name.startswith(".writing-")]
