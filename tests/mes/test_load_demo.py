"""Loading the demo line."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from lots.clock import site_time
from lots.models import (
    AuditEvent,
    Calibration,
    Gauge,
    Lot,
    Membership,
    RouteStep,
    Site,
    Source,
    User,
    WorkOrder,
)
from lots.queries import recipe_values
from lots.steps import DERIVATIONS
from mes.demo.credentials import DEMO_PASSWORD
from mes.demo.load import LoadedDemo, load_demo
from quality.actions.produce import NewLot, produce_lots
from quality.actions.sign import verify
from quality.gates import can_proceed
from quality.models import ControlPlanLine, GaugeVerdict
from quality.permissions import Action, may
from tests.support.demo import LOADED_AT

NOW = LOADED_AT

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def keys_of(demo: LoadedDemo) -> dict[str, dict[str, str]]:
    keys: dict[str, dict[str, str]] = json.loads(demo.keys_file.read_text(encoding="utf-8"))["keys"]
    return keys


def test_the_site_is_simulated_and_two_weeks_back(demo: LoadedDemo) -> None:
    assert demo.site.simulated
    assert NOW - site_time(demo.site, NOW) == timedelta(days=60)
    assert (demo.site.time_zone, demo.site.shifts.count()) == ("Europe/Berlin", 3)


def test_loading_again_writes_nothing(demo: LoadedDemo) -> None:
    before = AuditEvent.objects.count(), Lot.objects.count(), Calibration.objects.count()
    keys = keys_of(demo)
    again = load_demo(state_directory=demo.keys_file.parent, now=NOW + timedelta(hours=1))
    assert (AuditEvent.objects.count(), Lot.objects.count(), Calibration.objects.count()) == before
    assert keys_of(again) == keys


def test_every_step_may_start_with_the_demo_gauges(demo: LoadedDemo) -> None:
    needed = set(ControlPlanLine.objects.exclude(gauge_kind="").values_list("gauge_kind", flat=True))
    assert needed <= set(Gauge.objects.values_list("kind", flat=True))
    at = site_time(demo.site, NOW)
    assert not Calibration.objects.exclude(calibrated_at__lt=at, due_at__gt=at + timedelta(days=60)).exists()


def test_a_slurry_of_the_work_order_may_start_mixing_and_nothing_else(demo: LoadedDemo) -> None:
    operator = User.objects.get(username="op.ana")
    spec = NewLot(code="T-SC-1", material="SLURRY-CATHODE", quantity=300, work_order="WO-0001")
    slurry = produce_lots([spec], site=demo.site, user=operator, now=NOW)[0]
    assert can_proceed(slurry, "mixing", now=NOW) == []
    assert [b.code for b in can_proceed(slurry, "coating", now=NOW)] == ["not_on_route"]


def test_recipes_hold_what_derivations_need(demo: LoadedDemo) -> None:
    operator = User.objects.get(username="op.ana")
    specs = [
        NewLot(code=f"T-{material}", material=material, quantity=1, work_order="WO-0001")
        for material in ("ROLL-CATHODE", "ROLL-ANODE", "CELL-20AH", "ELECTROLYTE")
    ]
    cathode, anode, cell, electrolyte = produce_lots(specs, site=demo.site, user=operator, now=NOW)
    values = recipe_values([cathode, anode, cell, electrolyte])
    electrode = {"slurry_release", "coating", "drying", "calendering"}
    for derivation in DERIVATIONS:
        step = derivation.output.split(".")[0]
        made = electrolyte if step == "electrolyte_batch" else cell
        lots = (cathode, anode) if step in electrode else (made,)
        for lot in lots:
            assert set(derivation.recipe) <= values[lot.pk].keys(), derivation.output
    assert (values[cathode.pk]["solid_density_g_cm3"], values[anode.pk]["solid_density_g_cm3"]) == (
        3.95,
        1.856,
    )


def test_the_route_carries_interval_holds_up_to_slitting(demo: LoadedDemo) -> None:
    carried = RouteStep.objects.filter(carries_interval_hold=True).values_list("step__code", flat=True)
    assert set(carried) == {"coating", "drying", "calendering", "dry_room"}


def test_the_order_pins_plan_and_recipes(demo: LoadedDemo) -> None:
    order = WorkOrder.objects.get(site=demo.site, code="WO-0001")
    assert order.control_plan.revision == demo.control_plan
    assert order.recipes.count() == 10


def test_people_have_the_demo_password_and_machines_none(demo: LoadedDemo) -> None:
    assert User.objects.get(username="qe.kim").check_password(DEMO_PASSWORD)
    assert not User.objects.get(username="equipment.line").has_usable_password()
    assert not User.objects.get(username="logger.dryroom").has_usable_password()
    assert not User.objects.filter(is_superuser=True).exists()


def test_roles_decide_who_may_do_what(demo: LoadedDemo) -> None:
    def allowed(username: str, action: Action) -> bool:
        return may(User.objects.get(username=username), demo.site, action)

    assert allowed("qe.lopez", Action.DISPOSE) and not allowed("op.ana", Action.DISPOSE)
    assert allowed("pe.sato", Action.PUBLISH_PLAN) and not allowed("qe.kim", Action.PUBLISH_PLAN)
    assert allowed("equipment.line", Action.SET_CLOCK) and not allowed("auditor.hall", Action.RECORD)
    assert Membership.objects.count() == 17


def test_keys_are_stored_as_hashes_and_written_to_a_private_file(demo: LoadedDemo) -> None:
    keys = keys_of(demo)
    assert stat.S_IMODE(demo.keys_file.stat().st_mode) == 0o600
    assert {"op.ana", "logger.dryroom", "equipment.line", "qe.kim", "qe.lopez", "pe.sato"} <= keys.keys()
    assert "admin.root" not in keys
    for username, entry in keys.items():
        source = Source.objects.get(site=demo.site, code=entry["source"])
        assert source.user.username == username
        assert source.key_hash == hashlib.sha256(entry["key"].encode()).hexdigest()
        assert len(entry["key"]) >= 43  # 256 bits


def test_a_lost_key_file_gives_new_keys(demo: LoadedDemo, tmp_path: Path) -> None:
    before = keys_of(demo)
    assert not list(tmp_path.iterdir())  # no file of keys here
    after = keys_of(load_demo(state_directory=tmp_path, now=NOW))
    assert after.keys() == before.keys()
    assert all(after[name]["key"] != before[name]["key"] for name in before)
    assert Source.objects.get(code="equipment.line").key_hash == (
        hashlib.sha256(after["equipment.line"]["key"].encode()).hexdigest()
    )


def test_the_thickness_gauge_was_studied_and_its_verdict_signed_by_another_person(demo: LoadedDemo) -> None:
    verdict = GaugeVerdict.objects.select_related("study__planned_by", "signature__signer").get()
    study = verdict.study
    assert (study.gauge.code, study.characteristic.code, study.tolerance) == (
        "THK-1",
        "calendering.thickness_um",
        10,
    )
    assert study.readings.count() == len(study.order) == 90
    assert verdict.signature.signer not in (study.planned_by, study.readings.first().recorded_by)
    assert verdict.verdict == "marginal"  # 0.25 um of a gauge within 10 um of tolerance
    assert verify(verdict.signature, verdict.content)


def test_raw_material_may_be_consumed(demo: LoadedDemo) -> None:
    raw = Lot.objects.filter(code__in=demo.raw_lots)
    assert raw.count() == 7
    assert all(lot.simulated and lot.work_order is None for lot in raw)


def test_the_command_refuses_a_plant(settings: Settings) -> None:
    settings.PROFILE = "plant"
    before = Site.objects.count()
    with pytest.raises(CommandError, match="HALITE_PROFILE is plant: the demo has public passwords"):
        call_command("load_demo")
    assert Site.objects.count() == before


def test_load_masters_says_what_it_loaded() -> None:
    out = StringIO()
    call_command("load_masters", stdout=out)
    assert out.getvalue() == "18 steps, 111 characteristics, 60 requirements, 76 process windows, 6 gates\n"
