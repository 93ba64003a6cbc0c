"""What a process remembers of the master data: never an old answer, never one that was rolled back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lots import catalogue, masters, shifts
from lots.masters import steady
from lots.models import Membership, WorkOrder
from quality import (
    in_force,
    lot_sampling,
    named_gates,
    permissions,
    plans,
    shelf_life,
    shift_checks,
    specifications,
    spikes,
)
from quality.permissions import Action, may
from tests.support.builders import Plant, add_chart, make_plant, publish
from tests.support.cluster import Database

STAMP = "lots_masterstamp"


def queries_of(read: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        read()
    return [entry["sql"] for entry in captured.captured_queries]


@pytest.mark.django_db
def test_a_remembered_answer_costs_one_look_at_the_stamp() -> None:
    plant = make_plant()
    assert may(plant.operator, plant.site, Action.RECORD)
    asked = queries_of(lambda: may(plant.operator, plant.site, Action.RECORD))
    assert len(asked) == 1 and STAMP in asked[0]


@pytest.mark.django_db
def test_a_steady_block_looks_once() -> None:
    plant = make_plant()

    def twice() -> None:
        with steady():
            may(plant.operator, plant.site, Action.RECORD)
            with steady():
                may(plant.engineer, plant.site, Action.RECORD)

    twice()
    assert len(queries_of(twice)) == 1


@pytest.mark.django_db
def test_a_retired_membership_counts_at_once() -> None:
    plant = make_plant()
    assert may(plant.operator, plant.site, Action.RECORD)
    Membership.objects.filter(user=plant.operator).update(retired_at=timezone.now())
    assert not may(plant.operator, plant.site, Action.RECORD)


@pytest.mark.django_db
def test_what_is_rolled_back_was_never_known() -> None:
    plant = make_plant()
    assert not may(plant.operator, plant.site, Action.DISPOSE)

    class Regret(Exception):
        pass

    with pytest.raises(Regret), transaction.atomic():
        Membership.objects.create(user=plant.operator, site=plant.site, role="quality_engineer")
        assert may(plant.operator, plant.site, Action.DISPOSE)
        raise Regret
    assert not may(plant.operator, plant.site, Action.DISPOSE)


def test_a_change_by_another_connection_is_seen_by_the_next_transaction(fresh_database: Database) -> None:
    plant = make_plant()
    assert may(plant.operator, plant.site, Action.RECORD)

    def retire() -> None:
        try:
            Membership.objects.filter(user=plant.operator).update(retired_at=timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=retire)
    thread.start()
    thread.join()
    with steady(), transaction.atomic():
        assert not may(plant.operator, plant.site, Action.RECORD)


def calls(plant: Plant) -> dict[Callable[..., Any], tuple[Any, ...]]:
    """Arguments for each remembered read; whether there is such a row does not matter."""
    characteristic = catalogue.characteristics()["coating.areal_loading_mg_cm2"]
    line = plant.plan.lines.filter(chart_plan__isnull=False).first()
    assert line is not None and line.chart_plan_id is not None
    recipe = WorkOrder.objects.get(pk=plant.order.pk).recipes.first()
    assert recipe is not None
    return {
        catalogue.characteristics: (),
        catalogue.zones_of: (plant.site.pk,),
        catalogue.gauges_of: (plant.site.pk,),
        catalogue.dew_point_sensors: (1,),
        catalogue.calibrations_of: (1,),
        catalogue.route_of: (plant.product.pk, "mother_roll"),
        catalogue.recipe_revision: (plant.order.pk, recipe.material_id),
        catalogue.recipe_parameters: (recipe.recipe_revision_id,),
        permissions._roles: (plant.operator.pk, plant.site.pk),
        shifts._calendar: (plant.site.pk,),
        shift_checks._rules: (plant.site.pk,),
        shelf_life.rule_of: (1,),
        shelf_life.items_of: (1,),
        in_force._tightenings: (plant.site.pk,),
        in_force._stops: (plant.site.pk,),
        lot_sampling._sampled: (plant.plan.pk,),
        lot_sampling._discontinued: (plant.site.pk,),
        named_gates.gates_of: ("mother_roll",),
        spikes._has_spikes: (plant.site.pk,),
        plans._pinned: (plant.order.pk,),
        plans._kept: (plant.order.pk,),
        plans._gate_lines: (plant.plan.pk,),
        plans._newest: (plant.site.pk,),
        plans._charts: (plant.plan.pk,),
        plans._lines: (plant.plan.pk, line.step_id),
        plans._line_of_chart: (line.chart_plan_id,),
        specifications._lines_of: (characteristic.pk,),
    }


@pytest.mark.django_db
def test_remembered_reads_ask_only_the_tables_that_they_name() -> None:
    plant = make_plant()
    add_chart(plant, "coating.areal_loading_mg_cm2")
    publish(plant)
    arguments = calls(plant)
    assert arguments.keys() == masters.reads.keys(), "say here how the new read is called"
    for read, given in arguments.items():
        masters._answers.found.clear()
        statements = queries_of(partial(read, *given))
        asked = {table for sql in statements for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', sql)}
        assert asked, read
        assert asked <= {model._meta.db_table for model in masters.reads[read]}, read
