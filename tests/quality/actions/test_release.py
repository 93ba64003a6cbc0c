"""Lots are released by somebody who recorded none of their values, when nothing blocks them; only then they leave."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.audit import verify as verify_audit
from lots.models import GenealogyLink, Lot, Movement, User
from mes.documents.certificate import certificate_content
from mes.documents.pdf import render
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.release import let_leave, release_lot
from quality.actions.sign import SignatureRefused, verify
from quality.actions.taking import ProductionRefused
from quality.models import Nonconformance, Release
from quality.permissions import NotPermitted
from quality.release_view import current_release, release_blockers, rows_of
from tests.support.builders import (
    PASSWORD,
    Plant,
    add_chart,
    add_line,
    make_plant,
    make_user,
    publish,
    specify,
)
from tests.support.web import signed_in
from tests.support.worked import evaluate_all
from tests.support.worked import release as dispose_all

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_line(plant, SOLIDS)
    add_chart(plant, "mixing.viscosity_pa_s")
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    return plant


@pytest.fixture
def lot(plant: Plant) -> Lot:
    return mixed(plant, "65.2", "65.4")


def mixed(plant: Plant, *values: str) -> Lot:
    lot = plant.lot()
    readings = [plant.reading(SOLIDS, value, lot) for value in values]
    execution = plant.start(lot, "mixing")
    plant.submit([*readings, plant.reading("mixing.viscosity_pa_s", "5", lot)])
    plant.finish(execution)
    evaluate_all()
    return lot


def sign_release(plant: Plant, lot: Lot, *, user: User | None = None, password: str = PASSWORD) -> Release:
    return release_lot(lot, user=user or plant.engineer, password=password, now=timezone.now())


def codes(plant: Plant, lot: Lot) -> list[str]:
    return [blocker.code.value for blocker in release_blockers(lot, user=plant.engineer, now=timezone.now())]


def test_release_is_signed_and_states_what_was_found(plant: Plant, lot: Lot) -> None:
    release = sign_release(plant, lot)
    assert verify(release.signature, release.content)
    (row,) = release.content["rows"]
    assert (row["count"], row["lowest"], row["mean"], row["highest"]) == (2, "65.2", "65.3", "65.4")
    assert (row["lsl"], row["usl"], row["violations"]) == ("64", "66", 0)
    assert (
        len(release.content["specification_only"]) == 1
    )  # the viscosity is charted, its limits are not frozen
    assert current_release(lot) == release
    assert list(verify_audit(lot.pk)) == []
    release.content["rows"][0]["mean"] = "65.0"
    assert not verify(release.signature, release.content)


def test_long_decimals_are_written_outwards(plant: Plant) -> None:
    """One decimal more than the characteristic has; a value outside a limit never looks as if it stood on it."""
    release = sign_release(plant, mixed(plant, "64.0000000001", "65.9999999999", "65.2123456789"))
    (row,) = release.content["rows"]
    assert (row["lowest"], row["highest"], row["violations"]) == ("64", "66", 0)
    (row,) = rows_of([mixed(plant, "63.9999999999", "66.0000000001")])
    assert (row.lowest, row.highest) == (Decimal("63.999"), Decimal("66.001"))


def test_everything_that_blocks_is_listed_at_once(plant: Plant) -> None:
    lot = plant.lot()
    plant.start(lot, "mixing")
    plant.submit([plant.reading(SOLIDS, "67", lot), plant.reading("mixing.viscosity_pa_s", "5", lot)])
    hold = lot.hold_members.get().hold
    Nonconformance.objects.create(
        site=plant.site, code="NC-1", title="lumps", lot=lot, hold=hold, opened_at=timezone.now()
    )
    assert set(codes(plant, lot)) == {"held", "step_open", "evaluation_pending", "nonconformance"}
    with pytest.raises(GateRefused, match="NC-1 is open: lumps"):
        sign_release(plant, lot)
    assert not Release.objects.exists()


def test_release_of_a_cell_lot_asks_every_cell(plant: Plant) -> None:
    group = plant.lot("T-CELL-LOT", quantity=2)
    cells = [plant.lot("T-CELL", quantity=1, group=group.code) for _ in range(2)]
    words = [b.message for b in release_blockers(group, user=None, now=timezone.now())]
    assert any(word.startswith(f"{cells[0].code}: ") for word in words)
    assert any(word.startswith(f"{cells[1].code}: ") for word in words)


def test_nobody_releases_what_they_recorded_or_may_not(plant: Plant, lot: Lot) -> None:
    recorder = make_user(plant.site, "quality_engineer")
    plant.source.user = recorder
    other = mixed_by(plant, recorder)
    assert codes_for(recorder, other) == ["independence"]
    with pytest.raises(GateRefused, match="you recorded values of it"):
        sign_release(plant, other, user=recorder)
    with pytest.raises(NotPermitted):
        sign_release(plant, lot, user=plant.operator)
    with pytest.raises(SignatureRefused):
        sign_release(plant, lot, password="guess")
    assert sign_release(plant, other, user=make_user(plant.site, "reviewer")).lot == other


def mixed_by(plant: Plant, user: User) -> Lot:
    from mes import pipeline

    lot = plant.lot()
    execution = plant.start(lot, "mixing")
    pipeline.record(plant.envelope([plant.reading(SOLIDS, "65", lot)], user=user), now=timezone.now())
    plant.finish(execution)
    evaluate_all()
    return lot


def codes_for(user: User, lot: Lot) -> list[str]:
    return [blocker.code.value for blocker in release_blockers(lot, user=user, now=timezone.now())]


def test_only_what_is_released_leaves(plant: Plant, lot: Lot) -> None:
    with pytest.raises(GateRefused, match="is not released"):
        let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())
    sign_release(plant, lot)
    let_leave([lot], Movement.Kind.PACK, user=plant.operator, now=timezone.now())
    lot.refresh_from_db()
    assert lot.state == Lot.State.PACKED
    let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())
    lot.refresh_from_db()
    assert lot.state == Lot.State.SHIPPED
    assert [m.kind for m in lot.movements.order_by("id")][-2:] == ["pack", "ship"]
    with pytest.raises(GateRefused):
        let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())


def test_what_joins_after_the_release_does_not_leave_under_it(plant: Plant, lot: Lot) -> None:
    sign_release(plant, lot)
    with pytest.raises(ProductionRefused, match="which says nothing of another one"):
        plant.lot(group=lot.code)
    joined = mixed(plant, "65.1")
    GenealogyLink.objects.create(
        parent=lot,
        child=joined,
        kind=GenealogyLink.Kind.MEMBER,
        quantity=joined.quantity,
        unit="kg",
        linked_at=timezone.now(),
    )
    with pytest.raises(GateRefused, match=f"does not name {joined.code}; release it anew"):
        let_leave([lot], Movement.Kind.PACK, user=plant.operator, now=timezone.now())
    assert not Movement.objects.filter(kind=Movement.Kind.PACK).exists()


def test_hold_after_the_release_ends_it(plant: Plant, lot: Lot) -> None:
    sign_release(plant, lot)
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="late finding", user=plant.operator, now=timezone.now()
    )
    assert current_release(lot) is None
    with pytest.raises(GateRefused):
        let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())
    dispose_all(plant, lot)
    assert current_release(lot) is None, "a disposition is no release"
    second = sign_release(plant, lot)
    assert (second.number, current_release(lot)) == (2, second)


def test_database_takes_no_release_of_a_held_lot_or_by_somebody_else(plant: Plant, lot: Lot) -> None:
    release = sign_release(plant, lot)
    fields = {"site": plant.site, "lot": lot, "content": {}, "released_at": timezone.now()}
    with pytest.raises(DatabaseError, match="needs a quality engineer"), transaction.atomic():
        Release.objects.create(**fields, number=9, released_by=plant.operator, signature=release.signature)


def test_page_lists_blockers_signs_and_delivers_the_certificate(plant: Plant, lot: Lot) -> None:
    client = signed_in(plant.engineer)
    url = reverse("web:lot_release", args=[lot.code])
    assert "it may be released" in client.get(url).content.decode()
    assert client.post(url, {"action": "release", "password": "guess"}).status_code == 422
    page = client.post(url, {"action": "release", "password": PASSWORD}, follow=True).content.decode()
    number = re.search(r"COC-\S+-000001", page)
    assert number is not None
    release = Release.objects.get()
    pdf = client.get(reverse("web:certificate", args=[release.pk]))
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF-1.")
    assert client.post(url, {"action": "ship"}).status_code == 302
    assert "shipped" in client.get(url).content.decode()
    stranger = signed_in(make_plant().engineer)
    assert stranger.get(reverse("web:certificate", args=[release.pk])).status_code == 404


def test_certificate_is_one_page_that_can_be_drawn(plant: Plant, lot: Lot) -> None:
    content = certificate_content(sign_release(plant, lot))
    picture = render("certificate", content, link="https://halite.example/lots/1/release/", pages_as="png")
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
