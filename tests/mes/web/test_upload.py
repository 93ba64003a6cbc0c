"""Uploading a cycler file: the result in words, and every refusal with its reason."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from lots.models import HoldLot, Measurement
from mes.web.views import upload
from tests.support.builders import Plant
from tests.support.cycling import full_cycles, records
from tests.support.exports import battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, just_now, two_cycles
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return formation_plant()


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def send(client: Client, lot: str, content: bytes, name: str = "cell.ndax") -> Any:
    return client.post(reverse("web:upload"), {"lot": lot, "file": SimpleUploadedFile(name, content)})


def test_cycles_efficiencies_and_judgement_are_shown(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    page = send(client, cell.code, two_cycles(started=just_now())).content.decode()
    assert "2 cycles" in page and "1.800000" in page and "90.00" in page and "reached" in page


def test_a_bad_cell_is_held_and_the_page_says_why(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    page = send(client, cell.code, two_cycles(discharge_minutes=40, started=just_now())).content.decode()
    assert "is now held because" in page and "below LSL 80" in page


def test_the_same_file_twice_is_recognised(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    content = two_cycles(started=just_now())
    send(client, cell.code, content)
    assert "nothing was stored twice" in send(client, cell.code, content).content.decode()


def test_running_test_is_no_early_cutoff_and_its_longer_file_takes_its_place(
    plant: Plant, client: Client
) -> None:
    cell, _ = cell_in_formation(plant)
    lines = battery_data_format(records(full_cycles(3))).splitlines(keepends=True)

    def bring(share: float, **ticked: str) -> str:
        file = SimpleUploadedFile("cell.csv", b"".join(lines[: round(share * len(lines))]))
        answer = client.post(reverse("web:upload"), {"lot": cell.code, "file": file, **ticked})
        return str(answer.content.decode())

    assert "The first cycle still runs" in bring(0.2, running="1")
    bring(0.5, running="1")
    assert "goes on where the one of" in bring(1.0, running="1")
    assert not HoldLot.objects.filter(lot=cell).exists()
    # Nothing told that the last cycle had ended; now the user does.
    assert "nothing was stored twice" in bring(1.0, running="1")
    assert "Recorded: 2 readings" in bring(1.0)
    charges = Measurement.objects.filter(lot_id=cell.pk, characteristic__code="formation.charge_capacity_ah")
    assert sorted(charges.values_list("position", flat=True)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (two_cycles()[:2000], "truncated or corrupt"),
        (b"", "is empty"),
        (b"time,voltage\n1,2\n", "no header of a known cycler export"),
        (b"PK\x03\x04" + b"\x00" * 200, "truncated or corrupt"),
    ],
)
def test_what_is_no_cycler_file_is_refused(plant: Plant, client: Client, content: bytes, reason: str) -> None:
    cell, _ = cell_in_formation(plant)
    answer = send(client, cell.code, content)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert reason in page and "Nothing was stored" in page
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()


def test_a_cell_not_in_formation_gets_a_link_to_the_station(plant: Plant, client: Client) -> None:
    cell = plant.lot("T-CELL", quantity=1)
    answer = send(client, cell.code, two_cycles())
    assert answer.status_code == 409
    assert reverse("web:station_lot", args=[cell.code]) in answer.content.decode()


def test_an_unknown_cell_is_refused(client: Client) -> None:
    answer = send(client, "NO-SUCH", two_cycles())
    assert answer.status_code == 422
    assert "No lot NO-SUCH" in answer.content.decode()


def test_reading_stops_at_the_size_cap(plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_BYTES", 100_000)
    cell, _ = cell_in_formation(plant)
    answer = send(client, cell.code, b"PK\x03\x04" + b"x" * 150_000)  # below the declared-length check
    assert answer.status_code == 413
    answer = send(client, cell.code, b"PK\x03\x04" + b"x" * 900_000)
    assert answer.status_code == 413
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()


def test_the_senders_name_never_reaches_the_file_system(
    plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, _ = cell_in_formation(plant)
    made: list[str] = []
    original = tempfile.NamedTemporaryFile

    def spy(*args: Any, **kwargs: Any) -> Any:
        file = original(*args, **kwargs)
        made.append(Path(file.name).name)
        return file

    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", spy)
    page = send(client, cell.code, b"not a test", name="../../evil<script>.ndax").content.decode()
    assert made and not any("evil" in name or "ndax" in name for name in made)
    assert "evil" not in page


def test_an_upload_without_the_token_is_refused(plant: Plant) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(plant.operator)
    cell, _ = cell_in_formation(plant)
    assert send(client, cell.code, two_cycles()).status_code == 403
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()
