"""A visitor asks for the evidence of a cell lot of the simulated line; a real worker builds it, and it opens."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from lots.models import Lot, User
from mes import hints, packages
from mes.demo.load import load_demo
from mes.runtime.processes import wait_until
from mes.simulator.trial import site_in_process
from quality.models import PackageBuild, SafetyResult
from quality.package import offline_verifier
from quality.package.artifacts import ARTIFACTS
from quality.safety_chain import safety_gaps
from tests.support.cluster import Database
from tests.support.processes import Stack, run_stack

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def stack(fresh_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(hints, "_silent_until", 0.0)
    yield from run_stack(fresh_database, ["broker", "worker-1", "sweeper"])


def demo_lot(folder: Path) -> Lot:
    """One pair of rolls run to accepted cells; instruments deliver their files."""
    loaded = load_demo(state_directory=folder, now=timezone.now())
    keys = json.loads(loaded.keys_file.read_text())["keys"]
    line = site_in_process({name: entry["key"] for name, entry in keys.items()}).line(
        "test", seed=3, pairs=1, raw_every=1
    )
    line.driver.run()
    assert line.driver.summary.held == {}
    return Lot.objects.get(code=f"{line.store.prefix}-CL-0001-1-1")


def verified(archive: Path) -> int:
    command = [sys.executable, "-I", "-S", offline_verifier.__file__, str(archive)]
    return subprocess.run(command, check=False, timeout=60, capture_output=True).returncode


def test_the_package_of_a_simulated_lot_is_built_by_a_worker_and_opens(stack: Stack, tmp_path: Path) -> None:
    lot = demo_lot(tmp_path)
    assert SafetyResult.objects.filter(passed=True).exclude(raw_sha256="").count() == 4
    assert safety_gaps(lot.site) == []
    engineer = User.objects.get(username="qe.kim")
    packages.ask(lot.site, lot=lot, product_revision=None, user=engineer, now=timezone.now())
    assert wait_until(lambda: PackageBuild.objects.exists(), 120)
    build = PackageBuild.objects.get()
    # What a visitor has to do before signing; the safety chain is whole.
    assert {check for check, _ in build.findings} == {"08_decision_table.pdf", "capacity"}
    whole = tmp_path / "package.zip"
    whole.write_bytes(packages.read_archive(build.archive_sha256))
    assert build.manifest["simulated"] is True
    with zipfile.ZipFile(io.BytesIO(whole.read_bytes())) as opened:
        names = {Path(name).name: name for name in opened.namelist()}
        assert {artifact.name for artifact in ARTIFACTS} <= names.keys()
        for name, path in names.items():
            if name.endswith(".pdf"):
                assert opened.read(path).startswith(b"%PDF-")
            if name.endswith(".xlsx"):
                book = CalamineWorkbook.from_filelike(io.BytesIO(opened.read(path)))
                assert book.get_sheet_by_index(0).to_python()
    assert verified(whole) == 0
    changed = bytearray(whole.read_bytes())
    changed[len(changed) // 2] ^= 1
    whole.write_bytes(changed)
    assert verified(whole) != 0
