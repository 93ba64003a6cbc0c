"""The formation page of a cell: curves, band, efficiencies, dQ/dV and the spectrum with its fit."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import (
    CurveFile,
    Hold,
    HoldLot,
    Lot,
    Measurement,
    ProcessStep,
    RecipeParameter,
    RecipeRevision,
    WorkOrderRecipe,
)
from lots.science.impedance.fit import randles_ohm
from mes.curves import store_records
from mes.web import formation_band
from mes.web.formation_band import noise_of, stored_charge
from quality.actions.dispose import Ruling, dispose
from quality.actions.hold import hold_by_hand
from quality.models import Disposition
from tests.support.builders import PASSWORD, Plant
from tests.support.cycling import full_cycles, records
from tests.support.exports import battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, just_now, set_recipe, two_cycles
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return formation_plant()


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def send(client: Client, lot: str, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile("x", content)
    return client.post(reverse("web:upload"), {"lot": lot, "file": file, **fields})


def spectrum_file(*, rs_ohm: float = 0.8e-3, inductance_h: float = 2e-9) -> bytes:
    frequency = np.logspace(4, -2, 61)
    z = randles_ohm(frequency, rs_ohm, 1.5e-3, 4.0, 0.85, 3e-4) + 2j * np.pi * frequency * inductance_h
    rows = [f"{f:.6E},{point.real:.6E},{point.imag:.6E}" for f, point in zip(frequency, z, strict=True)]
    return ("frequency,z_re,z_im\n" + "\n".join(rows) + "\n").encode()


def data(client: Client, lot: str) -> Any:
    return client.get(reverse("web:lot_formation_data", args=[lot])).json()


def test_cell_without_curves_says_so(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    assert "No curves yet" in client.get(reverse("web:lot_formation", args=[cell.code])).content.decode()


def test_curves_efficiencies_and_incremental_capacity_are_there(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2")
    send(client, cell.code, battery_data_format(records(full_cycles(3))))
    page = client.get(reverse("web:lot_formation", args=[cell.code])).content.decode()
    assert "Voltage over capacity" in page
    assert "85.00" in page
    drawn = data(client, cell.code)
    assert [(curve["cycle"], curve["kind"]) for curve in drawn["curves"]] == [
        (cycle, kind) for cycle in (1, 2, 3) for kind in ("charge", "discharge")
    ]
    assert drawn["curves"][0]["capacity_ah"][-1] == pytest.approx(2.0, rel=1e-3)
    assert drawn["ce"]["ce_pct"] == pytest.approx([85.0, 85.0, 85.0], abs=0.01)
    assert {curve["kind"] for curve in drawn["dqdv"]} == {"charge", "discharge"}
    assert drawn["band"]["lower_v"] is None
    assert drawn["nyquist"] is None


def test_peaks_of_dqdv_stand_in_a_table_with_their_window(plant: Plant, client: Client) -> None:
    """Both halves dwell in their middle, at 3.15 V and 2.95 V; a straight line has no peak."""
    cell, _ = cell_in_formation(plant)
    bent = records(full_cycles(2))
    for step in np.unique(bent.step):
        rows = bent.step == step
        share = np.linspace(0.0, 1.0, np.count_nonzero(rows))
        first, last = bent.voltage_v[rows][[0, -1]]
        bent.voltage_v[rows] = first + (last - first) * (share + 0.12 * np.sin(2 * np.pi * share))
    send(client, cell.code, battery_data_format(bent))
    page = client.get(reverse("web:lot_formation", args=[cell.code])).content.decode()
    table = page[page.index("Peaks of dQ/dV of the largest") : page.index('id="cycles-title"')]
    assert re.findall(r">(charge|discharge)</th>", table) == ["charge", "discharge"]
    assert re.findall(r'is-numeric">(\d+|\d\.\d{3})</td>', table)[:2] == ["50", "3.150"]
    assert ">2.950<" in table
    straight, _ = cell_in_formation(plant)
    send(client, straight.code, battery_data_format(records(full_cycles(2))))
    assert (
        "no peak stands out"
        in client.get(reverse("web:lot_formation", args=[straight.code])).content.decode()
    )


def efficiencies(client: Client, lot: str) -> list[float | None]:
    """Of each cycle, as drawn."""
    drawn: list[float | None] = data(client, lot)["ce"]["ce_pct"]
    return drawn


def test_efficiency_that_is_not_on_record_is_not_shown(plant: Plant, client: Client) -> None:
    """Both cycles end alike, which tells nothing: neither the recipe nor the file sets where they should."""
    cell, _ = cell_in_formation(plant)
    send(client, cell.code, battery_data_format(records(full_cycles(2))))
    page = client.get(reverse("web:lot_formation", args=[cell.code])).content.decode()
    assert page.count("no verdict on its cut-offs is recorded") == 2
    assert "85.00" not in page
    assert efficiencies(client, cell.code) == [None, None]
    assert "sets no cut-off voltages" in page


def test_efficiency_that_the_step_table_of_the_file_gave_is_shown(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    send(client, cell.code, two_cycles(cycles=1, started=just_now()))  # one cycle repeats nothing
    assert efficiencies(client, cell.code) == [pytest.approx(90.0, abs=0.01)]


def test_cycle_that_ended_before_the_cutoff_of_the_recipe_has_no_efficiency(
    plant: Plant, client: Client
) -> None:
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.9", lower_cutoff_v="2.2", formation_temperature_c="30")
    send(client, cell.code, battery_data_format(records(full_cycles(2))))
    page = client.get(reverse("web:lot_formation", args=[cell.code])).content.decode()
    assert page.count("a step of the cycle ended before its cut-off") == 2
    assert "The temperature cannot be judged" in page
    assert efficiencies(client, cell.code) == [None, None]
    band = data(client, cell.code)["band"]
    assert band["alarms"] == ["early_cutoff"]  # needs no band
    assert "classify it now" in band["words"][0]


def others(plant: Plant, count: int, *, protocol: str) -> list[Lot]:
    cells = []
    rng = np.random.default_rng(3)
    for index in range(count):
        cell, execution = cell_in_formation(plant)
        parts = full_cycles(1, discharge_minutes=51 + 0.1 * index)
        test = records(parts)
        test.voltage_v[:] += rng.normal(0, 0.002)
        CurveFile.objects.create(
            lot=cell,
            execution=execution,
            kind=CurveFile.Kind.CYCLING,
            format="Arbin csv",
            file_sha256=f"{protocol}{index}".encode().hex().rjust(64, "0")[-64:],
            file_bytes=1,
            storage_sha256=store_records(test),
            protocol=protocol,
            rows=test.size,
            started_at=execution.started_at,
            ended_at=execution.started_at,
            received_at=execution.started_at,
            recorded_by=plant.operator,
        )
        cells.append(cell)
    return cells


def test_revision_that_changes_the_profile_asks_for_a_new_baseline(plant: Plant, client: Client) -> None:
    lot = formed_lot(plant, client, 1, spread=0.0)
    cell = Lot.objects.get(pk=lot.links_to_children.get().child_id)
    assert data(client, cell.code)["band"]["baseline"] == ""  # the first revision changes nothing
    own = WorkOrderRecipe.objects.get(work_order=cell.work_order, material=cell.material).recipe_revision
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2", c_rate_1="0.1", nominal_capacity_ah="20")
    earlier = RecipeRevision.objects.create(
        recipe=own.recipe, revision="0", issued_at=own.issued_at - timedelta(days=9)
    )
    for name, value in (("upper_cutoff_v", "3.8"), ("lower_cutoff_v", "2.2"), ("c_rate_1", "0.05")):
        RecipeParameter.objects.create(
            recipe_revision=earlier,
            step=ProcessStep.objects.get(code="formation"),
            name=name,
            value=Decimal(value),
            unit="1",
        )
    words = f"{own} changes stages, nominal capacity of the formation profile against {earlier}"
    assert words in data(client, cell.code)["band"]["baseline"]
    page = client.get(reverse("web:lot_formation", args=[lot.code])).content.decode()
    assert words in page and "20 good cells is needed (0 so far)" in page


def test_noise_is_that_of_the_first_charge_of_each_cell(plant: Plant, client: Client) -> None:
    (quiet,) = others(plant, 1, protocol="R")
    loud, bare = cell_in_formation(plant)[0], cell_in_formation(plant)[0]
    rng = np.random.default_rng(8)
    test = records(full_cycles(1))
    test.voltage_v[:] += rng.normal(0, 1e-3, test.size)
    send(client, loud.code, battery_data_format(test))
    noise = noise_of([loud.pk, quiet.pk, bare.pk])
    assert noise[loud.pk] == pytest.approx(1e-3, rel=0.2)
    assert noise[quiet.pk] < 1e-5 and bare.pk not in noise


def scrap(plant: Plant, lot: Lot) -> None:
    extents = [HeldExtent(lot.pk)]
    hold = hold_by_hand(extents, site=plant.site, reason="shorted", user=plant.operator, now=timezone.now())
    dispose_of(plant, hold, Disposition.Decision.SCRAP)


def dispose_of(plant: Plant, hold: Hold, decision: Disposition.Decision) -> None:
    dispose(
        list(hold.members.values_list("pk", flat=True)),
        Ruling(decision, "looked at"),
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )


@pytest.mark.parametrize(("count", "provisional"), [(5, True), (20, False)])
def test_first_charge_is_judged_by_a_band_of_twenty_good_cells(
    plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch, count: int, provisional: bool
) -> None:
    cell, _ = cell_in_formation(plant)
    shifted = records(full_cycles(2))
    shifted.voltage_v[:] += 0.06
    send(client, cell.code, battery_data_format(shifted))
    own = CurveFile.objects.get(lot=cell)
    good = others(plant, count + 1, protocol=own.protocol)
    others(plant, 3, protocol="another recipe")
    scrap(plant, good[0])
    band = data(client, cell.code)["band"]
    assert (band["cells"], band["provisional"]) == (count, provisional)
    assert band["out_pct"] > 90
    assert band["alarms"] == ([] if provisional else ["out_of_band", "rises_too_fast"])
    assert len(band["words"]) == len(band["alarms"])
    assert ("temperature excursion" in band["unseen"]) == (not provisional)
    read: list[str] = []  # no more curves are read than the band takes
    monkeypatch.setattr(formation_band, "BAND_CELLS", 2)
    monkeypatch.setattr(
        formation_band, "stored_charge", lambda name: read.append(name) or stored_charge(name)
    )
    two = formation_band.good_band(cell, own.protocol, with_itself=False)
    assert two is not None and (two.cells, len(read)) == (2, 2)


def test_spectrum_is_recorded_with_its_conditions_and_drawn_with_its_fit(
    plant: Plant, client: Client
) -> None:
    cell, _ = cell_in_formation(plant)
    page = send(client, cell.code, spectrum_file(), soc="50", temperature="25,0").content.decode()
    assert "impedance" in page
    row = CurveFile.objects.get(lot=cell)
    assert (row.kind, float(row.soc_pct or 0), float(row.temperature_c or 0)) == ("impedance", 50.0, 25.0)
    recorded = {
        code: float(value)
        for code, value in Measurement.objects.filter(
            lot_id=cell.pk, characteristic__code__startswith="formation.r_"
        ).values_list("characteristic__code", "value")
    }
    assert recorded["formation.r_mid_mohm"] == pytest.approx(1.5, rel=0.05)
    assert 0.8 < recorded["formation.r_hf_mohm"] < 1.2
    drawn = data(client, cell.code)["nyquist"]
    assert drawn["reached"]
    assert drawn["fit"]["accepted"]
    assert drawn["fit"]["rct_mohm"] == pytest.approx(1.5, rel=0.05)
    assert (
        "nothing was stored twice"
        in send(client, cell.code, spectrum_file(), soc="50", temperature="25").content.decode()
    )


@pytest.mark.parametrize(
    ("soc", "temperature", "words"),
    [("", "25", "state of charge"), ("50", "", "temperature"), ("120", "25", "state of charge")],
)
def test_spectrum_without_its_conditions_is_refused(
    plant: Plant, client: Client, soc: str, temperature: str, words: str
) -> None:
    cell, _ = cell_in_formation(plant)
    answer = send(client, cell.code, spectrum_file(), soc=soc, temperature=temperature)
    assert answer.status_code == 409
    assert words in answer.content.decode()
    assert not CurveFile.objects.filter(lot=cell).exists()


@pytest.mark.parametrize(
    ("soc", "temperature", "words"),
    [("20", "25", "state of charge is 20 to 50 %"), ("50", "40", "temperature is 25 to 40 °C")],
)
def test_spectrum_at_another_charge_or_temperature_is_kept_and_compared_with_nothing(
    plant: Plant, client: Client, soc: str, temperature: str, words: str
) -> None:
    first, _ = cell_in_formation(plant)
    send(client, first.code, spectrum_file(), soc="50", temperature="25")
    cell, _ = cell_in_formation(plant)
    page = send(client, cell.code, spectrum_file(rs_ohm=1e-3), soc=soc, temperature=temperature)
    assert words in page.content.decode()
    assert "are taken at 50 % charge and 25 °C" in page.content.decode()
    assert CurveFile.objects.get(lot=cell).submission is None
    assert not Measurement.objects.filter(
        lot_id=cell.pk, characteristic__code__startswith="formation.r_"
    ).exists()
    send(client, cell.code, spectrum_file(rs_ohm=0.9e-3), soc="50.5", temperature="25")
    assert Measurement.objects.filter(lot_id=cell.pk, characteristic__code="formation.r_mid_mohm").exists()


def test_intercept_that_was_not_reached_is_no_reading(plant: Plant, client: Client) -> None:
    cell, _ = cell_in_formation(plant)
    page = send(
        client, cell.code, spectrum_file(inductance_h=0.0), soc="50", temperature="25"
    ).content.decode()
    assert "start the sweep at a higher frequency" in page
    codes = Measurement.objects.filter(lot_id=cell.pk).values_list("characteristic__code", flat=True)
    assert "formation.r_hf_mohm" not in set(codes)


def test_curves_of_another_site_are_not_shown(plant: Plant, client: Client) -> None:
    assert client.get(reverse("web:lot_formation_data", args=["NONE"])).status_code == 404


def formed_lot(plant: Plant, client: Client, count: int, *, spread: float) -> Lot:
    """A cell lot whose members discharge 1.7 Ah, give or take."""
    lot = plant.lot("T-CELL-LOT", quantity=count)
    rng = np.random.default_rng(6)
    cells = [plant.lot("T-CELL", quantity=1, group=lot.code) for _ in range(count)]
    for cell in cells:
        for step in ("stacking", "filling"):
            plant.run(cell, step)
        plant.start(cell, "formation")
    for cell in cells:
        minutes = round(51 * (1 + spread * rng.standard_normal()))
        test = records(full_cycles(2, discharge_minutes=minutes))
        test.voltage_v[:] += rng.normal(0, 0.001)  # no two tests are alike
        send(client, cell.code, battery_data_format(test))
    return lot


@pytest.mark.parametrize(("spread", "words"), [(0.0, "within 2 %"), (0.08, "stop and diagnose")])
def test_cells_of_a_lot_are_shown_with_their_spread(
    plant: Plant, client: Client, spread: float, words: str
) -> None:
    lot = formed_lot(plant, client, 6, spread=spread)
    page = client.get(reverse("web:lot_formation", args=[lot.code])).content.decode()
    assert words in page
    assert "6 cells, 6 with curves" in page
    drawn = data(client, lot.code)
    assert len(drawn["cells"]) == 6
    assert len(drawn["share_pct"]) == 97
    assert drawn["band_cells"] == (0 if spread else 6)  # held cells are no good ones
    assert (drawn["lower_v"] is None) == bool(spread)
    assert "not judged" in page  # six cells make no band to judge by
    assert ("The lot is held." in page) == bool(spread)
    held = HoldLot.objects.filter(hold__source=Hold.Source.SPREAD)
    assert held.count() == (7 if spread else 0)  # the lot and its six cells, once
    assert all("stop and diagnose" in member.hold.reason for member in held.select_related("hold"))


def first_discharges(plant: Plant, lot: Lot, values: list[float], *, cycle: int = 1) -> None:
    """Through the API's door, one submission a cell."""
    for cell, value in zip(lot.links_to_children.order_by("id"), values, strict=True):
        member = Lot.objects.get(pk=cell.child_id)
        plant.submit(
            [plant.reading("formation.discharge_capacity_ah", f"{value:.4f}", member, position=str(cycle))]
        )


