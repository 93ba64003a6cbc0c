"""The post-mortem of a cell: custody, order, photographs, and no conclusion without the evidence that it names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot
from mes.documents.eight_d import eight_d_content
from mes.documents.pdf import render
from mes.photos import MAX_BYTES, NoPhoto, keep_photo, load_photo
from mes.storage import FileLost
from quality.actions.open_case import CaseRefused, open_case
from quality.actions.post_mortem import (
    StoredPhoto,
    begin_post_mortem,
    examine_layer,
    judge_hypothesis,
    pose_hypothesis,
    take_custody,
)
from quality.cases import case_view
from quality.models import CaseEntry, CasePhoto, Nonconformance
from quality.post_mortem import EVENTS, PostMortem
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
PHOTO = StoredPhoto("a" * 64, 10, "image/png")
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def cell(plant: Plant) -> Lot:
    return plant.lot("T-CELL", quantity=1)


@pytest.fixture
def case(plant: Plant, cell: Lot) -> Nonconformance:
    return open_case(
        plant.site, lot=cell, title="lost 12 % of its capacity", user=plant.engineer, now=timezone.now()
    )


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    settings.CURVES_DIR = str(tmp_path)


def found(case: Nonconformance) -> PostMortem:
    return case_view(case).post_mortem


def who(plant: Plant) -> dict[str, Any]:
    return {"user": plant.engineer, "now": timezone.now()}


def begin(plant: Plant, case: Nonconformance, **changes: Any) -> CaseEntry:
    now = timezone.now()
    events = {name: now + timedelta(hours=hour) for hour, name in enumerate(EVENTS)}
    assert case.lot is not None
    fields = {
        "lot": case.lot.code,
        "statement": "17.6 Ah where 20.0 is usual, from cycle 3",
        "events": events,
    }
    return begin_post_mortem(case, **(fields | changes), **who(plant))


def layer(plant: Plant, case: Nonconformance, name: str, **changes: Any) -> CaseEntry:
    fields: dict[str, Any] = {"notes": "grey film", "readings": [("film", "12", "um")], "photos": [PHOTO]}
    return examine_layer(case, layer=name, **(fields | who(plant) | changes))


def hypothesis(plant: Plant, case: Nonconformance, *needs: str) -> CaseEntry:
    fields = {"statement": "sodium plated", "falsifier": "no metal under the film", "next_test": "titration"}
    return pose_hypothesis(case, needs=needs, **fields, **who(plant))


def judge(plant: Plant, case: Nonconformance, entry: CaseEntry, verdict: str = "supported") -> CaseEntry:
    return judge_hypothesis(
        case, hypothesis=str(entry.pk), verdict=verdict, because="metal seen", **who(plant)
    )


def test_conclusion_needs_every_layer_that_the_hypothesis_names(plant: Plant, case: Nonconformance) -> None:
    begin(plant, case)
    take_custody(case, place="glove box 2", condition="bag 7, sealed", **who(plant))
    entry = hypothesis(plant, case, "anode", "separator")
    assert [one.status for one in found(case).hypotheses] == ["needs more evidence"]
    with pytest.raises(CaseRefused, match="not examined yet: separator, negative electrode"):
        judge(plant, case, entry)
    layer(plant, case, "separator")
    with pytest.raises(CaseRefused, match="not examined yet: negative electrode"):
        judge(plant, case, entry, "refuted")
    layer(plant, case, "anode")
    assert found(case).next == "judge the hypotheses by the evidence that they name"
    judge(plant, case, entry)
    assert [one.status for one in found(case).hypotheses] == ["supported"]
    assert found(case).next == ""


def test_what_destroys_nothing_comes_first(plant: Plant, case: Nonconformance) -> None:
    begin(plant, case)
    take_custody(case, place="bench", condition="closed", **who(plant))
    layer(plant, case, "outside")
    layer(plant, case, "imaging")
    layer(plant, case, "seal")
    with pytest.raises(CaseRefused, match="layer: the cell is open; voltage, impedance"):
        layer(plant, case, "electrical")
    with pytest.raises(CaseRefused, match="layer: one of outside"):
        layer(plant, case, "soul")
    layer(plant, case, "tabs")
    assert list(found(case).layers) == ["outside", "imaging", "seal", "tabs"]


def test_only_who_holds_the_cell_examines_it(plant: Plant, case: Nonconformance) -> None:
    with pytest.raises(CaseRefused, match="post-mortem: begin it first"):
        take_custody(case, place="bench", condition="closed", **who(plant))
    begin(plant, case)
    with pytest.raises(CaseRefused, match="custody: nobody holds the cell"):
        layer(plant, case, "outside")
    take_custody(case, place="bench", condition="closed", **who(plant))
    other = {"user": plant.process_engineer, "now": timezone.now()}
    with pytest.raises(CaseRefused, match=f"custody: {plant.engineer.printed_name} holds the cell"):
        layer(plant, case, "outside", **other)
    taken = take_custody(case, place="laboratory", condition="bag 8", **other)
    assert taken.content["taken_from"] == plant.engineer.username
    layer(plant, case, "outside", **other)
    with pytest.raises(CaseRefused, match="custody"):
        layer(plant, case, "tabs")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photos": []}, "photo: add at least one"),
        ({"notes": ""}, "notes: is needed"),
        ({"readings": []}, "readings: give at least one"),
        ({"readings": [("film", "thick", "um")]}, "readings: thick is not a number"),
        ({"readings": [("film", "NaN", "um")]}, "readings: give what was measured"),
        ({"readings": [("film", "12", "")]}, "readings: give what was measured"),
    ],
)
def test_layer_without_photograph_notes_or_reading_is_refused(
    plant: Plant, case: Nonconformance, changes: dict[str, Any], message: str
) -> None:
    begin(plant, case)
    take_custody(case, place="bench", condition="closed", **who(plant))
    with pytest.raises(CaseRefused, match=message):
        layer(plant, case, "outside", **changes)
    assert not CasePhoto.objects.exists()


def test_statement_lot_and_the_order_of_events_are_checked(plant: Plant, case: Nonconformance) -> None:
    now = timezone.now()
    backwards = {name: now - timedelta(hours=hour) for hour, name in enumerate(EVENTS)}
    for changes, message in (
        ({"events": backwards}, "first_sign_at: it cannot lie before"),
        ({"events": {}}, "last_good_at: give the instant"),
        ({"lot": "NO"}, "lot: there is no lot NO"),
        ({"statement": " "}, "statement: is needed"),
    ):
        with pytest.raises(CaseRefused, match=message):
            begin(plant, case, **changes)
    begin(plant, case)
    with pytest.raises(CaseRefused, match="it is begun"):
        begin(plant, case)
    with pytest.raises(CaseRefused, match="needs: the layers that must show it"):
        hypothesis(plant, case)


def test_photograph_is_kept_under_its_digest_and_refused_where_it_is_none(tmp_path: Path) -> None:
    stored = keep_photo(PNG)
    assert stored.media_type == "image/png" and load_photo(stored.sha256) == PNG
    (path,) = tmp_path.rglob("*.picture")
    path.write_bytes(PNG[:-1] + b"!")
    with pytest.raises(FileLost, match="was changed in storage"):
        load_photo(stored.sha256)
    with pytest.raises(NoPhoto, match="neither a JPEG nor a PNG"):
        keep_photo(b"<svg onload='x'/>")
    with pytest.raises(NoPhoto, match="at most 10 MB"):
        keep_photo(PNG + b"0" * MAX_BYTES)


def test_page_takes_a_cell_apart(plant: Plant, case: Nonconformance) -> None:
    client = signed_in(plant.engineer)
    url = reverse("web:post_mortem", args=[case.pk])
    assert "Next:" in client.get(url).content.decode()

    def post(kind: str, **fields: Any) -> str:
        return client.post(url, {"kind": kind} | fields, follow=True).content.decode()

    assert case.lot is not None
    events = {name: f"2026-03-0{day}T08:00" for day, name in enumerate(EVENTS, start=1)}
    assert "Give the instant" in post(
        "begin", lot=case.lot.code, statement="x", **(events | {"opened_at": "no"})
    )
    assert "take the cell into custody" in post("begin", lot=case.lot.code, statement="17.6 Ah", **events)
    assert "Only who holds the cell" in client.get(url).content.decode()
    post("custody", place="glove box", condition="bag 7")
    fields = {
        "layer": "anode",
        "notes": "grey film",
        "what": ["film", ""],
        "value": ["12", ""],
        "unit": ["um", ""],
    }
    bad = client.post(url, {"kind": "layer", "photos": [SimpleUploadedFile("a.png", b"text")]} | fields)
    assert bad.status_code == 422 and "neither a JPEG nor a PNG" in bad.content.decode()
    page = post("layer", photos=[SimpleUploadedFile("a.png", PNG)], **fields)
    photo = CasePhoto.objects.get()
    assert reverse("web:case_photo", args=[photo.pk]) in page and "grey film" in page
    picture = client.get(reverse("web:case_photo", args=[photo.pk]))
    assert picture.content == PNG and picture["Content-Type"] == "image/png"
    refused = post("hypothesis", statement="plated", needs=["anode"], falsifier="", next_test="titrate")
    assert "Falsifier is needed" in refused
    page = post("hypothesis", statement="plated", needs=["anode"], falsifier="none", next_test="titrate")
    assert "Needs more evidence" in page
    entry = CaseEntry.objects.get(kind="hypothesis")
    assert "Every hypothesis is judged" in post(
        "verdict", hypothesis=str(entry.pk), verdict="supported", because="metal"
    )
    content = eight_d_content(case_view(case))
    assert content["post_mortem"]["hypotheses"][0]["status"] == "supported"
    assert render("eight_d", content, link="https://halite.example/1/").startswith(b"%PDF")
    elsewhere = make_plant()
    publish(elsewhere)
    assert signed_in(elsewhere.engineer).get(reverse("web:case_photo", args=[photo.pk])).status_code == 404
    with pytest.raises(DatabaseError), transaction.atomic():
        CasePhoto.objects.update(name="other")
