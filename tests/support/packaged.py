"""A cell lot with everything that an evidence package asks for, made through the public doors."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils import timezone

from lots.models import Lot
from mes import packages
from mes.connectors.import_cycler import import_cycler_file
from quality.acceptance import Rules
from quality.actions.accept_lot import decide_lot, freeze_plan
from quality.actions.taking import Input
from quality.models import EvidencePackage, Requirement
from tests.support.builders import PASSWORD, Plant, add_line, make_gauge, make_plant, publish, specify
from tests.support.formation import just_now, two_cycles

CELLS = 2


def package_plant() -> Plant:
    """First-cycle efficiency and capacity are specified; one requirement is on safety."""
    plant = make_plant()
    specify(plant, "formation.fce_pct", lsl="80", usl="100")
    specify(plant, "acceptance.capacity_ah", lsl="1.5")
    leak = specify(plant, "acceptance.leak_free", lsl="1")
    Requirement.objects.create(code=f"SI-SAF-{leak.pk}", kind="safety", title="No vent within the window")
    for code in ("charge_capacity_ah", "discharge_capacity_ah", "cutoffs_reached"):
        add_line(plant, f"formation.{code}", required_count=2)
    publish(plant)
    return plant


def documented_lot(plant: Plant, *, curves: bool = True, decided: bool = True) -> Lot:
    """Two cells made from one roll, formed with their cycler files kept, tested and accepted."""
    gauge = make_gauge(plant, "cycler")
    raw = plant.raw()
    group = plant.lot("T-CELL-LOT", quantity=CELLS)
    cells = []
    for number in range(CELLS):
        cell = plant.lot(
            "T-CELL",
            quantity=1,
            group=group.code,
            inputs=[Input(parent=raw.code, quantity=Decimal(1))],
        )
        for step in ("stacking", "filling"):
            plant.run(cell, step)
        execution = plant.start(cell, "formation")
        if curves:
            bring_curve(plant, cell, number)
        else:
            by_hand = {"charge_capacity_ah": "2", "discharge_capacity_ah": "1.8", "cutoffs_reached": "1"}
            plant.submit(
                [
                    plant.reading(f"formation.{code}", value, cell, position=str(cycle))
                    for cycle in range(1, 5)
                    for code, value in by_hand.items()
                ]
            )
        plant.submit(
            [
                plant.reading("formation.temperature_c", "30", cell, gauge=gauge.code),
                plant.reading("formation.resistance_mohm", f"2.{number}", cell, gauge=gauge.code),
            ]
        )
        plant.finish(execution)
        cells.append(cell)
    rules = Rules(Decimal("1.5"), Decimal(80), Decimal(3))
    frozen = freeze_plan(group, rules, sample_size=2, seed=7, user=plant.engineer, now=timezone.now())
    for cell in cells:
        execution = plant.start(cell, "acceptance")
        plant.submit(
            [
                plant.reading("acceptance.capacity_ah", "1.79", cell, gauge=gauge.code),
                plant.reading("acceptance.leak_free", "1", cell, gauge=gauge.code),
            ]
        )
        plant.finish(execution)
    if decided:
        decide_lot(frozen, user=plant.engineer, password=PASSWORD, now=timezone.now())
    return group


def bring_curve(plant: Plant, cell: Lot, number: int) -> None:
    """Import the cycler file of a cell; each cell has a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.ndax"
        path.write_bytes(two_cycles(started=just_now() - timedelta(hours=5, minutes=number), cycles=4))
        import_cycler_file(path, cell=cell, user=plant.operator, now=timezone.now())


def built(plant: Plant, lot: Lot) -> EvidencePackage:
    """Asked for by the engineer and built here, as a worker would."""
    package = packages.ask(
        plant.site, lot=lot, product_revision=None, user=plant.engineer, now=timezone.now()
    )
    packages.build_package(package.pk, now=timezone.now())
    return EvidencePackage.objects.get(pk=package.pk)
