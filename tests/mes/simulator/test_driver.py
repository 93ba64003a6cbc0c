"""The simulated line against Halite itself: through the API, with charts evaluated between the events."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from lots.models import GenealogyLink, HoldLot, Lot
from mes.simulator.doors import Answer, Door, DoorClosed, WsgiDoor
from mes.simulator.faults import Fault, FaultPlan, Magnitude
from mes.simulator.gateway import LINE
from mes.simulator.live import Site
from mes.simulator.people import every_item
from tests.support.cluster import Database
from tests.support.simulated import codes, loaded_site


@pytest.fixture
def site(fresh_database: Database, tmp_path: Path) -> Site:
    return loaded_site(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_batch_out_of_specification_is_held_and_never_coated(site: Site) -> None:
    plan = FaultPlan(Fault.SOLIDS_HIGH, Magnitude.GROSS, first_pair=0)
    line = site.line("test", seed=3, faults=(plan,), pairs=1)
    line.driver.run()

    batch = f"{line.store.prefix}-SC-0001"
    assert line.driver.model.truth[0].affected_lots == (batch,)
    assert batch in line.driver.summary.held
    assert HoldLot.objects.filter(lot__code=batch, hold__source="defect").exists()
    assert not GenealogyLink.objects.filter(parent__code=batch).exists()
    assert codes(line, "ROLL-CATHODE") == set()
    assert codes(line, "ROLL-ANODE") == {f"{line.store.prefix}-RA-0001"}
    assert codes(line, "CELL-20AH") == set()


def test_the_clock_follows_the_events_and_runs_of_one_site_have_their_own_codes(site: Site) -> None:
    first = site.line("test", seed=3, pairs=1)
    for _ in range(9):
        first.driver.step()
    site_time = datetime.fromisoformat(site.door.get("/clock", key=site.keys[LINE]).body["site_time"])
    assert abs((site_time - first.driver.site_time()).total_seconds()) < 5
    second = site.line("test", seed=3, pairs=1)
    assert second.driver.step()
    assert second.store.prefix != first.store.prefix
    assert codes(second, "NMO-ACTIVE") == {f"{second.store.prefix}-NMO-ACTIVE-0001"}
    assert every_item(site.door, "/holds", key=site.keys[LINE]) == []


class FlakyDoor(WsgiDoor):
    """Carries a request out and loses its answer, once."""

    lost = 0

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        answer = super()._exchange(method, path, headers, payload)
        if method == "POST" and path.endswith("/receipts") and not self.lost:
            self.lost += 1
            raise ConnectionResetError("the answer is lost")
        return answer


def test_a_lost_answer_is_asked_for_again_and_makes_nothing_twice(site: Site) -> None:
    flaky = Site(FlakyDoor(), site.keys, site.password, site.wait)
    line = flaky.line("test", seed=3, pairs=1)
    line.driver.step()
    assert isinstance(flaky.door, FlakyDoor) and flaky.door.lost == 1
    assert Lot.objects.filter(code__startswith=line.store.prefix).count() == 1


class ClosedDoor(Door):
    """Nobody is there."""

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        raise ConnectionRefusedError("nobody listens")


def test_a_closed_door_is_tried_until_the_patience_ends() -> None:
    door = ClosedDoor(patience_s=0.3)
    with pytest.raises(DoorClosed, match="nobody listens"):
        door.get("/clock", key="any")
    assert door.requests > 1


def test_an_answer_below_300_is_a_success() -> None:
    assert Answer(201, {}).ok
    assert not Answer(409, {}).ok
