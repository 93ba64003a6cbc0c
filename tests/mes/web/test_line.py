"""The line overview: what runs, what is held, what waits; in a bounded number of queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Membership, Zone
from mes import pipeline
from mes.web.waiting import by_next_step, lots_in_line, waiting_count
from quality.actions.hold import hold_by_hand
from tests.support.builders import Plant, add_chart, make_plant, make_user, publish
from tests.support.web import mixing_plant, running_mix, signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


def hold(plant: Plant, lot: Any) -> None:
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="scratched", user=plant.operator, now=timezone.now()
    )


def test_an_empty_site_says_so(django_assert_max_num_queries: Queries) -> None:
    page = signed_in(make_plant().engineer).get(reverse("web:line")).content.decode()
    for words in ("Nothing is held", "No open signals", "No zones", "no lot waits"):
        assert words in page


def test_running_held_and_waiting_lots_are_shown_with_their_values() -> None:
    plant = mixing_plant()
    running, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.solids_pct", "65.2", running)])
    waiting, stopped = plant.lot(), plant.lot()
    hold(plant, stopped)
    page = signed_in(plant.operator).get(reverse("web:line_board")).content.decode()
    assert running.code in page and "65.20" in page and "MIXING-1" in page
    assert waiting.code in page
    assert "scratched" in page and stopped.code in page


def test_a_zone_shows_its_last_frost_point() -> None:
    plant = make_plant()
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Dry room 1")
    plant.submit([plant.reading("dry_room.frost_point_c", "-51.4", zone=zone.code)])
    assert "-51.4" in signed_in(plant.operator).get(reverse("web:line")).content.decode()


def test_more_lots_do_not_cost_more_queries(django_assert_max_num_queries: Queries) -> None:
    plant = mixing_plant()
    for _ in range(6):
        lot, _ = running_mix(plant)
        plant.submit([plant.reading("mixing.solids_pct", "60", lot)])
        plant.lot()
    client = signed_in(plant.operator)
    with django_assert_max_num_queries(35):
        answer = client.get(reverse("web:line"))
    assert answer.context["board"].held_count == 6


def test_a_held_or_running_lot_does_not_wait() -> None:
    plant = mixing_plant()
    waiting, stopped = plant.lot(), plant.lot()
    running_mix(plant)
    hold(plant, stopped)
    assert list(lots_in_line(plant.site)) == [waiting]
    (lots,) = by_next_step(list(lots_in_line(plant.site).select_related("material"))).values()
    assert lots == [waiting]


def test_a_finished_lot_waits_for_nothing() -> None:
    plant = mixing_plant()
    plant.run(plant.lot(), "mixing")
    assert not lots_in_line(plant.site).exists()


def test_what_waits_depends_on_the_role() -> None:
    plant = mixing_plant()
    plant.lot()
    hold(plant, plant.lot())
    assert waiting_count(plant.site, [Membership.Role.OPERATOR]) == 1
    assert waiting_count(plant.site, [Membership.Role.QUALITY_ENGINEER]) == 1
    assert waiting_count(plant.site, [Membership.Role.AUDITOR]) == 0


def test_a_chart_with_its_baseline_waits_for_the_process_engineer() -> None:
    plant = make_plant()
    add_chart(plant, "mixing.viscosity_pa_s", phase1_subgroups=3)
    publish(plant)
    lot, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.viscosity_pa_s", value, lot) for value in ("5.0", "5.1", "4.9")])
    pipeline.sweep_once(now=timezone.now())
    assert waiting_count(plant.site, [Membership.Role.PROCESS_ENGINEER]) == 1
    page = signed_in(make_user(plant.site, Membership.Role.PROCESS_ENGINEER)).get(reverse("web:line"))
    assert "Charts ready to freeze" in page.content.decode()
