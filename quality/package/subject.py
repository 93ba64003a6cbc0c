"""Which material an evidence package speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, OuterRef

from lots.genealogy import ancestors_of
from lots.models import CurveFile, Lot, MaterialDefinition, Measurement, StepExecution
from lots.queries import current_measurements, valid_measurements
from quality.models import EvidencePackage, Release
from quality.release_view import members_of

LOTS_OF_A_QUALIFICATION = 20
LARGEST = 2_000  # cells


@dataclass(frozen=True)
class Subject:
    """The cell lots of the package; what was made of and on them is read once."""

    package: EvidencePackage
    lots: tuple[Lot, ...]

    @cached_property
    def cells(self) -> list[Lot]:
        return [cell for lot in self.lots for cell in members_of(lot)[1:]]

    @cached_property
    def group_of(self) -> dict[int, Lot]:
        """Cell → its lot."""
        return {cell.pk: lot for lot in self.lots for cell in members_of(lot)[1:]}

    @cached_property
    def own_keys(self) -> list[int]:
        """Keys of the lots and their cells."""
        return [lot.pk for lot in (*self.lots, *self.cells)]

    @cached_property
    def ancestors(self) -> dict[int, set[int]]:
        return ancestors_of([cell.pk for cell in self.cells])

    @cached_property
    def all_keys(self) -> list[int]:
        """Keys of the lots, their cells and everything that these were made from."""
        return sorted({*self.own_keys, *(key for keys in self.ancestors.values() for key in keys)})

    @cached_property
    def runs(self) -> list[StepExecution]:
        """Step executions of the lots and cells, in order of time."""
        rows = StepExecution.objects.filter(lot_id__in=self.own_keys).select_related(
            "lot", "route_step__step", "equipment"
        )
        return list(rows.order_by("started_at", "pk"))

    @cached_property
    def formation(self) -> dict[int, StepExecution]:
        """Cell → its latest run of formation."""
        runs = [run for run in self.runs if run.route_step.step.code == "formation"]
        return {run.lot_id: run for run in sorted(runs, key=lambda run: run.attempt)}

    @cached_property
    def measurements(self) -> list[Measurement]:
        """Current measurements of the lots and cells, good or not."""
        rows = current_measurements(Measurement.objects.filter(lot_id__in=self.own_keys))
        return list(
            rows.select_related("characteristic__step", "gauge", "submission__source").order_by(
                "measured_at", "id"
            )
        )

    @cached_property
    def latest(self) -> dict[tuple[int, str], Measurement]:
        """(lot, characteristic) → the latest valid value; of one by cycle that of the last cycle."""
        rows = valid_measurements(self.own_keys).select_related("characteristic")
        ordered = rows.order_by("position", "measured_at", "id")
        return {(row.lot_id or 0, row.characteristic.code): row for row in ordered}

    @cached_property
    def curves(self) -> list[CurveFile]:
        """Instrument files of the cells that nothing has superseded."""
        rows = CurveFile.objects.filter(lot_id__in=self.own_keys, superseded_by__isnull=True)
        return list(rows.select_related("lot", "execution").order_by("lot__code", "started_at", "pk"))


def subject_of(package: EvidencePackage) -> Subject:
    """The lot of the package; of a qualification the newest released cell lots of the product revision."""
    if package.lot is not None:
        return Subject(package, (package.lot,))
    released = Release.objects.filter(lot=OuterRef("pk"))
    lots = Lot.objects.filter(
        Exists(released),
        site=package.site_id,
        product_revision=package.product_revision_id,
        material__kind=MaterialDefinition.Kind.CELL_LOT,
    ).select_related("site", "material", "work_order", "product_revision__product")
    return Subject(package, tuple(lots.order_by("-pk")[:LOTS_OF_A_QUALIFICATION]))
