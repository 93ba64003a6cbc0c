"""Named gates demand what the plan names, within limits; only signed decisions let a lot pass otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Characteristic, Lot, Membership, User
from lots.queries import active_holds
from mes import pipeline
from quality.actions.deviate import (
    LONGEST,
    DeviationRefused,
    deviation_content,
    request_deviation,
    sign_deviation,
)
from quality.actions.gate import GateRefused
from quality.actions.load_gates import load_gates
from quality.actions.load_table import LoadRefused
from quality.actions.sign import SignatureRefused, sign, verify
from quality.actions.taking import Input
from quality.blockers import Blocker, Code
from quality.gates import can_leave, can_proceed, whole_standing
from quality.models import Deviation, DeviationSignature, NamedGate
from quality.named_gates import State
from quality.package.decisions import deviations as packaged
from quality.permissions import NotPermitted
from quality.plan_table import unfit_gate
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, make_user, publish, specify
from tests.support.web import signed_in
from tests.support.worked import evaluate_all, release

pytestmark = pytest.mark.django_db
STACKED, VACUUM, SOAK = "stacking.alignment_um", "filling.vacuum_mbar", "filling.soak_min"


@pytest.fixture
def plant() -> Plant:
    """The assembly gate, before formation, demands alignment and soaking recorded, and the vacuum within limits."""
    load_gates()
    plant = make_plant()
    specify(plant, VACUUM, usl="0.2")
    add_line(plant, STACKED, gate="assembly", required_count=0)
    add_line(plant, VACUUM, gate="assembly", required_count=0)
    add_line(plant, SOAK, gate="assembly", required_count=1)
    publish(plant)
    return plant


def cell(plant: Plant, vacuum: str = "0.1", soak: str = "20") -> Lot:
    """A cell that is stacked and filled; an empty value is not recorded."""
    lot = plant.lot("T-CELL", quantity=1)
    plant.run(lot, "stacking", [plant.reading(STACKED, "20", lot)])
    readings = [(VACUUM, vacuum), (SOAK, soak)]
    plant.run(lot, "filling", [plant.reading(code, value, lot) for code, value in readings if value])
    return lot


def engineer_beside(plant: Plant) -> User:
    """Who asks: neither signer."""
    return make_user(plant.site, "quality_engineer")


def blockers(lot: Lot, *, at: datetime | None = None) -> list[Blocker]:
    return can_proceed(lot, "formation", now=at or timezone.now())


def ask(lot: Lot, plant: Plant, code: str = VACUUM, **more: object) -> Deviation:
    fields: dict[str, Any] = {
        "reason": "tester broken; cell is for the abuse test",
        "expires_at": timezone.now() + timedelta(hours=8),
        "user": engineer_beside(plant),
        "now": timezone.now(),
    }
    return request_deviation(lot, "assembly", Characteristic.objects.get(code=code), **(fields | more))


def signs(deviation: Deviation, *users: User, now: datetime | None = None) -> list[DeviationSignature]:
    found = Deviation.objects.select_related("lot", "site", "characteristic", "requested_by").get(
        pk=deviation.pk
    )
    return [sign_deviation(found, user=user, password=PASSWORD, now=now or timezone.now()) for user in users]


def test_a_value_exactly_on_the_limit_passes_and_one_value_is_enough(plant: Plant) -> None:
    lot = cell(plant, "0.2")
    assert blockers(lot) == []
    (gate,) = whole_standing(lot, now=timezone.now()).gates
    assert gate.is_passed and [check.state for check in gate.checks] == [State.PASSED] * 3
    assert [(check.have, check.needed) for check in gate.checks] == [(1, 1)] * 3


def test_a_missing_value_blocks_at_every_door(plant: Plant) -> None:
    """The plan alone would not ask for the vacuum: the gate does."""
    lot = cell(plant, vacuum="")
    (blocker,) = blockers(lot)
    assert (blocker.code, blocker.message) == (
        Code.GATE,
        f"Assembly gate: {Characteristic.objects.get(code=VACUUM).name} has 0 of 1 values",
    )
    with pytest.raises(GateRefused, match="Assembly gate"):
        plant.start(lot, "formation")
    assert not lot.executions.filter(route_step__step__code="formation").exists()
    body = {"step": "formation", "lots": [{"lot": lot.code, "equipment": plant.equipment["formation"].code}]}
    client = ApiClient(plant.site, plant.operator)
    answer = client.post("/steps/start", body)
    assert answer.status_code in {409, 422}
    gate = client.get(f"/lots/{lot.code}/gate", step="formation").json()
    assert [each["code"] for each in gate["blockers"]] == ["gate"]
    page = signed_in(plant.operator).get(reverse("web:station_lot", args=[lot.code])).content.decode()
    assert f"{reverse('web:lot', args=[lot.code])}#gates" in page


def test_the_gate_stands_before_its_step_and_not_earlier(plant: Plant) -> None:
    lot = plant.lot("T-CELL", quantity=1)
    plant.run(lot, "stacking")  # without the alignment
    assert can_proceed(lot, "filling", now=timezone.now()) == []


def test_out_of_limits_needs_a_deviation_beside_the_disposition(plant: Plant) -> None:
    """One signature releases no must value out of limits: decision 0015."""
    lot = cell(plant, "0.2000001")
    evaluate_all()
    assert {blocker.code for blocker in blockers(lot)} == {Code.HELD, Code.GATE}
    release(plant, lot)
    (blocker,) = blockers(lot)
    assert blocker.code == Code.GATE and "beside the disposition of its hold it needs a deviation" in str(
        blocker.message
    )
    with pytest.raises(GateRefused, match="Assembly gate"):
        plant.start(lot, "formation")
    deviation = ask(lot, plant)
    assert deviation.outside == "0.2000001"
    assert deviation_content(deviation)["outside"] == "0.2000001"
    signs(deviation, plant.engineer)
    assert [blocker.code for blocker in blockers(lot)] == [Code.GATE]
    signs(deviation, plant.process_engineer)
    assert blockers(lot) == []
    assert {blocker.code for blocker in blockers(lot, at=deviation.expires_at)} == {Code.GATE}
    check = whole_standing(lot, now=timezone.now()).gates[0].checks[1]
    assert check.state == State.DEVIATION and check.outside[0].decision == "release"
    subject: Any = SimpleNamespace(own_keys=[lot.pk], package=deviation, measurements=())
    (row,) = next(table for table in packaged(subject) if table.title == "Deviations").rows
    signers = "; ".join(user.printed_name for user in (plant.engineer, plant.process_engineer))
    assert (row[0], row[3], row[6]) == (lot.code, "0.2000001", signers)


def test_a_deviation_covers_no_value_that_came_after_it(plant: Plant) -> None:
    """It was signed for what was measured then; the next value out of limits is asked for anew."""
    lot = cell(plant, vacuum="")
    signs(ask(lot, plant), plant.engineer, plant.process_engineer)
    assert blockers(lot) == []
    plant.submit([plant.reading(VACUUM, "0.3", lot)])
    evaluate_all()
    release(plant, lot)
    (blocker,) = blockers(lot)
    assert "signed for other values" in blocker.message
    signs(ask(lot, plant), plant.engineer, plant.process_engineer)
    assert blockers(lot) == []


def test_a_censored_value_that_cannot_be_judged_blocks_and_a_deviation_lets_it_pass(plant: Plant) -> None:
    lot = cell(plant, vacuum="")
    plant.submit([plant.reading(VACUUM, "0.1", lot, qualifier=">")])
    assert {blocker.code for blocker in blockers(lot)} == {Code.UNDETERMINED}
    signs(ask(lot, plant), plant.engineer, plant.process_engineer)
    assert blockers(lot) == []


def test_two_people_sign_and_it_ends_at_that_very_instant(plant: Plant) -> None:
    lot, other = cell(plant, vacuum=""), cell(plant, vacuum="")
    deviation = ask(lot, plant)
    assert {blocker.code for blocker in blockers(lot)} == {Code.GATE}
    signs(deviation, plant.process_engineer)
    assert {blocker.code for blocker in blockers(lot)} == {Code.GATE}
    signs(deviation, plant.engineer)
    assert blockers(lot) == []
    assert {blocker.code for blocker in blockers(other)} == {Code.GATE}
    assert blockers(lot, at=deviation.expires_at - timedelta(microseconds=1)) == []
    assert {blocker.code for blocker in blockers(lot, at=deviation.expires_at)} == {Code.GATE}
    check = whole_standing(lot, now=timezone.now()).gates[0].checks[1]
    assert (check.state, check.deviation) == (State.DEVIATION, deviation)
    assert plant.start(lot, "formation")
    for each in DeviationSignature.objects.select_related("signature", "deviation__lot"):
        content = deviation_content(each.deviation) | {"side": each.side}
        assert verify(each.signature, content)


def test_it_lifts_no_hold_and_does_without_one_check_only(plant: Plant) -> None:
    lot = cell(plant, vacuum="", soak="")
    signs(ask(lot, plant), plant.engineer, plant.process_engineer)
    assert {blocker.code for blocker in blockers(lot)} == {Code.MISSING}
    signs(ask(lot, plant, SOAK), plant.engineer, plant.process_engineer)
    assert blockers(lot) == []
    held = cell(plant, "0.3")
    signs(ask(held, plant), plant.engineer, plant.process_engineer)
    assert {blocker.code for blocker in blockers(held)} == {Code.HELD}
    assert active_holds([held.pk]).exists()


def test_nobody_signs_twice_and_both_sides_are_needed(plant: Plant) -> None:
    lot = cell(plant, vacuum="")
    deviation = ask(lot, plant)
    signs(deviation, plant.engineer)
    with pytest.raises(DeviationRefused, match="you have signed it"):
        signs(deviation, plant.engineer)
    with pytest.raises(DeviationRefused, match="your role cannot give"):
        signs(deviation, make_user(plant.site, "quality_engineer"))
    with pytest.raises(NotPermitted):
        signs(deviation, plant.operator)
    found = Deviation.objects.select_related("lot", "site", "characteristic", "requested_by").get()
    with pytest.raises(SignatureRefused):
        sign_deviation(found, user=plant.process_engineer, password="guess", now=timezone.now())
    assert {blocker.code for blocker in blockers(lot)} == {Code.GATE}
    signs(deviation, make_user(plant.site, "reviewer"))
    assert blockers(lot) == []
    with pytest.raises(DeviationRefused, match="your role cannot give"):
        signs(deviation, plant.process_engineer)


def test_who_asked_or_measured_gives_neither_signature(plant: Plant) -> None:
    """Both roles do not help: independence is of the person."""
    lot = cell(plant, vacuum="")
    for role in ("process_engineer", "reviewer"):
        Membership.objects.create(user=plant.engineer, site=plant.site, role=role)
    deviation = ask(lot, plant, user=plant.engineer)
    with pytest.raises(DeviationRefused, match="signature: you asked for it; another person must sign"):
        signs(deviation, plant.engineer)
    forged = sign(
        user=plant.engineer,
        password=PASSWORD,
        meaning="x",
        record_kind="deviation",
        record_id="1",
        content={},
        now=timezone.now(),
    )
    with pytest.raises(DatabaseError, match="did not ask for it"), transaction.atomic():
        DeviationSignature.objects.create(deviation=deviation, side="quality", signature=forged)
    measured = plant.envelope([plant.reading(VACUUM, "0.1", lot)], user=plant.process_engineer)
    pipeline.record(measured, now=timezone.now())
    with pytest.raises(DeviationRefused, match="signature: you recorded values of the check"):
        signs(deviation, plant.process_engineer)
    assert not DeviationSignature.objects.exists()
    signs(deviation, engineer_beside(plant), make_user(plant.site, "reviewer"))
    assert deviation.signatures.count() == 2


def test_the_database_refuses_two_signatures_of_one_person(plant: Plant) -> None:
    deviation = ask(cell(plant, vacuum=""), plant)
    signs(deviation, plant.engineer)
    again = sign(
        user=plant.engineer,
        password=PASSWORD,
        meaning="x",
        record_kind="deviation",
        record_id="1",
        content={},
        now=timezone.now(),
    )
    with pytest.raises(DatabaseError, match="two people"), transaction.atomic():
        DeviationSignature.objects.create(deviation=deviation, side="process", signature=again)


def test_an_expired_one_is_not_signed_and_can_be_asked_for_again(plant: Plant) -> None:
    lot = cell(plant, vacuum="")
    deviation = ask(lot, plant)
    with pytest.raises(DeviationRefused, match="asked for or in force already"):
        ask(lot, plant)
    with pytest.raises(DeviationRefused, match="has expired"):
        signs(deviation, plant.engineer, now=deviation.expires_at)
    later = deviation.expires_at
    assert ask(lot, plant, now=later, expires_at=later + timedelta(hours=1))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reason": " "}, "reason"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
        ({"expires_at": timezone.now() + LONGEST + timedelta(hours=1)}, "expires_at"),
        ({"code": "filling.mass_before_g"}, "no gate of lot"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(plant: Plant, more: dict[str, Any], words: str) -> None:
    lot = cell(plant, vacuum="")
    with pytest.raises(DeviationRefused, match=words):
        ask(lot, plant, **more)
    assert not Deviation.objects.exists()


def test_a_gate_before_leaving_keeps_material_from_being_used() -> None:
    load_gates()
    plant = make_plant()
    add_line(plant, "mixing.viscosity_pa_s", gate="incoming", required_count=0)
    publish(plant)
    slurry = plant.lot()
    plant.run(slurry, "mixing")
    assert [blocker.code for blocker in can_leave(slurry, now=timezone.now())] == [Code.GATE]
    with pytest.raises(GateRefused, match="Incoming gate"):
        plant.lot("T-ROLL", length_mm=1000, inputs=[Input(parent=slurry.code, quantity=1)])  # type: ignore[arg-type]


def test_a_plan_names_only_gates_that_stand_behind_the_step() -> None:
    load_gates()
    gates = {(g.code, g.material_kind): g for g in NamedGate.objects.select_related("after_step")}

    def words(code: str, characteristic: str) -> list[str]:
        return unfit_gate(code, Characteristic.objects.get(code=characteristic), gates)

    assert words("assembly", VACUUM) == []
    assert "is no gate of cells" in words("electrode", VACUUM)[0]
    assert "stands behind Electrolyte filling" in words("assembly", "formation.ocv_v")[0]
    assert words("", VACUUM) == []


def test_gates_are_loaded_once_and_never_change(tmp_path: Any) -> None:
    assert load_gates() == load_gates() == NamedGate.objects.count()
    assert set(NamedGate.objects.values_list("code", flat=True)) == {
        "incoming",
        "electrode",
        "assembly",
        "formation",
        "post_formation",
    }
    other = tmp_path / "gates.csv"
    other.write_text(
        "code,position,material_kind,after_step,before_step,statement,source_type,source\n"
        "assembly,3,cell,stacking,formation,x,assumption,x\n"
    )
    with pytest.raises(LoadRefused, match="never changes"):
        load_gates(other)


def test_pages_show_each_check_ask_and_sign(
    plant: Plant, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    lot = cell(plant, vacuum="")
    engineer, process, other = (
        signed_in(user) for user in (plant.engineer, plant.process_engineer, engineer_beside(plant))
    )
    page = engineer.get(reverse("web:lot", args=[lot.code])).content.decode()
    url = reverse("web:deviation_ask", args=[lot.code, "assembly", VACUUM])
    assert "Assembly gate" in page and url in page and "0 of 1" in page
    operator = signed_in(plant.operator)
    assert url not in operator.get(reverse("web:lot", args=[lot.code])).content.decode()
    assert operator.get(url).status_code == 403
    assert "Ask for a deviation" in engineer.get(url).content.decode()
    refused = engineer.post(url, {"reason": "x", "expires_at": "soon"})
    assert refused.status_code == 422 and "Give date and time" in refused.content.decode()
    until = timezone.localtime(timezone.now() + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    page = engineer.post(url, {"reason": "tester broken", "expires_at": until}, follow=True).content.decode()
    assert "Waiting for signatures" in page and lot.code in page
    assert "two other people sign it" in page and 'name="password"' not in page
    sent = reverse("web:deviation_sign", args=[Deviation.objects.get().pk])
    assert operator.post(sent, {"password": PASSWORD}).status_code == 403
    page = engineer.post(sent, {"password": PASSWORD}, follow=True).content.decode()
    assert "Not signed. You asked for it" in page
    assert "Not signed" in other.post(sent, {"password": "x"}, follow=True).content.decode()
    page = other.post(sent, {"password": PASSWORD}, follow=True).content.decode()
    assert "One more person must sign" in page
    page = process.post(sent, {"password": PASSWORD}, follow=True).content.decode()
    assert "It is in force until it expires" in page
    with django_assert_max_num_queries(14):
        assert "In force" in process.get(reverse("web:deviations")).content.decode()
    assert "deviation until" in engineer.get(reverse("web:lot", args=[lot.code])).content.decode()


def test_gates_and_deviations_by_the_api(plant: Plant) -> None:
    lot = cell(plant, vacuum="")
    engineer, process = (ApiClient(plant.site, user) for user in (plant.engineer, plant.process_engineer))
    shown = engineer.get(f"/lots/{lot.code}/gates").json()
    (gate,) = [each for each in shown["gates"] if each["gate"] == "assembly"]
    assert not gate["passed"] and shown["next_step"] == "formation"
    (check,) = [each for each in gate["checks"] if each["characteristic"] == VACUUM]
    assert check["blocks"] and check["state"] == "missing"
    body = {
        "gate": "assembly",
        "characteristic": VACUUM,
        "reason": "pump log shows it",
        "expires_at": (timezone.now() + timedelta(days=1)).isoformat(),
    }
    path = f"/lots/{lot.code}/deviations"
    assert ApiClient(plant.site, plant.operator).post(path, body).status_code == 403
    assert engineer.post(path, body | {"characteristic": STACKED, "gate": "electrode"}).status_code == 409
    asked = engineer.post(path, body)
    assert asked.status_code == 201 and asked.json()["state"] == "waiting"
    sign = f"/deviations/{asked.json()['id']}/signature"
    refused = engineer.post(sign, {"password": PASSWORD})
    assert refused.status_code == 409 and "you asked for it" in refused.content.decode()
    other = ApiClient(plant.site, engineer_beside(plant))
    assert other.post(sign, {"password": PASSWORD}).json()["missing"] == ["Process or review"]
    assert other.post(sign, {"password": PASSWORD}).status_code == 409
    assert process.post(sign, {"password": PASSWORD}).json()["state"] == "in force"
    (listed,) = engineer.get("/deviations", lot=lot.code).json()["items"]
    assert len(listed["signatures"]) == 2