def tray_in_formation(plant: Plant, count: int) -> Lot:
    lot = plant.lot("T-CELL-LOT", quantity=count)
    for _ in range(count):
        cell = plant.lot("T-CELL", quantity=1, group=lot.code)
        for step in ("stacking", "filling"):
            plant.run(cell, step)
        plant.start(cell, "formation")
    return lot


@pytest.mark.parametrize(
    ("values", "cycle", "held"),
    [
        # Median 20, robust variation 1.4826 · 0.26 / 20 = 1.93 %, and with 0.28 Ah 2.08 %.
        ([20.0, 20.26, 19.74, 20.26, 19.74], 1, False),
        ([20.0, 20.28, 19.72, 20.28, 19.72], 1, True),
        ([20.0, 20.28, 19.72, 20.28], 1, False),  # four cells are no lot to judge
        ([20.0, 20.28, 19.72, 20.28, 19.72], 2, False),  # only the first cycle counts
        ([20.0, 20.0, 20.0, 20.0, 12.0], 1, False),  # one bad cell is no wide spread
    ],
)
def test_wide_first_discharges_hold_the_lot_once(
    plant: Plant, values: list[float], cycle: int, held: bool
) -> None:
    lot = tray_in_formation(plant, len(values))
    first_discharges(plant, lot, values, cycle=cycle)
    holds = Hold.objects.filter(source=Hold.Source.SPREAD)
    assert holds.count() == int(held)
    if held:
        assert HoldLot.objects.filter(hold=holds.get()).count() == len(values) + 1
        first_discharges(plant, lot, values)
        assert holds.count() == 1


