"""What happens on the line, as frozen records that a driver turns into calls of the public doors.

Times are UTC instants of the site's clock. Readings never hold derived values: the product computes those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mes.simulator.catalogue import CATALOGUE
from mes.simulator.raw_out import FileOut, RecordOut


@dataclass(frozen=True)
class ReadingOut:
    """One reading as its gauge shows it: decimal text at the gauge's resolution, in the characteristic's
    unit.
    """

    code: str
    value: str
    unit: str
    measured_at: datetime
    gauge: str
    position: str | None = None
    roll_position_mm: int | None = None
    sample_size: int | None = None


def reading(
    code: str,
    value: float,
    measured_at: datetime,
    *,
    position: int | None = None,
    roll_position_mm: int | None = None,
    sample_size: int | None = None,
    gauge: str | None = None,
) -> ReadingOut:
    """A reading rounded to its gauge's resolution. KeyError for an unknown code, ValueError without a
    gauge.
    """
    unit, decimals, own_gauge = CATALOGUE[code]
    used = gauge or own_gauge
    if used is None:
        raise ValueError(f"{code} needs the gauge of its zone")
    text = format(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals)), "f")
    place = None if position is None else str(position)
    return ReadingOut(code, text, unit, measured_at, used, place, roll_position_mm, sample_size)


@dataclass(frozen=True, kw_only=True)
class LineEvent:
    """`started_at` to `at` is the step's execution; `lot_code` is its subject (a zone event names its zone
    there).
    """

    sequence: int
    at: datetime
    started_at: datetime
    step: str
    lot_code: str
    equipment: str | None
    operator: str
    readings: tuple[ReadingOut, ...] = ()
    raw: tuple[RecordOut | FileOut, ...] = ()  # what instruments deliver beside the readings
    completes: bool = True  # False: the step's execution stays open; a later event of the lot completes it


@dataclass(frozen=True)
class Consumed:
    """A quantity, in the material's unit, taken from a lot."""

    lot_code: str
    quantity: float


@dataclass(frozen=True)
class Papers:
    """What the supplier says of a delivery; `certificate` are (name, decimal text, unit)."""

    supplier: str
    supplier_lot: str
    manufactured_date: str
    certificate: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class RawLotReceived(LineEvent):
    """A supplier's lot arrives with its papers; it has no process step of its own (`step` is empty)."""

    material: str
    quantity: float
    unit: str
    papers: Papers


@dataclass(frozen=True, kw_only=True)
class ElectrolyteMade(LineEvent):
    """Electrolyte is mixed from a delivery of salt, whose container is opened for it."""

    material: str
    quantity: float
    consumed: tuple[Consumed, ...]
    record: tuple[ReadingOut, ...]
    record_step: str = "electrolyte_batch"
    opens: bool = True


@dataclass(frozen=True, kw_only=True)
class SlurryMade(LineEvent):
    """A batch is mixed; `record` is that of its release."""

    record: tuple[ReadingOut, ...]
    electrode: str
    material: str
    quantity_kg: float
    consumed: tuple[Consumed, ...]


@dataclass(frozen=True, kw_only=True)
class FoilPrepared(LineEvent):
    """Foil for one roll is cleaned, rinsed and treated."""

    material: str
    quantity: float  # m
    consumed: tuple[Consumed, ...]  # the foil (m)
    record: tuple[ReadingOut, ...]
    record_step: str = "collector_prep"
    opens: bool = False


@dataclass(frozen=True, kw_only=True)
class RollCoated(LineEvent):
    electrode: str
    material: str
    length_mm: int
    consumed: tuple[Consumed, ...]  # the slurry (kg), then the prepared foil (m)


@dataclass(frozen=True, kw_only=True)
class StripWeighed(LineEvent):
    """The drying strip's mass-time curve and the dryer's zones; drying stays open until `RollDried`."""


@dataclass(frozen=True, kw_only=True)
class RollDried(LineEvent):
    """The roll leaves the vacuum oven; residuals are known. `spare` are further samples, should more be asked for."""

    spare: tuple[ReadingOut, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RollCalendered(LineEvent):
    """The roll is compacted; its identity and its metre axis stay."""


@dataclass(frozen=True)
class Daughter:
    """A slit roll: one lane of the whole mother; mother's coating lanes `lane_from` to `lane_to`, same
    metre axis.
    """

    lot_code: str
    lane: int
    lane_from: float
    lane_to: float
    parent_from_mm: int
    parent_to_mm: int


@dataclass(frozen=True, kw_only=True)
class RollSlit(LineEvent):
    electrode: str
    material: str
    daughters: tuple[Daughter, ...]


@dataclass(frozen=True, kw_only=True)
class ContainerOpened(LineEvent):
    """The container of a slit roll is opened in a dry-room zone; the step `dry_room` stays open until it is
    closed.
    """

    zone: str


@dataclass(frozen=True, kw_only=True)
class ContainerClosed(LineEvent):
    zone: str
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class ZoneLogged(LineEvent):
    """A packet of one zone gauge's readings since its last packet, oldest first."""

    zone: str
    gauge: str


@dataclass(frozen=True, kw_only=True)
class DoorOpened(LineEvent):
    """Sent when the door has closed again; the reading says how long it stood open."""

    zone: str
    open_s: float


@dataclass(frozen=True)
class CellReport:
    """What one cell of the lot reports at this step. `channel` is set in formation."""

    cell_code: str
    readings: tuple[ReadingOut, ...]
    channel: str | None = None


@dataclass(frozen=True)
class CellMade:
    """A cell and the intervals of the two slit rolls that it consumed, in mm of each roll, end exclusive."""

    cell_code: str
    cathode_roll: str
    cathode_from_mm: int
    cathode_to_mm: int
    anode_roll: str
    anode_from_mm: int
    anode_to_mm: int
    readings: tuple[ReadingOut, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class CellLotStacked(LineEvent):
    """Twelve cells, one tray. The lot's own readings (rejected sheets) are in `readings`."""

    cells: tuple[CellMade, ...]
    consumed: tuple[Consumed, ...]  # the separator (m)


@dataclass(frozen=True, kw_only=True)
class CellLotFilled(LineEvent):
    """Filled, evacuated and sealed; filling stays open until the cells have soaked."""

    cells: tuple[CellReport, ...]
    consumed: tuple[Consumed, ...]  # the electrolyte (kg)


@dataclass(frozen=True, kw_only=True)
class CellLotSoaked(LineEvent):
    cells: tuple[CellReport, ...]


@dataclass(frozen=True, kw_only=True)
class FormationStarted(LineEvent):
    """The tray is in the cabinet, each cell on its channel; formation stays open until `CellLotFormed`."""

    tray: str
    cells: tuple[CellReport, ...]
    prechecks: tuple[CellReport, ...]


@dataclass(frozen=True, kw_only=True)
class CellLotFormed(LineEvent):
    tray: str
    cells: tuple[CellReport, ...]


@dataclass(frozen=True, kw_only=True)
class CellLotFinished(LineEvent):
    """The gas of formation is drawn off, the pouch is sealed for good, and the seam is tested."""

    records: tuple[tuple[str, tuple[CellReport, ...]], ...]  # step, and what each cell reports there


@dataclass(frozen=True, kw_only=True)
class CellLotAccepted(LineEvent):
    cells: tuple[CellReport, ...]
    aged: tuple[CellReport, ...]
