"""A case carries what it was opened from, is found again from there, and says when it is late."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Hold
from quality.actions.case import add_entry
from quality.actions.open_case import CaseRefused, open_case
from quality.cases import case_view, overdue_cases
from quality.models import Defect, Nonconformance
from quality.pareto import NAMED, classed_defects, defect_paretos, family_of
from quality.permissions import NotPermitted
from spc.models import Signal
from tests.support.builders import make_plant, make_user, publish, specify
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def charted() -> ChartedPlant:
    return frozen_plant()


def opened(charted: ChartedPlant, **about: Any) -> Nonconformance:
    return open_case(charted.plant.site, user=charted.plant.engineer, now=timezone.now(), **about)


def test_signal_hold_and_lot_of_a_case_belong_together_from_wherever_it_is_opened(
    charted: ChartedPlant,
) -> None:
    hold = charted.signal()
    signal = Signal.objects.get(pk=hold.source_id)
    case = opened(charted, signal=signal)
    assert (case.signal, case.hold, case.defect, case.lot) == (signal, hold, None, charted.batches[-1])
    assert case.title == hold.reason
    assert opened(charted, hold=hold) == case
    assert opened(charted, signal=signal) == case


def test_defect_leads_to_its_hold_and_a_second_defect_of_the_hold_to_the_same_case(
    charted: ChartedPlant,
) -> None:
    lot = charted.measure("9.5")
    defect = Defect.objects.get(lot=lot)
    case = opened(charted, defect=defect)
    assert (case.defect, case.hold, case.lot) == (defect, defect.hold, lot)
    assert opened(charted, hold=defect.hold) == case
    Nonconformance.objects.filter(pk=case.pk).update(state="closed")
    assert opened(charted, defect=defect) != case  # a closed case takes nothing more


def test_signal_found_again_by_a_replay_is_the_same_source(charted: ChartedPlant) -> None:
    hold = charted.signal()
    signal = Signal.objects.get(pk=hold.source_id)
    again = Signal(pk=10**9, chart=signal.chart, point=signal.point, rule=signal.rule, carried_from=signal)
    case = opened(charted, signal=again)
    assert case.signal == signal


def test_case_about_nothing_of_another_site_or_by_an_operator_is_refused(charted: ChartedPlant) -> None:
    plant = charted.plant
    with pytest.raises(CaseRefused, match="title: say in one line"):
        opened(charted, lot=charted.batches[0])
    elsewhere = make_plant()
    publish(elsewhere)
    with pytest.raises(CaseRefused, match=f"lot: it is not of {plant.site.code}"):
        opened(charted, lot=elsewhere.lot(), title="odd smell")
    with pytest.raises(NotPermitted):
        open_case(plant.site, lot=charted.batches[0], title="odd", user=plant.operator, now=timezone.now())
    assert not Nonconformance.objects.exists()


def test_point_hold_lot_and_case_link_to_each_other(charted: ChartedPlant) -> None:
    hold = charted.signal()
    signal, lot = Signal.objects.get(pk=hold.source_id), charted.batches[-1]
    client = signed_in(charted.plant.engineer)
    point = reverse("web:chart_point", args=[charted.chart.pk, signal.point_id])
    assert reverse("web:signal_case", args=[signal.pk]) in client.get(point).content.decode()
    answer = client.post(reverse("web:signal_case", args=[signal.pk]))
    case = Nonconformance.objects.get()
    url = reverse("web:case", args=[case.pk])
    assert answer["Location"] == url
    page = client.get(url).content.decode()
    for link in (
        f"{reverse('web:chart', args=[charted.chart.pk])}?point={signal.point_id}",
        reverse("web:hold", args=[hold.pk]),
        reverse("web:lot", args=[lot.code]),
    ):
        assert f'href="{link}"' in page
    for back in (point, reverse("web:hold", args=[hold.pk]), reverse("web:lot", args=[lot.code])):
        assert f'href="{url}"' in client.get(back).content.decode()
    reader = signed_in(make_user(charted.plant.site, "auditor"))
    assert reader.post(reverse("web:signal_case", args=[signal.pk])).status_code == 403


def test_lot_that_nothing_stopped_gets_a_case_in_words(charted: ChartedPlant) -> None:
    client = signed_in(charted.plant.engineer)
    url = reverse("web:lot_case", args=[charted.batches[0].code])
    refused = client.post(url, {"title": " "}, follow=True).content.decode()
    assert "No case was opened" in refused and not Nonconformance.objects.exists()
    client.post(url, {"title": "odd smell"})
    case = Nonconformance.objects.get()
    assert (case.title, case.lot, case.hold) == ("odd smell", charted.batches[0], None)
    assert [step.complete for step in case_view(case).steps][1] is False  # nothing is contained yet


def test_late_case_and_late_action_show_until_they_are_done(charted: ChartedPlant) -> None:
    case = opened(charted, lot=charted.batches[0], title="odd smell")
    plant = charted.plant

    def write(kind: str, **fields: str) -> int:
        return add_entry(case, kind, fields, user=plant.engineer, now=timezone.now()).pk

    write("owner", owner=plant.engineer.username, due="2020-02-01")
    assert overdue_cases(plant.site, date(2020, 2, 1)) == []  # the day itself is not late
    assert overdue_cases(plant.site, date(2020, 2, 2)) == [(case, ("the case, due 2020-02-01",))]
    write("owner", owner=plant.engineer.username, due="2999-01-01")  # the date was moved, with an author
    line = plant.plan.lines.earliest("pk")
    lever = {"lever": "control-plan line", "lever_key": str(line.pk)}
    action = write("action", statement="tighten the plan", due="2020-03-01", **lever)
    client = signed_in(plant.engineer)
    for name in ("web:review", "web:line", "web:cases"):
        page = client.get(reverse(name)).content.decode()
        assert "verdue" in page, name
    assert "tighten the plan, due 2020-03-01" in client.get(reverse("web:review")).content.decode()
    write("action_done", action=str(action), statement="done")
    assert overdue_cases(plant.site, date(2026, 1, 1)) == []
    assert "Overdue" not in client.get(reverse("web:line")).content.decode()


def test_family_of_a_defect_is_what_its_own_step_says_or_a_person_decided(charted: ChartedPlant) -> None:
    assert family_of("filling.retained_mass_g", below=True) == "underfill"
    assert family_of("filling.retained_mass_g", below=False) == "unclassified"  # overfilled is no family
    assert family_of("drying.residual_ppm", below=False) == "drying residue"
    assert family_of("calendering.porosity_pct", below=True) == "over-calendering"
    assert family_of("formation.discharge_capacity_ah", below=True) == "unclassified"  # a symptom only
    assert len(set(NAMED.values())) == len(NAMED)
    lot = charted.measure("9.5")
    charted.measure("9.6")
    case = opened(charted, defect=Defect.objects.get(lot=lot))
    fields = {"family": "handling", "reason": "wet bucket"}
    add_entry(case, "classification", fields, user=charted.plant.engineer, now=timezone.now())
    bars = defect_paretos(charted.plant.site)["family"]
    assert {bar.name: bar.count for bar in bars} == {"handling": 1, "unclassified": 1}


def test_bar_leads_to_its_lots(charted: ChartedPlant) -> None:
    lots = [charted.measure("9.5"), charted.measure("9.6")]
    client = signed_in(charted.plant.engineer)
    code = charted.plant.equipment["mixing"].code
    page = client.get(reverse("web:cases")).content.decode()
    assert f"{reverse('web:defects')}?by=equipment&amp;level={code}&amp;days=30" in page
    listed = client.get(reverse("web:defects"), {"by": "equipment", "level": code}).content.decode()
    assert all(reverse("web:lot", args=[lot.code]) in listed for lot in lots)
    assert "2 values out of specification on 2 lots" in listed
    none = client.get(reverse("web:defects"), {"by": "equipment", "level": "no-such"}).content.decode()
    assert "No such defects" in none and lots[0].code not in none
    client.post(reverse("web:defect_case", args=[Defect.objects.get(lot=lots[0]).pk]))
    again = client.get(reverse("web:defects")).content.decode()
    assert Nonconformance.objects.get().code in again


def test_defect_outside_of_every_shift_is_said_to_be_so() -> None:
    plant = make_plant()
    specify(plant, "mixing.solids_pct", lsl="64", usl="66")
    publish(plant)
    lot = plant.lot()
    plant.start(lot, "mixing")
    plant.submit([plant.reading("mixing.solids_pct", "60", lot)])
    (row,) = classed_defects(plant.site, since=timezone.now() - timedelta(days=1))
    assert row.levels["step"] == "Mixing" and row.levels["shift"] == "outside of shifts"
    assert Hold.objects.filter(defects=row.defect).exists()
