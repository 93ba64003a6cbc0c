"""Limits are drafted by one person, approved by another, and judge from then on; what was judged keeps its limits."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot
from quality.actions.sign import SignatureRefused, sign, verify
from quality.actions.specify import (
    SpecificationRefused,
    approve_specification,
    draft_content,
    draft_specification,
)
from quality.models import Judgement, Specification, SpecificationDraft, SpecificationLine
from quality.permissions import NotPermitted
from quality.specification_history import changes, history, waiting_draft
from quality.specifications import SpecificationBook
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, make_user, publish, specify
from tests.support.web import signed_in
from tests.support.worked import mixing_lot, revise_limits

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    add_line(plant, SOLIDS)
    publish(plant)
    return plant


def first_line(plant: Plant) -> SpecificationLine:
    return SpecificationLine.objects.filter(specification__product_revision=plant.product).earliest("pk")


def draft(plant: Plant, **given: str) -> SpecificationDraft:
    line = first_line(plant)
    fields = {
        "lsl": "64.2",
        "usl": "65.8",
        "severity": "must",
        "requirement": line.requirement.code,
        "source_type": "real_data",
        "source": "capability study",
        "effectivity": "now",
        "change_reason": "Ppk 2.1",
    }
    return draft_specification(
        line.specification.characteristic,
        plant.product,
        None,
        fields | given,
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
    )


def approve(plant: Plant, found: SpecificationDraft, **more: object) -> SpecificationLine:
    fields = {"site": plant.site, "user": plant.engineer, "password": PASSWORD, "now": timezone.now()}
    return approve_specification(found, **(fields | more))  # type: ignore[arg-type]


def limits_of(plant: Plant, lot: Lot, *, at: object = None) -> tuple[Decimal | None, Decimal | None]:
    line = first_line(plant)
    key = line.specification.characteristic_id
    book = SpecificationBook([key], at=at or timezone.now())  # type: ignore[arg-type]
    found = book.line_for_lot(key, lot)
    assert found is not None
    return found.lsl, found.usl


def test_a_draft_judges_nothing_and_an_approved_one_judges_what_comes_after(plant: Plant) -> None:
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "64.1", lot)])
    proposed = draft(plant)
    other = mixing_lot(plant)
    assert plant.submit([plant.reading(SOLIDS, "64.1", other)]).body["violations"] == []
    line = approve(plant, proposed)
    assert (line.revision, line.approval.signer) == (2, plant.engineer)
    assert verify(line.approval, draft_content(SpecificationDraft.objects.get(pk=proposed.pk)))
    later = mixing_lot(plant)
    (violation,) = plant.submit([plant.reading(SOLIDS, "64.1", later)]).body["violations"]
    assert "below LSL 64.2" in violation["message"]
    on_limit = mixing_lot(plant)
    assert plant.submit([plant.reading(SOLIDS, "64.2", on_limit)]).body["violations"] == []
    kept = Judgement.objects.get(lot_id=lot.pk)
    assert (kept.lsl, kept.usl, kept.verdict) == (Decimal(64), Decimal(66), "conforms")


def test_author_cannot_approve_and_a_wrong_password_signs_nothing(plant: Plant) -> None:
    found = draft(plant)
    with pytest.raises(SpecificationRefused, match="another person must approve"):
        approve(plant, found, user=plant.process_engineer)
    with pytest.raises(SignatureRefused):
        approve(plant, found, password="guess")
    with pytest.raises(NotPermitted):
        approve(plant, found, user=plant.operator)
    assert SpecificationLine.objects.count() == 1
    assert approve(plant, found, user=make_user(plant.site, "process_engineer")).revision == 2
    with pytest.raises(SpecificationRefused, match="in force already"):
        approve(plant, found)


def test_the_database_refuses_a_line_that_its_author_signed(plant: Plant) -> None:
    found = draft(plant)
    own = sign(
        user=plant.process_engineer,
        password=PASSWORD,
        meaning="approved",
        record_kind="specification",
        record_id="1",
        content=draft_content(found),
        now=timezone.now(),
    )
    with pytest.raises(DatabaseError, match="another person than its author"), transaction.atomic():
        SpecificationLine.objects.create(
            specification=found.specification,
            revision=2,
            lsl=found.lsl,
            requirement=found.requirement,
            source_type=found.source_type,
            source=found.source,
            effective_at=timezone.now(),
            change_reason="mine",
            draft=found,
            approval=own,
        )


def test_a_stale_or_older_draft_is_not_approved(plant: Plant) -> None:
    old = draft(plant)
    newer = draft(plant, lsl="64.3")
    with pytest.raises(SpecificationRefused, match="there is a newer one"):
        approve(plant, old)
    approve(plant, newer)
    assert waiting_draft(newer.specification) is None
    with pytest.raises(SpecificationRefused):
        approve(plant, old)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"lsl": "", "usl": ""}, "lsl"),
        ({"lsl": "66", "usl": "66"}, "usl"),
        ({"target": "70"}, "target"),
        ({"lsl": "sixty"}, "lsl"),
        ({"lsl": "NaN"}, "lsl"),
        ({"lsl": "64.123456789"}, "lsl"),
        ({"unit": "mm"}, "unit"),
        ({"severity": "may"}, "severity"),
        ({"requirement": "SI-NONE"}, "requirement"),
        ({"source": " "}, "source"),
        ({"change_reason": ""}, "change_reason"),
        ({"effectivity": "date", "effective_at": "tomorrow"}, "effective_at"),
        ({"effectivity": "date", "effective_at": "2020-01-01T06:00"}, "effective_at"),
        ({"lsl": "64", "usl": "66", "source_type": "assumption", "source": "test"}, "lsl"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    plant: Plant, given: dict[str, str], field: str
) -> None:
    with pytest.raises(SpecificationRefused) as caught:
        draft(plant, **given)
    assert field in dict(caught.value.problems)
    assert not SpecificationDraft.objects.exists()


def test_limits_in_another_unit_are_converted_exactly(plant: Plant) -> None:
    found = draft(plant, lsl="0.642", usl="0.658", unit="1")
    assert (found.lsl, found.usl, found.entered_unit) == (Decimal("64.2"), Decimal("65.8"), "1")


def test_from_the_next_lot_on_leaves_the_lots_that_are_there(plant: Plant) -> None:
    there = mixing_lot(plant)
    revise_limits(plant, SOLIDS, lsl="64.5", usl="65.5", effectivity="next_lot")
    made_later = mixing_lot(plant)
    assert limits_of(plant, there) == (Decimal(64), Decimal(66))
    assert limits_of(plant, made_later) == (Decimal("64.5"), Decimal("65.5"))
    revise_limits(plant, SOLIDS, lsl="64.9", usl="65.1")
    assert limits_of(plant, there) == limits_of(plant, made_later) == (Decimal("64.9"), Decimal("65.1"))


def test_a_lot_made_at_the_very_instant_gets_the_new_limits(plant: Plant) -> None:
    line = revise_limits(plant, SOLIDS, lsl="64.5", usl="65.5", effectivity="next_lot")
    lot = plant.lot()
    lot.created_at = line.effective_at
    assert limits_of(plant, lot) == (Decimal("64.5"), Decimal("65.5"))
    lot.created_at = line.effective_at - timedelta(microseconds=1)
    assert limits_of(plant, lot) == (Decimal(64), Decimal(66))


def test_from_a_date_on_at_that_very_instant(plant: Plant) -> None:
    date = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    found = draft(plant, effectivity="date", effective_at=date.isoformat())
    approve(plant, found)
    lot = plant.lot()
    assert limits_of(plant, lot) == (Decimal(64), Decimal(66))
    assert limits_of(plant, lot, at=date - timedelta(microseconds=1)) == (Decimal(64), Decimal(66))
    assert limits_of(plant, lot, at=date) == (Decimal("64.2"), Decimal("65.8"))


def test_a_date_that_has_passed_is_not_approved(plant: Plant) -> None:
    date = timezone.now() + timedelta(days=2)
    found = draft(plant, effectivity="date", effective_at=date.isoformat())
    with pytest.raises(SpecificationRefused, match="date has passed"):
        approve(plant, found, now=date + timedelta(seconds=1))


def test_a_running_order_keeps_its_limits_where_the_plan_says_so() -> None:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    add_line(plant, SOLIDS, limits_from="order")
    publish(plant)
    revise_limits(plant, SOLIDS, lsl="64.9", usl="65.1")
    lot = mixing_lot(plant)
    assert plant.submit([plant.reading(SOLIDS, "64.5", lot)]).body["violations"] == []
    assert Judgement.objects.get(lot_id=lot.pk).line.revision == 1


def test_one_sided_becomes_two_sided_in_readable_words(plant: Plant) -> None:
    found = draft(plant, lsl="", usl="65.8", severity="should")
    words = [
        (c.field, c.before, c.after, c.effect)
        for c in changes(first_line(plant), SpecificationDraft.objects.get(pk=found.pk))
    ]
    assert words[:4] == [
        ("LSL", "64 %", "none", "wider"),
        ("USL", "66 %", "65.8 %", "tighter"),
        ("Limits", "two-sided", "upper limit only", ""),
        ("Severity", "Must", "Should", ""),
    ]
    line = approve(plant, found)
    newest, first = history(line.specification)
    assert (newest.line.revision, first.changes) == (2, ())
    assert newest.changes[0].before == "64 %"


def test_pages_draft_compare_and_approve(plant: Plant) -> None:
    specification = Specification.objects.get(product_revision=plant.product)
    author, approver = signed_in(plant.process_engineer), signed_in(plant.engineer)
    form = reverse("web:specification_revise", args=[specification.pk])
    assert 'value="64"' in author.get(form).content.decode()
    assert approver.get(form).status_code == 403
    fields = {
        "lsl": "64.2",
        "usl": "65",
        "unit": "%",
        "severity": "must",
        "requirement": first_line(plant).requirement.code,
        "source_type": "handbook",
        "source": "7.1",
        "effectivity": "now",
        "change_reason": "tighter",
    }
    refused = author.post(form, fields | {"lsl": "x"})
    assert refused.status_code == 422 and "is no number" in refused.content.decode()
    page = author.post(form, fields, follow=True).content.decode()
    assert "Draft of revision 2" in page and "(tighter)" in page
    assert "Drafts waiting" in approver.get(reverse("web:specifications")).content.decode()
    sent = reverse("web:specification_approve", args=[SpecificationDraft.objects.get().pk])
    assert "Not approved" in author.post(sent, {"password": PASSWORD}, follow=True).content.decode()
    page = approver.post(sent, {"password": PASSWORD}, follow=True).content.decode()
    assert "Revision 2 is approved" in page and "Draft of revision" not in page


def test_a_new_specification_starts_with_a_choice(plant: Plant) -> None:
    author = signed_in(plant.process_engineer)
    url = reverse("web:specification_new")
    assert "Characteristic" in author.get(url).content.decode()
    asked = {"characteristic": "mixing.viscosity_pa_s", "product": str(plant.product.pk), "material": ""}
    assert "first issue" in author.get(url, asked).content.decode()
    known = asked | {"characteristic": SOLIDS}
    assert author.get(url, known).status_code == 302
    fields = {
        "usl": "5750",
        "unit": "mPa.s",
        "severity": "should",
        "requirement": first_line(plant).requirement.code,
        "source_type": "assumption",
        "source": "ours",
        "effectivity": "next_lot",
        "change_reason": "first issue",
    }
    author.post(url, asked | fields)
    found = SpecificationDraft.objects.get()
    assert (found.usl, found.based_on) == (Decimal("5.75"), 0)
    assert approve(plant, found).revision == 1


def test_api_reads_limits_revisions_and_the_draft(plant: Plant) -> None:
    client = ApiClient(plant.site, plant.engineer)
    revise_limits(plant, SOLIDS, lsl="64.5", usl="65.5")
    draft(plant, lsl="64.6")
    (item,) = client.get("/specifications", characteristic=SOLIDS).json()["items"]
    assert (item["in_force"]["revision"], Decimal(item["in_force"]["lsl"])) == (2, Decimal("64.5"))
    body = client.get(f"/specifications/{item['id']}").json()
    assert [each["revision"] for each in body["revisions"]] == [2, 1]
    assert body["revisions"][0]["changes"][0]["field"] == "LSL"
    assert Decimal(body["draft"]["lsl"]) == Decimal("64.6")
    assert client.get("/specifications/999999").status_code == 404
