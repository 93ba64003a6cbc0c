"""A cycler file for one cell: its cycles at their instants, and remarks for the person who brings it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np

from lots.science.formation.counters import CounterVerdict
from lots.science.formation.cycles import CutoffSource, Cycle
from lots.science.formation.features import FormationResult, formation_result
from lots.science.formation.protocol import FormationProtocol
from mes.connectors.cycler.model import CyclerTest
from mes.connectors.cycler.read import MAX_BYTES, read_cycler_file
from mes.connectors.files import UnreadableFile


@dataclass(frozen=True)
class CyclerCycle:
    """One cycle with its instants, UTC. `cutoffs_reached` and `ce_pct` are None where nothing that is set tells."""

    values: Cycle
    started_at: datetime
    ended_at: datetime

    @property
    def number(self) -> int:
        return self.values.number

    @property
    def charge_ah(self) -> float:
        return self.values.charge_ah

    @property
    def discharge_ah(self) -> float:
        return self.values.discharge_ah

    @property
    def counter_deviation_pct(self) -> float | None:
        return self.values.counter_deviation_pct

    @property
    def counters_agree(self) -> bool:
        return self.values.counters is CounterVerdict.AGREES

    @property
    def cutoffs_reached(self) -> bool | None:
        """What a step table or a protocol says. That other cycles ended alike is no evidence for a record."""
        return None if self.values.cutoff_source is CutoffSource.REPEATS else self.values.cutoffs_reached

    @property
    def ce_pct(self) -> float | None:
        return self.values.ce_pct if self.cutoffs_reached else None


@dataclass(frozen=True)
class CyclerFile:
    """What a cycler file says. `temperature_c` is the mean of its temperature channel, None without one.

    `clock_zone_known` is False when the records carry a wall clock and no zone was given: the instants are then the
    wall clock labelled UTC. `dated` is False when the file tells no date: its last record was then taken as
    `fallback_end`.
    """

    format: str
    sha256: str
    size_bytes: int
    rows: int
    cycles: tuple[CyclerCycle, ...]
    started_at: datetime
    ended_at: datetime
    clock_zone_known: bool
    dated: bool
    temperature_c: float | None
    remarks: tuple[str, ...]
    test: CyclerTest
    result: FormationResult


def read_file_of_cell(
    path: str | Path,
    *,
    max_bytes: int = MAX_BYTES,
    wall_clock_zone: tzinfo | None = None,
    fallback_end: datetime | None = None,
    protocol: FormationProtocol | None = None,
    nominal_capacity_ah: float | None = None,
) -> CyclerFile:
    """Read the file of any supported cycler.

    `wall_clock_zone` is the zone of the cycler's computer, used where the records carry its wall clock;
    `fallback_end` the instant of the last record of a file without a date (the epoch without one); `protocol` the one
    under which the test ran, whose currents follow from `nominal_capacity_ah`.

    Raises:
        UnreadableFile: see `mes.connectors.cycler.read.read_cycler_file`.
    """
    read = read_cycler_file(path, max_bytes=max_bytes)
    test, records = read.test, read.test.records
    duration = timedelta(seconds=float(records.time_s[-1] - records.time_s[0]))
    dated = test.started_at is not None
    try:
        if test.started_at is None:
            started_at = (fallback_end or datetime.fromtimestamp(0, UTC) + duration) - duration
        elif test.is_utc or wall_clock_zone is None:
            started_at = test.started_at.replace(tzinfo=UTC)
        else:
            started_at = test.started_at.replace(tzinfo=wall_clock_zone).astimezone(UTC)
        ended_at = started_at + duration
        origin = started_at - timedelta(seconds=float(records.time_s[0]))
    except (OverflowError, ValueError) as error:
        raise UnreadableFile(
            f"{Path(path).name} carries a date that no clock shows: export it again."
        ) from error
    result = formation_result(
        records,
        ended_at_cutoff=test.ended_at_cutoff,
        counter=test.counter,
        protocol=protocol,
        nominal_capacity_ah=nominal_capacity_ah,
    )
    found = tuple(
        CyclerCycle(
            cycle,
            max(started_at, origin + timedelta(seconds=cycle.start_s)),
            origin + timedelta(seconds=cycle.end_s),
        )
        for cycle in result.cycles
    )
    remarks = list(test.remarks) + _counter_remarks(found)
    if result.compliance is not None:
        said = [one.words for one in result.compliance.findings]
        said += [one.words for one in result.compliance.unjudged]
        remarks += [f"{words[0].upper()}{words[1:]}." for words in said]
    if not dated:
        remarks.append("The file tells no date that can be read: its last record is taken as now.")
    return CyclerFile(
        format=test.format,
        sha256=read.sha256,
        size_bytes=read.size_bytes,
        rows=records.size,
        cycles=found,
        started_at=started_at,
        ended_at=ended_at,
        clock_zone_known=test.is_utc or wall_clock_zone is not None or not dated,
        dated=dated,
        temperature_c=_mean_temperature(test),
        remarks=tuple(remarks),
        test=test,
        result=result,
    )


def _mean_temperature(test: CyclerTest) -> float | None:
    if test.records.temperature_c is None:
        return None
    known = test.records.temperature_c[np.isfinite(test.records.temperature_c)]
    return float(known.mean()) if known.size else None


def _counter_remarks(found: tuple[CyclerCycle, ...]) -> list[str]:
    remarks = []
    for verdict, words in (
        (CounterVerdict.DIFFERS, "Integrated capacity and the cycler's counter differ by more than 0.1 %"),
        (
            CounterVerdict.UNRESOLVED,
            "The current changes too much between records to be integrated; the counter's capacities are taken",
        ),
        (CounterVerdict.NONE, "The cycler counted nothing that the capacity could be checked against"),
    ):
        apart = [cycle.number for cycle in found if cycle.values.counters is verdict]
        if apart:
            named = ", ".join(map(str, apart[:5])) + (" and more" if len(apart) > 5 else "")
            remarks.append(f"{words} in {len(apart)} of {len(found)} cycles: {named}.")
    return remarks
