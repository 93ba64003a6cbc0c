"""A pair of rolls through the whole simulated line: what is on record of it, and the evidence package of its cells."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from lots.models import CurveFile, GenealogyLink, Lot, Measurement, StepExecution, User
from lots.steps import CHARACTERISTICS
from mes import hints, packages
from mes.runtime.processes import wait_until
from mes.simulator.live import Line
from quality.models import PackageBuild, SafetyResult
from quality.package import offline_verifier
from quality.package.artifacts import ARTIFACTS
from quality.safety_chain import safety_gaps
from spc.models import Point
from tests.support.cluster import Database
from tests.support.processes import Stack, run_stack
from tests.support.simulated import codes, loaded_site


@pytest.fixture
def finished(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A pair of rolls through the whole line, with the records of every instrument."""
    line = loaded_site(tmp_path_factory.mktemp("line")).line("test", seed=3, pairs=1, raw_every=1)
    line.driver.run()
    assert (line.driver.summary.refusals, line.driver.summary.held) == ([], {})
    return line


@pytest.fixture
def stack(module_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(hints, "_silent_until", 0.0)
    yield from run_stack(module_database, ["broker", "worker-1", "sweeper"])


def parents(code: str) -> set[str]:
    links = GenealogyLink.objects.filter(child__code=code)
    return set(links.values_list("parent__code", flat=True))


def instruments_delivered_their_own_records(finished: Line) -> None:
    """Through the API, each once."""
    kept = CurveFile.objects.filter(lot__code__startswith=finished.store.prefix)
    assert Counter(kept.values_list("kind", flat=True)) == {
        "thickness": 2,
        "mass": 2,
        "pressure": 2,
        "cycling": 2,
        "impedance": 2,
    }
    assert finished.driver.gateway.counts.records == 10
    assert set(kept.values_list("unresolved", flat=True)) == {""}
    # A cell whose cycler file came has each capacity once, and as many readings as its neighbour without a file.
    capacities = Measurement.objects.filter(characteristic__code="formation.charge_capacity_ah")
    with_file = kept.filter(kind="cycling").values_list("lot_id", flat=True)
    for lot_id in with_file:
        positions = list(capacities.filter(lot_id=lot_id).values_list("position", flat=True))
        assert sorted(positions) == [1, 2, 3, 4]
    accepted = StepExecution.objects.filter(
        lot_id__in=with_file, route_step__step__code="acceptance", finished_at__isnull=False
    )
    assert accepted.count() == 2


def became_accepted_cells(finished: Line) -> None:
    """With their genealogy and all that the steps declare."""
    prefix = finished.store.prefix
    cells = codes(finished, "CELL-20AH")
    assert len(cells) == 24
    accepted = StepExecution.objects.filter(
        lot__code__in=cells, route_step__step__code="acceptance", finished_at__isnull=False
    )
    assert accepted.count() == 24
    # Every cell leads back to both slit rolls, both mother rolls and both slurries.
    assert parents(f"{prefix}-CL-0001-1-1-01") == {
        f"{prefix}-CL-0001-1-1",
        f"{prefix}-DC-0001-1",
        f"{prefix}-DA-0001-1",
    }
    assert parents(f"{prefix}-DC-0001-1") == {f"{prefix}-RC-0001"}
    assert f"{prefix}-SC-0001" in parents(f"{prefix}-RC-0001")
    assert parents(f"{prefix}-FC-0001") == {f"{prefix}-AL-FOIL-0001"}
    assert f"{prefix}-FC-0001" in parents(f"{prefix}-RC-0001")
    assert f"{prefix}-ELECTROLYTE-0001" in parents(f"{prefix}-CL-0001-1-1")
    # Everything that the steps declare is on record, computed values too.
    recorded = set(Measurement.objects.values_list("characteristic__code", flat=True).distinct())
    assert set(CHARACTERISTICS) - recorded == set()
    assert Measurement.objects.filter(quality="good").count() == Measurement.objects.count()
    assert Point.objects.filter(
        chart__stream__plan__characteristic__code="coating.loading_mean_mg_cm2"
    ).exists()


def verified(archive: Path) -> int:
    command = [sys.executable, "-I", "-S", offline_verifier.__file__, str(archive)]
    return subprocess.run(command, check=False, timeout=60, capture_output=True).returncode


@pytest.mark.flow
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_pair_of_rolls_becomes_accepted_cells_with_a_package_that_opens(
    stack: Stack, finished: Line, tmp_path: Path
) -> None:
    """One test of the three: the line takes long, and processes that share the tests out would each make their own."""
    instruments_delivered_their_own_records(finished)
    became_accepted_cells(finished)
    lot = Lot.objects.get(code=f"{finished.store.prefix}-CL-0001-1-1")
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
