"""The exported trail verifies without Halite, and shows every change that is made to it."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.audit_export import export_audit
from lots.models import Lot, Measurement
from mes import pipeline
from quality.actions.hold import hold_by_hand
from tests.support.builders import Plant, make_plant, publish, specify
from tests.support.web import signed_in
from tests.support.worked import mixing_lot, release

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    return plant


@pytest.fixture
def lot(plant: Plant) -> Lot:
    """Measured twice, held by the second value, released."""
    lot = mixing_lot(plant)
    for value in ("65.10", "66.5"):
        plant.submit([plant.reading(SOLIDS, value, lot)])
    release(plant, lot)
    return lot


@pytest.fixture
def export(lot: Lot, tmp_path: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(export_audit(lot))) as archive:
        archive.extractall(tmp_path)
    return tmp_path / f"{lot.code}-audit"


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """As an auditor does: an isolated Python that sees no installed package."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify.py")], capture_output=True, text=True, check=False
    )


def rewrite(folder: Path, name: str, change: Callable[[list[dict[str, object]]], object]) -> None:
    """Change the rows of a file and put its new hash into the manifest, as a forger would."""
    rows = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    change(rows)
    (folder / name).write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_export_verifies_offline_and_names_its_chains(lot: Lot, export: Path) -> None:
    done = verify(export)
    assert (done.returncode, done.stdout) == (0, "everything verifies\n"), done.stderr
    chains = json.loads((export / "manifest.json").read_text())["chains"]
    assert chains[0] == f"lot:{lot.pk}" and chains[1].startswith("hold:") and len(chains) == 2


def test_one_changed_byte_is_found(export: Path) -> None:
    for name in ("events.jsonl", "submissions.jsonl", "heads.json"):
        whole = (export / name).read_bytes()
        (export / name).write_bytes(whole.replace(b"0", b"1", 1))
        done = verify(export)
        assert done.returncode == 1 and f"{name}: was changed after the export" in done.stdout
        (export / name).write_bytes(whole)
    assert verify(export).returncode == 0


def test_file_that_a_changed_byte_made_unreadable_is_named(export: Path) -> None:
    for name in ("events.jsonl", "submissions.jsonl", "heads.json", "manifest.json"):
        whole = (export / name).read_bytes()
        for broken in (whole.replace(b'"', b"#", 1), b"[1]" + whole[3:], b"\xff" + whole[1:]):
            (export / name).write_bytes(broken)
            done = verify(export)
            assert done.returncode == 1 and done.stdout.startswith("BAD ") and not done.stderr, name
            assert name == "manifest.json" or f"{name}: was changed" in done.stdout
        (export / name).write_bytes(whole)


def test_chain_deleted_whole_from_an_export_is_missed(export: Path) -> None:
    manifest = json.loads((export / "manifest.json").read_text())
    gone = manifest["chains"][1]
    heads = json.loads((export / "heads.json").read_text())
    del heads[gone]
    (export / "heads.json").write_text(json.dumps(heads))
    manifest["files"]["heads.json"] = hashlib.sha256((export / "heads.json").read_bytes()).hexdigest()
    (export / "manifest.json").write_text(json.dumps(manifest))
    rewrite(export, "events.jsonl", lambda rows: rows.__setitem__(slice(None), kept(rows, gone)))
    done = verify(export)
    assert done.returncode == 1 and f"{gone}: the whole chain is missing" in done.stdout


def kept(rows: list[dict[str, object]], gone: str) -> list[dict[str, object]]:
    return [row for row in rows if row["chain"] != gone]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("events.jsonl", lambda rows: rows.pop(1), "is missing"),
        ("events.jsonl", lambda rows: rows.pop(), "but its head says"),
        ("events.jsonl", lambda rows: rows[1].update(actor="nobody"), "does not match its hash"),
        ("events.jsonl", lambda rows: rows.insert(1, rows.pop(2)), "is missing"),
        ("submissions.jsonl", lambda rows: rows.pop(), "submission"),
        (
            "submissions.jsonl",
            lambda rows: rows[0]["measurements"][0].__setitem__(14, "65.2"),
            "its measurements do not match its digest",
        ),
    ],
)
def test_forged_export_with_a_new_manifest_is_found(
    export: Path, name: str, change: Callable[[list[dict[str, object]]], object], message: str
) -> None:
    rewrite(export, name, change)
    done = verify(export)
    assert done.returncode == 1 and message in done.stdout, done.stdout + done.stderr


def test_same_evidence_exports_to_the_same_bytes(lot: Lot) -> None:
    assert export_audit(lot) == export_audit(lot)


def test_command_and_page_deliver_it(plant: Plant, lot: Lot, tmp_path: Path) -> None:
    file = tmp_path / "trail.zip"
    call_command("export_audit", lot.code, site=plant.site.code, out=file, stdout=io.StringIO())
    assert file.read_bytes() == export_audit(lot)
    with pytest.raises(CommandError, match="exists; name another"):
        call_command("export_audit", lot.code, site=plant.site.code, out=file)
    with pytest.raises(CommandError, match="is not known"):
        call_command("export_audit", "NO-SUCH-LOT")
    make_plant().lot("T-RAW", code=lot.code)
    for command in ("export_audit", "verify_audit", "trace"):
        with pytest.raises(CommandError, match="exists at several sites; add --site CODE"):
            call_command(command, lot.code)
    answer = signed_in(plant.engineer).get(reverse("web:lot_audit", args=[lot.code]))
    assert answer.content == file.read_bytes() and "attachment" in answer["Content-Disposition"]


def test_verify_audit_of_a_lot_follows_its_holds(plant: Plant, lot: Lot) -> None:
    out = io.StringIO()
    call_command("verify_audit", lot.code, site=plant.site.code, stdout=out)
    assert out.getvalue().startswith("2 chain(s) verified")
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="again", user=plant.operator, now=timezone.now()
    )
    pipeline.sweep_once(now=timezone.now())
    out = io.StringIO()
    call_command("verify_audit", lot.code, site=plant.site.code, stdout=out)
    assert out.getvalue().startswith("3 chain(s) verified")


def test_negative_zero_of_a_rounded_value_is_the_zero_that_is_stored(plant: Plant, lot: Lot) -> None:
    """PostgreSQL keeps no sign of zero: a digest that did would call its own evidence forged."""
    plant.submit([plant.reading(SOLIDS, "-0.0", lot)])
    assert Measurement.objects.filter(lot_id=lot.pk, entered_text="-0.0").exists()
    call_command("verify_audit", lot.code)
