"""Bad lots of a case against good ones: what made them is found, kept in the case, and nobody is named."""

from __future__ import annotations

import json
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Equipment, Lot, ProcessStep, Shift
from quality.actions.compare_case import compare_case
from quality.actions.open_case import CaseRefused, open_case
from quality.actions.run_step import start_step
from quality.case_lots import compared_lots, lots_of_case
from quality.cases import case_view
from quality.crossed import crossed
from quality.models import CaseEntry, Nonconformance
from quality.permissions import NotPermitted
from tests.support.builders import Plant, make_plant, publish, specify
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
SOLIDS, VISCOSITY = "mixing.solids_pct", "mixing.viscosity_pa_s"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    Shift.objects.create(site=plant.site, name="all day", starts=time(0), ends=time(23, 59, 59))
    return plant


def mix(plant: Plant, machine: Equipment, solids: str, *, viscosity: str = "5") -> Lot:
    lot = plant.lot()
    start_step([lot], "mixing", user=plant.operator, equipment=machine, now=timezone.now())
    plant.submit([plant.reading(SOLIDS, solids, lot), plant.reading(VISCOSITY, viscosity, lot)])
    return lot


def mixer(plant: Plant, code: str, parent: Equipment | None = None) -> Equipment:
    step = ProcessStep.objects.get(code="mixing")
    return Equipment.objects.create(site=plant.site, code=code, name=code, step=step, parent=parent)


def batches(plant: Plant, *, bad: int = 6, good: int = 10) -> tuple[list[Lot], list[Lot], Equipment]:
    """What the second mixer mixed is too wet, but for one."""
    second = mixer(plant, "MIXING-2")
    wet = [mix(plant, second, f"63.{number:02}") for number in range(bad)]
    dry = [mix(plant, plant.equipment["mixing"], f"65.{number:02}") for number in range(good)]
    return wet, [*dry, mix(plant, second, "65.5")], second


def case_about(plant: Plant, lot: Lot) -> Nonconformance:
    return open_case(plant.site, lot=lot, title="too wet", user=plant.engineer, now=timezone.now())


def run(plant: Plant, case: Nonconformance, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"user": plant.engineer, "now": timezone.now(), "seed": 7}
    content: dict[str, Any] = compare_case(case, **(fields | more)).content
    return content


def test_machine_behind_the_named_lots_is_found_and_kept_with_all_that_repeats_it(plant: Plant) -> None:
    wet, dry, _ = batches(plant)
    case = case_about(plant, wet[0])
    content = run(plant, case, bad_codes=[lot.code for lot in wet])
    assert sorted(content["bad"]) == sorted(lot.code for lot in wet)
    assert sorted(content["good"]) == sorted(lot.code for lot in dry)
    assert (content["seed"], content["good_candidates"], content["chosen"]) == (7, 11, "named by hand")
    first = content["findings"][0]
    assert (first["factor"], first["level"]) == ("equipment of mixing", "MIXING-2")
    assert (first["bad_with"], first["good_with"]) == (6, 1)
    assert first["q"] < 0.01 and first["risk_ratio"] > 1
    assert content["data_to"]["execution"] > 0
    (entry,) = case_view(case).commonalities
    with pytest.raises(DatabaseError), transaction.atomic():
        CaseEntry.objects.filter(pk=entry.pk).update(content={})


def test_nobody_is_named_but_the_shift(plant: Plant) -> None:
    wet, _, _ = batches(plant)
    text = json.dumps(run(plant, case_about(plant, wet[0]), bad_codes=[lot.code for lot in wet]))
    assert plant.operator.username not in text and plant.operator.printed_name not in text
    assert "shift of mixing" not in text or "all day" in text


def test_bad_lots_are_those_of_the_hold_and_good_ones_were_never_held(plant: Plant) -> None:
    wet, dry, _ = batches(plant)
    hold = wet[0].hold_members.get().hold
    case = open_case(plant.site, hold=hold, user=plant.engineer, now=timezone.now())
    assert list(lots_of_case(case)) == [wet[0]]
    lots = compared_lots(lots_of_case(case).select_related("material", "product_revision__product"), seed=1)
    assert lots.bad == (wet[0].pk,)
    assert set(lots.good) == {lot.pk for lot in dry}  # the other wet ones are held
    content = run(plant, case)
    assert content["chosen"] == "the lots of the case"
    assert content["smallest_p"] == pytest.approx(1 / 12, rel=1e-3)  # one against eleven shows nothing at 5 %


