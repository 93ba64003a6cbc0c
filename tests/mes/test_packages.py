"""Evidence packages: complete or not signed, verified offline, detected after one changed byte, never half there."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from python_calamine import CalamineWorkbook

from lots.actions.place_hold import HeldExtent
from lots.models import Characteristic, CurveFile, Gauge
from mes import packages
from mes.documents.tables import tables_csv
from quality.actions.calibrate import record_calibration
from quality.actions.hold import hold_by_hand
from quality.actions.open_case import open_case
from quality.actions.package import MOST_ATTEMPTS, PackageRefused, begin_attempt
from quality.actions.safety import record_result
from quality.actions.sign import SignatureRefused
from quality.models import EvidencePackage, PackageBuild, PackageIssue, PackageProgress
from quality.package import matrix, offline_verifier
from quality.package.artifacts import ARTIFACTS
from quality.package.decisions import decision_table, safety_chain
from quality.package.safety import safety_findings
from quality.package.subject import subject_of
from quality.package.table import Table
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD, Plant, add_line, make_user, specify
from tests.support.packaged import built, documented_lot, package_plant
from tests.support.safety import write_chain

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return package_plant()


@pytest.fixture
def package(plant: Plant) -> EvidencePackage:
    return built(plant, documented_lot(plant))


def signed(plant: Plant, package: EvidencePackage, **changes: Any) -> PackageIssue:
    said = {"user": plant.engineer, "password": PASSWORD, "now": timezone.now()} | changes
    return packages.sign(package, **said)


def archive_of(made: PackageBuild | PackageIssue) -> bytes:
    return packages.read_archive(made.archive_sha256)


def unpack(archive: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)
    return next(folder.iterdir())


def verdict(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The verifier as somebody without Halite runs it."""
    command = [sys.executable, "-I", "-S", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def findings(package: EvidencePackage) -> list[str]:
    return [f"{check}: {words}" for check, words in package.build.findings]


def test_a_documented_lot_has_all_eleven_artifacts_and_nothing_to_settle(package: EvidencePackage) -> None:
    assert findings(package) == []
    files = package.build.manifest["files"]
    assert [artifact.name[:2] for artifact in ARTIFACTS] == [f"{number:02}" for number in range(11)]
    assert {artifact.name for artifact in ARTIFACTS} < files.keys()
    assert sum(name.startswith("05_raw/") for name in files) == 2
    assert list(package.progress.values_list("artifact", flat=True)) == ["", *(a.name for a in ARTIFACTS)]


def test_members_open_and_say_what_was_recorded(package: EvidencePackage, tmp_path: Path) -> None:
    folder = unpack(archive_of(package.build), tmp_path)
    for name in ("00_scope", "04_methods_and_calibration", "08_decision_table", "09_deviations"):
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF-")
    results = CalamineWorkbook.from_path(folder / "06_results.xlsx").get_sheet_by_index(0).to_python()
    assert results[0][:3] == ["Cell", "Lot", "Capacity, A·h"]
    assert [row[2] for row in results[1:]] == [1.79] * 2
    criterion = str(decision_table(subject_of(package))[0].rows[0][1])
    assert "no leak; 90 % of the sample with a capacity of at least" in criterion and "mohm" not in criterion
    revisions = CalamineWorkbook.from_path(folder / "01_revision_table.xlsx")
    assert revisions.sheet_names == ["Requirements", "Specifications", "Control plans", "Recipes"]
    with (folder / "03_traceability_map.csv").open(encoding="utf-8") as file:
        traced = list(csv.DictReader(file))
    assert len(traced) == 2 and {row["kind"] for row in traced} == {"Raw material"}
    with (folder / "05_raw_data.csv").open(encoding="utf-8") as file:
        raw = list(csv.DictReader(file))
    assert {row["characteristic"] for row in raw} >= {
        "formation.charge_capacity_ah",
        "acceptance.leak_free",
    }


def test_no_text_of_a_table_is_a_formula_in_a_spreadsheet() -> None:
    texts = ('=HYPERLINK("x")', "+1+cmd|'/C calc'!A0", "@SUM(A1)", "-2+3", "\t=1", "L-=1")
    numbers = ("-0.5", "+7", "-1.5E-3", "-3,14", "<5")
    written = tables_csv([Table("T", ("a",), ((*texts, *numbers, Decimal("-0.5"), -1, None),))]).decode()
    _, row = csv.reader(io.StringIO(written, newline=""))
    assert row == [*(f"'{text}" for text in texts[:5]), texts[5], *numbers, "-0.5", "-1", ""]


def test_offline_verifier_passes_in_the_folder_and_on_the_archive(
    plant: Plant, package: EvidencePackage, tmp_path: Path
) -> None:
    draft = unpack(archive_of(package.build), tmp_path / "draft")
    said = verdict(draft / "verify.py")
    assert (said.returncode, said.stdout) == (0, "everything verifies; a draft: nobody has signed it\n")
    issue = signed(plant, package)
    folder = unpack(archive_of(issue), tmp_path / "signed")
    assert verdict(folder / "verify.py").stdout.startswith(
        f"everything verifies; signed by {plant.engineer.printed_name}"
    )
    whole = tmp_path / "package.zip"
    whole.write_bytes(archive_of(issue))
    assert verdict(folder / "verify.py", whole).returncode == 0


def test_one_changed_byte_anywhere_in_the_archive_is_found(
    plant: Plant, package: EvidencePackage, tmp_path: Path
) -> None:
    archive = archive_of(signed(plant, package))
    assert offline_verifier.seal_problem(archive) == ""
    for place in (0, 7, len(archive) // 3, len(archive) - 70, len(archive) - 1):
        changed = bytearray(archive)
        changed[place] ^= 1
        assert offline_verifier.seal_problem(bytes(changed)) != "", place
    whole = tmp_path / "package.zip"
    changed = bytearray(archive)
    changed[len(archive) // 2] ^= 1
    whole.write_bytes(bytes(changed))
    said = verdict(Path(offline_verifier.__file__), whole)
    assert said.returncode == 1 and "BAD the archive was changed after it was sealed" in said.stdout


def test_one_changed_byte_in_any_file_of_the_folder_is_found(
    plant: Plant, package: EvidencePackage, tmp_path: Path
) -> None:
    folder = unpack(archive_of(signed(plant, package)), tmp_path)
    files = offline_verifier.read_folder(folder)
    assert list(offline_verifier.problems(files)) == []
    assert len(files) >= 11 + 2 + 4
    for name, content in files.items():
        for place in {0, len(content) // 2, len(content) - 1}:
            changed = bytearray(content)
            changed[place] ^= 1
            assert list(offline_verifier.problems(files | {name: bytes(changed)})), (name, place)
    assert list(offline_verifier.problems(files | {"11_more.pdf": b"x"}))
    del files["09_deviations.pdf"]
    assert list(offline_verifier.problems(files)) == ["09_deviations.pdf: is missing"]


def test_the_manifest_of_another_signature_does_not_pass(
    plant: Plant, package: EvidencePackage, tmp_path: Path
) -> None:
    """Whoever writes hashes and seal anew still lacks a signature under them."""
    files = offline_verifier.unpacked(archive_of(signed(plant, package)))
    manifest = json.loads(files["manifest.json"]) | {"subject": "Lot OTHER"}
    files["manifest.json"] = json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n"
    sealed = {name: offline_verifier.digest(files[name]) for name in ("manifest.json", "signature.json")}
    files["seal.json"] = json.dumps(sealed, sort_keys=True, indent=1).encode() + b"\n"
    assert list(offline_verifier.problems(files)) == ["signature.json: the manifest is not what was signed"]


def test_the_same_record_is_built_to_the_same_bytes(plant: Plant, package: EvidencePackage) -> None:
    again = packages._build(package, 2, now=timezone.now())
    assert again.pk == package.build.pk  # the first one that was done counts
    assert PackageBuild.objects.count() == 1


def test_what_was_never_tested_has_its_row_and_is_a_finding(plant: Plant) -> None:
    """Asked by the lots' own plan, also of what the cells were made from; air is on no route.

    What was specified after the lot was made blocks nothing: no gate asked for it.
    """
    specify(plant, "filling.retained_mass_g", lsl="1")
    specify(plant, "stacking.tab_resistance_mohm", usl="1")
    add_line(plant, "stacking.tab_resistance_mohm", required_count=0)
    specify(plant, "dry_room.frost_point_c", usl="-40")
    lot = documented_lot(plant)
    add_line(plant, "filling.retained_mass_g")  # missed: the plan asked, and no value came
    specify(plant, "stacking.alignment_um", lsl="1")
    specify(plant, "acceptance.ocv_loss_mv_week", usl="5")
    specify(plant, "formation.temperature_c", usl="40")
    package = packages.ask(
        plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now()
    )
    (table,) = matrix.test_matrix(subject_of(package))
    named = dict(Characteristic.objects.values_list("name", "code"))
    results = {named[str(row[3])]: (row[9], row[-1]) for row in table.rows}
    assert results == {
        "stacking.tab_resistance_mohm": (0, "not tested; not asked of each lot"),
        "stacking.alignment_um": (0, "not tested; not asked by the control plan"),
        "filling.retained_mass_g": (0, "not tested"),
        "formation.temperature_c": (2, "recorded before it was specified"),
        "acceptance.ocv_loss_mv_week": (0, "not tested; not asked by the control plan"),
        "formation.fce_pct": (2, "met"),
        "formation.charge_capacity_ah": (8, "recorded"),
        "formation.discharge_capacity_ah": (8, "recorded"),
        "formation.cutoffs_reached": (8, "recorded"),
        "acceptance.capacity_ah": (2, "met"),
        "acceptance.leak_free": (2, "met"),
    }
    (finding,) = matrix.untested(table)
    assert finding.words == "Retained electrolyte (Electrolyte filling): it was never tested"


def test_what_is_missing_is_named_and_blocks_the_signature(plant: Plant) -> None:
    package = built(plant, documented_lot(plant, curves=False, decided=False))
    said = findings(package)
    assert any(text.startswith("capacity: T-CELL-") and "no cycler file is kept" in text for text in said)
    assert "08_decision_table.pdf: nothing was decided: decide its acceptance or release it" in said
    with pytest.raises(PackageRefused, match="checks: 2 are open"):
        signed(plant, package)
    assert not PackageIssue.objects.exists()


def test_capacity_that_is_not_the_integral_of_its_current_is_found(plant: Plant) -> None:
    lot = documented_lot(plant)
    cell = CurveFile.objects.latest("pk").lot
    plant.submit([plant.reading("formation.discharge_capacity_ah", "1.9", cell, position="4")])
    (said,) = findings(built(plant, lot))
    assert said.startswith(
        f"capacity: {cell.code}: recorded discharge 7.3000 A·h, the current integrates to 7.2"
    )


def test_a_curve_that_was_changed_in_storage_is_found(plant: Plant) -> None:
    lot = documented_lot(plant)
    curve = CurveFile.objects.latest("pk")
    place = Path(settings.CURVES_DIR) / curve.storage_sha256[:2] / f"{curve.storage_sha256}.parquet"
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + b"x")
    try:
        said = findings(built(plant, lot))
    finally:
        place.write_bytes(whole)
    assert said and all("was changed in storage" in text for text in said)


def test_only_who_may_and_recorded_nothing_signs_and_only_once(
    plant: Plant, package: EvidencePackage
) -> None:
    with pytest.raises(NotPermitted):
        signed(plant, package, user=make_user(plant.site, "auditor"))
    with pytest.raises(SignatureRefused):
        signed(plant, package, password="guess")
    assert not PackageIssue.objects.exists()
    issue = signed(plant, package)
    assert issue.archive_sha256 != package.build.archive_sha256
    with pytest.raises(PackageRefused, match="signed already"):
        signed(plant, EvidencePackage.objects.get(pk=package.pk))


def test_who_recorded_a_value_does_not_sign(plant: Plant) -> None:
    lot = documented_lot(plant)
    cell = CurveFile.objects.latest("pk").lot
    own = plant.envelope([plant.reading("acceptance.ocv_loss_mv_week", "1", cell)], user=plant.engineer)
    from mes import pipeline

    pipeline.record(own, now=timezone.now())
    with pytest.raises(PackageRefused, match="another person must sign"):
        signed(plant, built(plant, lot))


def test_a_record_that_has_changed_since_is_not_signed(plant: Plant, package: EvidencePackage) -> None:
    cell = CurveFile.objects.latest("pk").lot
    plant.submit([plant.reading("acceptance.ocv_loss_mv_week", "1", cell)])
    with pytest.raises(PackageRefused, match="changed since it was built"):
        signed(plant, package)


def test_what_other_chains_record_keeps_a_package_from_being_signed(
    plant: Plant, package: EvidencePackage
) -> None:
    """Holds, calibrations, cases and safety tests are in no chain of a lot; each is named by its artifact."""
    cell = CurveFile.objects.latest("pk").lot
    by: dict[str, Any] = {"user": plant.engineer, "now": timezone.now()}
    due = {"calibrated_at": by["now"], "due_at": by["now"] + timedelta(days=9)}
    good = due | {"passed": True, "certificate": "C-7", "as_found_error": None}
    gauge = Gauge.objects.filter(site=plant.site).latest("pk")
    changes: tuple[tuple[str, Callable[[], object]], ...] = (
        (
            "deviations",
            lambda: hold_by_hand([HeldExtent(cell.pk)], site=plant.site, reason="scratched can", **by),
        ),
        ("deviations", lambda: open_case(plant.site, title="scratched", lot=cell, **by)),
        ("methods and calibration", lambda: record_calibration(gauge, **good, **by)),
        ("safety chain", lambda: write_chain(plant)),
    )
    for artifact, change in changes:
        with transaction.atomic():
            change()
            with pytest.raises(
                PackageRefused,
                match=rf"what it states \({artifact}\) changed since it was built; ask for a new",
            ):
                signed(plant, package)
            transaction.set_rollback(True)
    assert signed(plant, package).package == package


def test_packages_are_about_cells(plant: Plant) -> None:
    for lot, words in ((plant.lot(), "is no cell lot"), (plant.lot("T-CELL-LOT"), "has no cells")):
        with pytest.raises(PackageRefused, match=words):
            packages.ask(plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now())
    with pytest.raises(PackageRefused, match="approve the requirements baseline first"):
        packages.ask(
            plant.site, lot=None, product_revision=plant.product, user=plant.engineer, now=timezone.now()
        )


def test_a_builder_that_fails_says_so_and_gives_up_after_three(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = documented_lot(plant)
    package = packages.ask(
        plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now()
    )

    def broken(*_: object, **__: object) -> bytes:
        raise RuntimeError("no fonts")

    with monkeypatch.context() as patched:
        patched.setattr(packages, "tables_pdf", broken)
        for _ in range(MOST_ATTEMPTS + 1):
            assert packages.build_package(package.pk, now=timezone.now()) is None
    failed = PackageProgress.objects.exclude(error="").order_by("attempt")
    assert list(failed.values_list("attempt", "error")) == [
        (number, "RuntimeError: no fonts") for number in range(1, MOST_ATTEMPTS + 1)
    ]
    assert begin_attempt(package) is None and not PackageBuild.objects.exists()
    assert packages.is_given_up(package, now=timezone.now())


def test_three_attempts_that_ended_without_a_word_are_given_up(plant: Plant) -> None:
    lot = documented_lot(plant)
    package = packages.ask(
        plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now()
    )
    for _ in range(MOST_ATTEMPTS):
        assert begin_attempt(package) is not None  # and then its worker was killed
    now = timezone.now()
    assert not packages.is_given_up(package, now=now)
    assert packages.is_given_up(package, now=now + packages.LONGEST)


def test_the_sweeper_reminds_of_what_no_worker_stirs(plant: Plant) -> None:
    lot = documented_lot(plant)
    package = packages.ask(
        plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now()
    )
    soon, later = timezone.now(), timezone.now() + timedelta(seconds=30)
    assert packages.waiting_packages(now=soon) == []
    assert packages.waiting_packages(now=later) == [package.pk]
    packages.build_package(package.pk, now=timezone.now())
    assert packages.waiting_packages(now=later) == []


def test_broken_safety_chain_keeps_a_package_from_being_signed(plant: Plant) -> None:
    lot = documented_lot(plant)
    criterion = write_chain(plant)
    package = built(plant, lot)
    assert findings(package) == [
        "safety chain: HZ-1: FM-1 (trips too late) has no evidence: no cell was tested against CR-1"
    ]
    with pytest.raises(PackageRefused, match="safety chain"):
        signed(plant, package)
    cell = plant.lot("T-CELL", quantity=1)
    record_result(criterion, cell, value="3.79", raw_sha256="d" * 64, user=plant.engineer, now=timezone.now())
    assert findings(built(plant, lot)) == []
    record_result(criterion, cell, value="3.9", raw_sha256="e" * 64, user=plant.engineer, now=timezone.now())
    again = packages.ask(plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now())
    subject = subject_of(again)
    assert [finding.words for finding in safety_findings(subject)] == [
        f"CR-1: {cell.code} failed it with 3.9 V"
    ]
    evidence = [str(row[4]) for row in safety_chain(subject)[0].rows]
    assert ["3.79 V, passed" in evidence[0], "3.9 V, FAILED" in evidence[1], len(evidence)] == [True, True, 2]
