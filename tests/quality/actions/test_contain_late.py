"""A late reading inside a containment's window: what it says was made there is held like the rest of the window."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Hold, Lot
from lots.queries import active_holds
from mes import pipeline
from quality.actions import contain_late
from quality.actions.approve_limits import approve_limits
from quality.actions.contain_late import window_start_now
from quality.models import ReactionFiring
from spc.models import Chart, Signal
from spc.queries import current_points
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.web import signed_in
from tests.support.worked import SOLIDS, evaluate_all, mixing_lot, release

pytestmark = pytest.mark.django_db
# 2.3 sigma from the centre: two of them in three points are a signal, one is none.
FAR = "65.4"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_chart(plant, SOLIDS, rules="beyond_limits two_of_three_beyond_2s", reaction="contain")
    publish(plant)
    for number in range(20):
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", mixing_lot(plant))])
    evaluate_all()
    freeze(plant)
    return plant


def freeze(plant: Plant) -> None:
    approve_limits(
        Chart.objects.get(stream__plan__site=plant.site),
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )


def record(plant: Plant, lot: Lot, value: str, minute: float) -> None:
    start = timezone.now() - timedelta(minutes=30)
    plant.submit([plant.reading(SOLIDS, value, lot, measured_at=start + timedelta(minutes=minute))])
    evaluate_all()


def held_by(hold: Hold) -> set[int]:
    return set(
        active_holds(list(Lot.objects.values_list("pk", flat=True)))
        .filter(hold=hold)
        .values_list("lot_id", flat=True)
    )


def test_late_lot_inside_the_window_is_held_and_one_before_it_is_not(plant: Plant) -> None:
    before, first, late, last = (mixing_lot(plant) for _ in range(4))
    record(plant, first, FAR, 10)
    record(plant, last, FAR, 20)
    hold = ReactionFiring.objects.get(hold__isnull=False).hold
    assert held_by(hold) == {first.pk, last.pk}
    record(plant, late, "65.0", 15)
    assert held_by(hold) == {first.pk, late.pk, last.pk}
    record(plant, before, "65.0", 5)
    assert held_by(hold) == {first.pk, late.pk, last.pk}
    assert ReactionFiring.objects.filter(hold__isnull=False).count() == 1
    assert_evaluated_exactly_once()


def test_window_far_behind_the_earliest_of_a_burst_is_covered_too(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More signals than are looked at behind one place lie between the two readings that come late together."""
    monkeypatch.setattr(contain_late, "SIGNALS_BEHIND", 2)
    for minute, value in (
        (6, "67"),
        (7, "65.0"),
        (8, "67"),
        (9, "65.0"),
        (10, "67"),
        (11, "65.0"),
        (11.5, "65"),
    ):
        record(plant, mixing_lot(plant), value, minute)
    first, last, before, late = (mixing_lot(plant) for _ in range(4))
    record(plant, first, FAR, 12)
    record(plant, last, FAR, 14)
    hold = ReactionFiring.objects.filter(hold__isnull=False).latest("pk").hold
    assert held_by(hold) == {first.pk, last.pk}
    start = timezone.now() - timedelta(minutes=30)
    for lot, minute in ((before, 1), (late, 13)):
        reading = plant.reading(SOLIDS, "65.0", lot, measured_at=start + timedelta(minutes=minute))
        plant.submit([reading])
    evaluate_all()
    assert held_by(hold) == {first.pk, late.pk, last.pk}
    assert not active_holds([before.pk]).exists()


def test_what_a_disposition_released_is_not_held_again(plant: Plant) -> None:
    first, late, last = (mixing_lot(plant) for _ in range(3))
    record(plant, first, FAR, 10)
    record(plant, last, FAR, 20)
    hold = ReactionFiring.objects.get(hold__isnull=False).hold
    release(plant, first)
    record(plant, late, "65.0", 15)
    assert held_by(hold) == {late.pk, last.pk}


def test_lot_whose_reading_joins_a_held_subgroup_late_is_held_with_it() -> None:
    """Cells of a group are one point; the third was measured when the group had timed out and was held."""
    plant = make_plant()
    code = "filling.mass_before_g"
    fields = {"chart_family": "xbar-r", "subgroup_by": "group", "subgroup_size": 3}
    add_chart(plant, code, rules="beyond_limits", **fields)
    publish(plant)

    def weigh(group: Lot, mass: float) -> Lot:
        cell = plant.lot("T-CELL", quantity=1, group=group.code)
        plant.run(cell, "stacking")
        plant.start(cell, "filling")
        plant.submit([plant.reading(code, str(mass), cell)])
        return cell

    for number in range(10):
        group = plant.lot("T-CELL-LOT", quantity=3)
        for cell in range(3):
            weigh(group, 300 + cell + number % 2)
    evaluate_all()
    freeze(plant)
    group = plant.lot("T-CELL-LOT", quantity=3)
    early = [weigh(group, mass) for mass in (330, 331)]
    evaluate_all()
    pipeline.sweep_once(now=timezone.now() + timedelta(days=2))
    hold = ReactionFiring.objects.filter(hold__isnull=False, signal__panel="location").get().hold
    assert held_by(hold) == {cell.pk for cell in early}
    late = weigh(group, 332)
    evaluate_all()
    assert held_by(hold) == {cell.pk for cell in [*early, late]}


def test_window_is_found_under_the_numbers_of_today(plant: Plant) -> None:
    earlier, first, last = (mixing_lot(plant) for _ in range(3))
    record(plant, first, FAR, 10)
    record(plant, last, FAR, 20)
    firing = ReactionFiring.objects.get(hold__isnull=False)
    assert window_start_now(firing.signal) == firing.window_from_sequence == 20
    record(plant, earlier, "65.0", 5)
    assert window_start_now(firing.signal) == 21
    client, chart = signed_in(plant.engineer), firing.signal.chart_id
    point = current_points(chart).get(subgroup=firing.signal.point.subgroup_id).pk
    for name, args in (
        ("hold", [firing.hold_id]),
        ("containment", [firing.hold_id]),
        ("chart_point", [chart, point]),
    ):
        page = client.get(reverse(f"web:{name}", args=args)).content.decode()
        assert "from point 22" in page and "from point 21" not in page, name
    for minute in (16, 17):
        record(plant, mixing_lot(plant), "65.0", minute)
    assert not Signal.objects.filter(point__replaced_at__isnull=True).exists()
    assert window_start_now(firing.signal) is None
