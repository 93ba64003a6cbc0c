"""A concession of so much: no more is taken of it, and what is larger goes nowhere until that was split off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Lot
from quality.actions.dispose import Ruling, dispose
from quality.actions.hold import hold_by_hand
from quality.actions.taking import Input, ProductionRefused
from quality.gates import can_leave, can_proceed
from quality.models import Disposition
from tests.support.builders import PASSWORD, Plant, make_plant, publish

pytestmark = pytest.mark.django_db
D = Disposition.Decision


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def decide(
    plant: Plant,
    lots: Sequence[Lot],
    quantity: str = "",
    *,
    decision: Disposition.Decision = D.CONCESSION,
    extent: tuple[int, int] | None = None,
    days: int = 1,
    later: timedelta = timedelta(),
) -> None:
    """Hold the lots (`extent`: of the roll) and decide so about them; what was made of them stays held."""
    now = timezone.now() + later
    extents = [HeldExtent(lot.pk, *(extent or (None, None))) for lot in lots]
    hold = hold_by_hand(extents, site=plant.site, reason="too wet", user=plant.operator, now=now)
    conceded = decision == D.CONCESSION
    ruling = Ruling(
        decision,
        "good enough for this",
        concession_quantity=Decimal(quantity) if conceded else None,
        concession_expires_at=now + timedelta(days=days) if conceded else None,
    )
    keys = list(hold.members.filter(lot__in=lots).values_list("pk", flat=True))
    dispose(keys, ruling, site=plant.site, user=plant.engineer, password=PASSWORD, now=now)


def take(plant: Plant, lot: Lot, quantity: str, **more: object) -> Lot:
    return plant.lot(inputs=[Input(parent=lot.code, quantity=Decimal(quantity), **more)])  # type: ignore[arg-type]


def codes(lot: Lot, later: timedelta = timedelta()) -> list[str]:
    return [blocker.code.value for blocker in can_leave(lot, now=timezone.now() + later)]


def test_no_more_is_taken_than_was_conceded(plant: Plant) -> None:
    raw = plant.raw(quantity=1_000)
    take(plant, raw, "100")  # before anything was wrong: counts against nothing
    decide(plant, [raw], "5")
    assert codes(raw) == ["conceded_in_part"]
    (blocker,) = can_leave(raw, now=timezone.now())
    assert blocker.message.startswith("only 5 kg were conceded, of 900; split that off first")
    with pytest.raises(ProductionRefused, match=r"5\.001 kg of .* wanted; 5 kg were conceded, 0 of them"):
        take(plant, raw, "5.001")
    part = take(plant, raw, "3")
    assert can_proceed(part, "mixing", now=timezone.now()) == []
    take(plant, raw, "2")
    with pytest.raises(ProductionRefused, match="5 of them taken since; have more conceded"):
        take(plant, raw, "0.001")
    decide(plant, [raw], "800")  # the latest counts, and from when it was signed
    take(plant, raw, "800")
    with pytest.raises(ProductionRefused, match="800 of them taken since"):
        take(plant, raw, "1")


def test_step_starts_only_where_all_was_conceded(plant: Plant) -> None:
    short, whole = plant.lot(), plant.lot()
    decide(plant, [short], "99.999")
    decide(plant, [whole], "100")
    found = can_proceed(short, "mixing", now=timezone.now())
    assert [blocker.code.value for blocker in found] == ["conceded_in_part"]
    assert can_proceed(whole, "mixing", now=timezone.now()) == []


def test_release_of_another_hold_does_not_enlarge_it_and_a_decision_after_its_end_ends_it(
    plant: Plant,
) -> None:
    raw = plant.raw()
    decide(plant, [raw], "5")
    decide(plant, [raw], decision=D.RELEASE)
    assert codes(raw) == ["conceded_in_part"]
    assert codes(raw, timedelta(days=2)) == ["concession_expired"]
    decide(plant, [raw], decision=D.RELEASE, later=timedelta(days=2))
    assert codes(raw, timedelta(days=2)) == []


def test_amount_is_for_the_lots_of_a_decision_together(plant: Plant) -> None:
    first, second, other = plant.raw(quantity=3), plant.raw(quantity=3), plant.raw(quantity=3)
    decide(plant, [first, second], "5")
    assert codes(first) == codes(second) == ["conceded_in_part"]
    assert codes(other) == []
    take(plant, first, "3")
    with pytest.raises(ProductionRefused, match="3 of them taken since"):
        take(plant, second, "2.5")
    take(plant, second, "2")
    decide(plant, [second], "1")  # it stands alone now
    take(plant, second, "1")


def test_concession_of_metres_binds_only_those(plant: Plant) -> None:
    roll = plant.lot("T-COLLECTOR", quantity=100, length_mm=100_000)
    decide(plant, [roll], "4", extent=(40_000, 50_000))
    assert "conceded_in_part" in codes(roll)
    with pytest.raises(ProductionRefused, match=r"5 m of .* wanted; 4 m were conceded"):
        take(plant, roll, "10", from_mm=35_000, to_mm=45_000)
    take(plant, roll, "40", from_mm=0, to_mm=40_000)
    take(plant, roll, "14", from_mm=46_000, to_mm=60_000)
    with pytest.raises(ProductionRefused, match="4 of them taken since"):
        take(plant, roll, "1", from_mm=45_000, to_mm=46_000)
