"""Two people bring files at the same instant: the second sees what the first has done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from lots.models import CurveFile, Lot, Measurement
from mes.connectors.import_cycler import ImportedTest, ImportRefused, import_cycler_file
from mes.connectors.import_impedance import ImportedSpectrum, import_impedance_file
from mes.connectors.series.model import Series
from mes.connectors.series.read import read_series_file
from mes.connectors.series.record import Kept, RecordRefused, keep_series
from tests.mes.web.test_formation import spectrum_file
from tests.support.builders import Plant, make_gauge
from tests.support.cluster import Database
from tests.support.formation import cell_in_formation, formation_plant, just_now, two_cycles
from tests.support.raw import coated_roll, mass_body, started, table

Imported = ImportedTest | ImportedSpectrum | Kept


def meanwhile(first: Callable[[], Imported], second: Callable[[], Imported]) -> Imported | Exception:
    """What the second gets that begins while the first has not committed yet."""
    found: list[Imported | Exception] = []

    def other() -> None:
        try:
            found.append(second())
        except (ImportRefused, RecordRefused) as error:
            found.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        first()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=1)
        assert not found
    thread.join(timeout=30)
    return found[0]


def test_second_of_two_imports_at_once_sees_the_first(fresh_database: Database, tmp_path: Path) -> None:
    plant = formation_plant()
    one, other = (cell_in_formation(plant)[0] for _ in range(2))
    begin, path = just_now(), tmp_path / "test.ndax"
    path.write_bytes(two_cycles(started=begin, cycles=1))
    refused = meanwhile(lambda: cycled(plant, path, one), lambda: cycled(plant, path, other))
    assert isinstance(refused, ImportRefused) and f"imported for {one.code} already" in str(refused)

    longer, copy = tmp_path / "longer.ndax", tmp_path / "another.ndax"
    longer.write_bytes(two_cycles(started=begin))
    copy.write_bytes(two_cycles(started=begin, discharge_minutes=53))
    refused = meanwhile(lambda: cycled(plant, longer, one), lambda: cycled(plant, copy, one))
    assert isinstance(refused, ImportRefused) and "Every cycle" in str(refused)
    charged = Measurement.objects.filter(lot_id=one.pk, characteristic__code="formation.charge_capacity_ah")
    assert [int(row.position or 0) for row in charged.order_by("position")] == [1, 2]

    path.write_bytes(spectrum_file())
    refused = meanwhile(lambda: spectrum(plant, path, one), lambda: spectrum(plant, path, other))
    assert isinstance(refused, ImportRefused)

    path.write_bytes(table(mass_body(make_gauge(plant, "balance"), started_at=started())))
    rolls = [coated_roll(plant) for _ in range(2)]
    refused = meanwhile(lambda: weighed(plant, path, rolls[0]), lambda: weighed(plant, path, rolls[1]))
    assert isinstance(refused, RecordRefused) and rolls[0].code in str(refused)
    assert not CurveFile.objects.filter(lot__in=[other, rolls[1]]).exists()


def cycled(plant: Plant, path: Path, cell: Lot) -> ImportedTest:
    return import_cycler_file(path, cell=cell, user=plant.operator, now=timezone.now())


def spectrum(plant: Plant, path: Path, cell: Lot) -> ImportedSpectrum:
    told = {"soc_pct": Decimal(50), "temperature_c": Decimal(25)}
    return import_impedance_file(path, cell=cell, user=plant.operator, now=timezone.now(), **told)


def weighed(plant: Plant, path: Path, roll: Lot) -> Kept:
    file = read_series_file(path)
    series = Series(
        kind=file.kind,
        columns=file.columns,
        started_at=file.started_at,
        gauge=file.gauge,
        sha256=file.sha256,
    )
    return keep_series(series, lot=roll, user=plant.operator, source=plant.source, now=timezone.now())
