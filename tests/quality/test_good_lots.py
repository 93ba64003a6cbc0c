"""Good lots: with which others are compared. Cells that failed are no reference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Lot
from quality.actions.dispose import Ruling, dispose
from quality.actions.hold import hold_by_hand
from quality.good_lots import good_among
from quality.models import Disposition
from quality.suspects import suspect_defects
from tests.support.builders import PASSWORD, Plant, make_plant, publish

pytestmark = pytest.mark.django_db

Decision = Disposition.Decision


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def formed(plant: Plant) -> Lot:
    cell = plant.lot("T-CELL", quantity=1)
    for step in ("stacking", "filling", "formation"):
        plant.run(cell, step)
    return cell


def held(plant: Plant, lot: Lot) -> list[int]:
    hold = hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="dented", user=plant.operator, now=timezone.now()
    )
    return list(hold.members.values_list("pk", flat=True))


def decide(plant: Plant, lot: Lot, ruling: Ruling) -> None:
    dispose(
        held(plant, lot),
        ruling,
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )


def test_only_what_was_not_found_wanting_is_good(plant: Plant) -> None:
    untouched, waiting, cleared, narrowed, scrapped, conceded = (formed(plant) for _ in range(6))
    held(plant, waiting)
    decide(plant, cleared, Ruling(Decision.RELEASE, "measured again, within limits"))
    decide(plant, narrowed, Ruling(Decision.NARROW, "not of the dented box"))
    decide(plant, scrapped, Ruling(Decision.SCRAP, "dented"))
    until = timezone.now() + timedelta(days=3)
    conceded_to = Ruling(
        Decision.CONCESSION, "for training", concession_quantity=Decimal(1), concession_expires_at=until
    )
    decide(plant, conceded, conceded_to)
    cells = [untouched, waiting, cleared, narrowed, scrapped, conceded]
    assert good_among(cell.pk for cell in cells) == {untouched.pk, cleared.pk, narrowed.pk}
    assert suspect_defects(formed(plant)).peers == 3
