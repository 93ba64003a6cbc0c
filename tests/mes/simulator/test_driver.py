"""The simulated line against Halite itself: through the API, with charts evaluated between the events."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from django.utils import timezone

from lots.models import CurveFile, GenealogyLink, HoldLot, Lot, Measurement, StepExecution
from lots.steps import CHARACTERISTICS
from mes.demo.load import load_demo
from mes.simulator.doors import Answer, Door, DoorClosed, WsgiDoor
from mes.simulator.faults import Fault, FaultPlan, Magnitude
from mes.simulator.gateway import LINE
from mes.simulator.live import Line, Site
from mes.simulator.people import every_item
from mes.simulator.trial import site_in_process
from spc.models import Point
from tests.support.cluster import Database


@pytest.fixture
def site(fresh_database: Database, tmp_path: Path) -> Site:
    return loaded_site(tmp_path)


@pytest.fixture(scope="module")
def finished(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A pair of rolls through the whole line, with the records of every instrument."""
    line = loaded_site(tmp_path_factory.mktemp("line")).line("test", seed=3, pairs=1, raw_every=1)
    line.driver.run()
    assert (line.driver.summary.refusals, line.driver.summary.held) == ([], {})
    return line


def loaded_site(directory: Path) -> Site:
    loaded = load_demo(state_directory=directory, now=timezone.now())
    keys = json.loads(loaded.keys_file.read_text())["keys"]
    return site_in_process({name: entry["key"] for name, entry in keys.items()})


def codes(line: Line, material: str) -> set[str]:
    return set(
        Lot.objects.filter(code__startswith=line.store.prefix, material__code=material).values_list(
            "code", flat=True
        )
    )


def parents(code: str) -> set[str]:
    links = GenealogyLink.objects.filter(child__code=code)
    return set(links.values_list("parent__code", flat=True))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_instruments_deliver_their_own_records_through_the_api(finished: Line) -> None:
    kept = CurveFile.objects.filter(lot__code__startswith=finished.store.prefix)
    assert Counter(kept.values_list("kind", flat=True)) == {
        "thickness": 2,
        "mass": 2,
        "pressure": 2,
        "cycling": 2,
        "impedance": 2,
    }
    assert finished.driver.gateway.counts.records == 10
    assert set(kept.values_list("unresolved", flat=True)) == {""}
    # A cell whose cycler file came has each capacity once, and as many readings as its neighbour without a file.
    capacities = Measurement.objects.filter(characteristic__code="formation.charge_capacity_ah")
    with_file = kept.filter(kind="cycling").values_list("lot_id", flat=True)
    for lot_id in with_file:
        positions = list(capacities.filter(lot_id=lot_id).values_list("position", flat=True))
        assert sorted(positions) == [1, 2, 3, 4]
    accepted = StepExecution.objects.filter(
        lot_id__in=with_file, route_step__step__code="acceptance", finished_at__isnull=False
    )
    assert accepted.count() == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_a_pair_of_rolls_becomes_accepted_cells(finished: Line) -> None:
    prefix = finished.store.prefix
    cells = codes(finished, "CELL-20AH")
    assert len(cells) == 24
    accepted = StepExecution.objects.filter(
        lot__code__in=cells, route_step__step__code="acceptance", finished_at__isnull=False
    )
    assert accepted.count() == 24
    # Every cell leads back to both slit rolls, both mother rolls and both slurries.
    assert parents(f"{prefix}-CL-0001-1-1-01") == {
        f"{prefix}-CL-0001-1-1",
        f"{prefix}-DC-0001-1",
        f"{prefix}-DA-0001-1",
    }
    assert parents(f"{prefix}-DC-0001-1") == {f"{prefix}-RC-0001"}
    assert f"{prefix}-SC-0001" in parents(f"{prefix}-RC-0001")
    assert parents(f"{prefix}-FC-0001") == {f"{prefix}-AL-FOIL-0001"}
    assert f"{prefix}-FC-0001" in parents(f"{prefix}-RC-0001")
    assert f"{prefix}-ELECTROLYTE-0001" in parents(f"{prefix}-CL-0001-1-1")
    # Everything that the steps declare is on record, computed values too.
    recorded = set(Measurement.objects.values_list("characteristic__code", flat=True).distinct())
    assert set(CHARACTERISTICS) - recorded == set()
    assert Measurement.objects.filter(quality="good").count() == Measurement.objects.count()
    assert Point.objects.filter(
        chart__stream__plan__characteristic__code="coating.loading_mean_mg_cm2"
    ).exists()


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