def test_lot_page_tells_the_limit_and_the_hold_that_are(plant: Plant, client: Client) -> None:
    lot = tray_in_formation(plant, 5)
    wide = [20.0, 20.28, 19.72, 20.28, 19.72]  # 2.08 %
    first_discharges(plant, lot, wide)
    (hold,) = Hold.objects.filter(source=Hold.Source.SPREAD)
    url = reverse("web:lot_formation", args=[lot.code])
    assert "More than 2 % (an assumed limit)" in client.get(url).content.decode()
    dispose_of(plant, hold, Disposition.Decision.RELEASE)
    page = client.get(url).content.decode()
    assert "that hold was disposed of" in page and "The lot is held." not in page

    other = tray_in_formation(plant, 5)
    set_recipe(
        Lot.objects.get(pk=other.links_to_children.earliest("id").child_id), early_spread_limit_pct="3"
    )
    first_discharges(plant, other, wide)
    page = client.get(reverse("web:lot_formation", args=[other.code])).content.decode()
    assert "spread by 2.08 %, within 3 % (the recipe's limit)" in page
    assert Hold.objects.filter(source=Hold.Source.SPREAD).get() == hold


def test_cells_of_a_lot_are_judged_by_good_cells_of_their_recipe_revision(
    plant: Plant, client: Client
) -> None:
    lot = formed_lot(plant, client, 2, spread=0.0)
    own = CurveFile.objects.earliest("id")
    others(plant, 19, protocol=own.protocol)
    others(plant, 3, protocol="another recipe")
    scrap(plant, own.lot)
    page = client.get(reverse("web:lot_formation", args=[lot.code])).content.decode()
    assert "band of 20 good cells" in page
    assert page.count("in the band") + page.count("out of the band") == 2
    assert "Scrapped" in page
    assert data(client, lot.code)["band_cells"] == 20


def test_lot_without_cells_says_so(plant: Plant, client: Client) -> None:
    lot = plant.lot("T-CELL-LOT", quantity=2)
    assert "No cells yet" in client.get(reverse("web:lot_formation", args=[lot.code])).content.decode()