def test_levels_that_go_together_are_named_as_confounded(plant: Plant) -> None:
    tray = mixer(plant, "TRAY-2")
    second = mixer(plant, "MIXING-2", parent=tray)
    wet = [mix(plant, second, f"63.{number:02}") for number in range(6)]
    for number in range(8):
        mix(plant, plant.equipment["mixing"], f"65.{number:02}")
    content = run(plant, case_about(plant, wet[0]), bad_codes=[lot.code for lot in wet])
    first = content["findings"][0]
    others = {("equipment of mixing", "MIXING-2"), ("tray of mixing", "TRAY-2")}
    assert {(first["factor"], first["level"]), *map(tuple, first["coincides"])} >= others


def test_bad_channel_is_told_from_bad_lots(plant: Plant) -> None:
    """Of five machines one reads high whatever it mixes: no lot is blamed for it."""
    step = ProcessStep.objects.get(code="mixing")
    machines = [
        Equipment.objects.create(site=plant.site, code=f"M-{n}", name="mixer", step=step) for n in range(5)
    ]
    made = []
    for number in range(40):
        machine = machines[number % 5]
        off = 0.9 if machine is machines[3] else 0.0
        solids = Decimal("64.5") + Decimal(number * 7 % 11) / 100 + Decimal(str(off))
        made.append(mix(plant, machine, str(solids), viscosity=str(5 + number * 3 % 7 / 100 + off)))
    bad = [lot.pk for number, lot in enumerate(made) if number % 5 == 3]
    good = [lot.pk for number, lot in enumerate(made) if number % 5 != 3]
    effects = crossed(bad, good)
    assert effects.values == 80
    assert (effects.odd[0].factor, effects.odd[0].level) == ("channel", "M-3")
    assert not any(one.factor == "lot" for one in effects.odd)
    few = crossed(bad[:2], good[:2])
    assert few.odd == () and "fewer than 20 values" in few.reason


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"bad_codes": ["NO-SUCH"]}, "bad: there is no lot NO-SUCH"),
        ({"material": "T-CELL"}, "material: one of T-SLURRY"),
    ],
)
def test_lots_that_are_not_there_are_refused(plant: Plant, more: dict[str, Any], message: str) -> None:
    case = case_about(plant, plant.lot())
    with pytest.raises(CaseRefused, match=message):
        run(plant, case, **more)
    assert not CaseEntry.objects.exists()


def test_lots_of_two_materials_and_a_person_who_may_not(plant: Plant) -> None:
    lot, raw = plant.lot(), plant.raw()
    case = case_about(plant, lot)
    with pytest.raises(CaseRefused, match="bad: compare lots of one material"):
        run(plant, case, bad_codes=[lot.code, raw.code])
    with pytest.raises(NotPermitted):
        run(plant, case, user=plant.operator)


def test_good_lots_are_drawn_by_the_seed_where_they_are_many(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    wet, _, _ = batches(plant, bad=1)
    monkeypatch.setattr("quality.case_lots.MOST_GOOD", 4)
    chosen = Lot.objects.filter(pk=wet[0].pk).select_related("material", "product_revision__product")
    once, again, other = (compared_lots(chosen, seed=seed) for seed in (3, 3, 4))
    assert once == again and len(once.good) == 4 and once.candidates == 11
    assert other.good != once.good


def test_page_compares_warns_and_cites(plant: Plant) -> None:
    wet, _, _ = batches(plant)
    case = case_about(plant, wet[0])
    client = signed_in(plant.engineer)
    url = reverse("web:case_commonality", args=[case.pk])
    assert "Not compared yet" in client.get(url).content.decode()
    refused = client.post(url, {"bad": "NO-SUCH"})
    assert refused.status_code == 422 and "Nothing was compared" in refused.content.decode()
    page = client.post(url, {"bad": " ".join(lot.code for lot in wet)}, follow=True).content.decode()
    assert "<b>6 bad</b> against <b>11 good</b>" in page and "MIXING-2" in page and "risk ratio" in page
    single = client.post(url, {"material": "T-SLURRY"}, follow=True).content.decode()
    assert "So few lots cannot tell anything from chance" in single
    assert "Commonality (2)" in client.get(reverse("web:case", args=[case.pk])).content.decode()
