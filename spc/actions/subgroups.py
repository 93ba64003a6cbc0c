"""Form subgroups from the readings that the outbox brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Prefetch

from lots.models import Measurement, StepExecution, Supersession
from lots.queries import current_measurements, group_of, lots_by_id
from spc.labels import Labels, labels_of
from spc.models import Chart, ChartPlan, OutboxEntry, Subgroup, SubgroupMember
from spc.queries import current_members
from spc.streams import recipes_of, stratum_of, stratum_of_stream

By = ChartPlan.SubgroupBy


@dataclass
class Formed:
    """A subgroup with its readings, stored ones and new ones."""

    subgroup: Subgroup
    members: list[SubgroupMember] = field(default_factory=list)

    @property
    def measured_at(self) -> datetime:
        """The subgroup's instant on the chart: its last reading."""
        return max((member.measured_at for member in self.members), default=self.subgroup.opened_at)

    def close(self, by: Subgroup.ClosedBy, at: datetime) -> None:
        self.subgroup.closed_by, self.subgroup.closed_at = by, at


@dataclass
class Forming:
    """Subgroups that closed, and the keys of closed ones whose readings changed: their points must be plotted anew."""

    closed: list[Formed]
    changed: frozenset[int]


def form(
    chart: Chart, entries: Iterable[OutboxEntry], *, site_now: datetime, due_at_most: int | None = None
) -> Forming:
    """Put the entries' readings into subgroups, in (measured_at, sequence, id) order, and close what is due.

    Those that closed come in this order: those that became complete, in the order of their closing, then those whose
    step was finished or whose time is up, of which `due_at_most` are taken. Everything is stored.
    A reading that corrects another takes its place; one that came after its subgroup had closed unfilled joins it.
    """
    submissions = [entry.submission_id for entry in entries]
    still_open = open_subgroups(chart)
    rows = _readings(chart, submissions)
    labels = labels_of(chart.stream.plan, rows)
    corrections = Corrections(chart, submissions, labels)
    rows = corrections.take(rows, still_open)
    late = LateReadings(chart, still_open, labels)
    rows = late.take(rows)
    closed = _collect(chart, rows, still_open, labels)
    closed += _close_overdue(chart.stream.plan, still_open, site_now, due_at_most)
    _store(closed, still_open.values())
    SubgroupMember.objects.bulk_create(corrections.joined + late.joined)
    return Forming(closed, frozenset(corrections.changed | late.changed))


def open_subgroups(chart: Chart) -> dict[str, Formed]:
    """The chart's open subgroups by their key, oldest first."""
    stored = chart.subgroups.filter(closed_at__isnull=True).order_by("opened_at", "id")
    members = Prefetch("members", queryset=current_members())
    return {s.key: Formed(s, list(s.members.all())) for s in stored.prefetch_related(members)}


class Corrections:
    """Readings that supersede charted ones take their place in the subgroup; `changed` are closed subgroups."""

    def __init__(self, chart: Chart, submissions: Iterable[int], labels: Labels) -> None:
        self.labels = labels
        self.joined: list[SubgroupMember] = []
        self.changed: set[int] = set()
        self._predecessor: dict[int, int] = {}
        self._subgroup_of: dict[int, Subgroup] = {}
        wanted = set()
        for old, new in Supersession.objects.filter(submission__in=list(submissions)).values_list(
            "old_id", "new_id"
        ):
            wanted.add(old)
            if new is not None:
                self._predecessor[new] = old
        while wanted:
            members = SubgroupMember.objects.filter(measurement_id__in=wanted, subgroup__chart=chart)
            found = {m.measurement_id: m.subgroup for m in members.select_related("subgroup")}
            self._subgroup_of |= found
            # One that was corrected before it was ever charted stands for its own predecessor.
            earlier = Supersession.objects.filter(new_id__in=wanted - found.keys())
            hops = {new: old for old, new in earlier.values_list("old_id", "new_id") if new is not None}
            self._predecessor |= hops
            wanted = set(hops.values()) - self._subgroup_of.keys()
        self.changed = {s.pk for s in self._subgroup_of.values() if s.closed_at is not None}

    def take(self, rows: list[Measurement], still_open: dict[str, Formed]) -> list[Measurement]:
        """Place the readings that correct a charted one; returns the others."""
        others = []
        for row in rows:
            subgroup = self._place_of(row.id)
            if subgroup is None:
                others.append(row)
                continue
            member = _member(subgroup, row, self.labels)
            if subgroup.closed_at is None:
                still_open[subgroup.key].members.append(member)
            else:
                self.joined.append(member)
        return others

    def _place_of(self, key: int) -> Subgroup | None:
        while key in self._predecessor:
            key = self._predecessor[key]
            if key in self._subgroup_of:
                return self._subgroup_of[key]
        return None


class LateReadings:
    """Readings whose subgroup closed by time or with its step before it was full: they join it."""

    def __init__(self, chart: Chart, still_open: dict[str, Formed], labels: Labels) -> None:
        self.labels = labels
        self.chart, self.plan, self.still_open = chart, chart.stream.plan, still_open
        self.joined: list[SubgroupMember] = []
        self.changed: set[int] = set()

    def take(self, rows: list[Measurement]) -> list[Measurement]:
        """Place the late readings; returns the others."""
        if self.plan.subgroup_by not in {By.PROFILE, By.EXECUTION, By.GROUP} or not rows:
            return rows
        groups = groups_of(self.plan, rows)
        keys = {row.id: subgroup_key(self.plan, row, groups) for row in rows}
        unfilled = self._unfilled(set(keys.values()) - self.still_open.keys())
        others = []
        for row in rows:
            subgroup, room = unfilled.get(keys[row.id], (None, 0))
            if subgroup is None or room == 0:
                others.append(row)
                continue
            unfilled[keys[row.id]] = (subgroup, room - 1)
            self.joined.append(_member(subgroup, row, self.labels))
            self.changed.add(subgroup.pk)
        return others

    def _unfilled(self, keys: set[str]) -> dict[str, tuple[Subgroup, int]]:
        closed = self.chart.subgroups.filter(
            key__in=keys, closed_by__in=(Subgroup.ClosedBy.TIMEOUT, Subgroup.ClosedBy.STEP_CLOSED)
        )
        members = Prefetch("members", queryset=current_members())
        return {
            subgroup.key: (subgroup, max(0, _complete_at(self.plan) - len(subgroup.members.all())))
            for subgroup in closed.order_by("id").prefetch_related(members)
        }


def groups_of(plan: ChartPlan, rows: list[Measurement]) -> dict[int, int]:
    """Lot → its group, where the plan makes subgroups of these."""
    lots = {row.lot_id for row in rows if row.lot_id}
    return group_of(lots) if lots and plan.subgroup_by == By.GROUP else {}


def _collect(
    chart: Chart, rows: list[Measurement], still_open: dict[str, Formed], labels: Labels
) -> list[Formed]:
    """The subgroups that became complete; they leave `still_open`, new ones enter it."""
    plan = chart.stream.plan
    groups = groups_of(plan, rows)
    closed = []
    for row in rows:
        key = subgroup_key(plan, row, groups)
        if key not in still_open:
            still_open[key] = Formed(Subgroup(chart=chart, key=key, opened_at=row.measured_at))
        formed = still_open[key]
        formed.members.append(_member(formed.subgroup, row, labels))
        if _is_complete(plan, formed.members):
            formed.close(Subgroup.ClosedBy.COMPLETE, row.measured_at)
            closed.append(still_open.pop(key))
    return closed


def _close_overdue(
    plan: ChartPlan, still_open: dict[str, Formed], site_now: datetime, at_most: int | None
) -> list[Formed]:
    """The subgroups whose step was finished or whose time is up; they leave `still_open`."""
    closed = []
    for key, (by, at) in list(due(plan, still_open, site_now).items())[:at_most]:
        still_open[key].close(by, at)
        closed.append(still_open.pop(key))
    return closed


def due(
    plan: ChartPlan, still_open: dict[str, Formed], site_now: datetime
) -> dict[str, tuple[Subgroup.ClosedBy, datetime]]:
    """Which open subgroups are to be closed whatever they lack, by what and when, in the order of their points."""
    oldest = site_now - timedelta(seconds=plan.subgroup_timeout_s)
    finished = _finished(plan, still_open)
    found = {}
    ordered = sorted(still_open.items(), key=lambda item: (item[1].measured_at, item[1].subgroup.pk or 0))
    for key, formed in ordered:
        if key in finished:
            found[key] = (Subgroup.ClosedBy.STEP_CLOSED, finished[key])
        elif formed.subgroup.opened_at <= oldest:
            found[key] = (Subgroup.ClosedBy.TIMEOUT, site_now)
    return found


def _store(closed: list[Formed], still_open: Iterable[Formed]) -> None:
    changed = [formed.subgroup for formed in closed if formed.subgroup.pk is not None]
    Subgroup.objects.bulk_update(changed, ["closed_at", "closed_by"])
    everything = [*closed, *still_open]
    Subgroup.objects.bulk_create(formed.subgroup for formed in everything if formed.subgroup.pk is None)
    new = [member for formed in everything for member in formed.members if member.pk is None]
    for member in new:
        member.subgroup_id = member.subgroup.pk
    SubgroupMember.objects.bulk_create(new)


def subgroup_key(plan: ChartPlan, row: Measurement, groups: dict[int, int]) -> str:
    """What readings must share to be plotted as one point.

    Keys of subgroups inside one execution start with its key and a colon: finishing the step closes them.
    """
    if plan.subgroup_by == By.READING:
        return f"reading:{row.id}"
    if plan.subgroup_by == By.PROFILE:
        return f"{row.execution_id}:{row.roll_position_mm}"
    if plan.subgroup_by == By.EXECUTION:
        return f"{row.execution_id}:"
    if plan.subgroup_by == By.GROUP:
        return f"group:{groups.get(row.lot_id or 0, 0)}"
    return "consecutive"


def _readings(chart: Chart, submissions: list[int]) -> list[Measurement]:
    if not submissions:
        return []
    plan = chart.stream.plan
    rows = list(
        current_measurements(
            Measurement.objects.filter(submission__in=submissions, characteristic__in=plan.characteristic_ids)
        )
        .select_related("execution", "characteristic")
        .order_by("measured_at", "sequence", "id")
    )
    lots = dict(lots_by_id({row.lot_id for row in rows if row.lot_id}))
    recipes = recipes_of(lots)
    wanted = stratum_of_stream(chart.stream)
    return [row for row in rows if stratum_of(row, plan, lots, recipes) == wanted]


def _member(subgroup: Subgroup, row: Measurement, labels: Labels) -> SubgroupMember:
    return SubgroupMember(
        subgroup=subgroup,
        measurement_received_at=row.received_at,
        measurement_id=row.id,
        lot_id=row.lot_id,
        value=float(row.value),
        sample_size=row.sample_size,
        measured_at=row.measured_at,
        roll_position_mm=row.roll_position_mm,
        label=labels.get(row.id, ""),
    )


def _complete_at(plan: ChartPlan) -> int:
    return 1 if plan.subgroup_by == By.READING else plan.subgroup_size * (1 + len(plan.variables))


def _is_complete(plan: ChartPlan, members: list[SubgroupMember]) -> bool:
    """Whether it has all its readings; of several variables, of each of them."""
    if not plan.variables:
        return len(members) >= _complete_at(plan)
    counts = Counter(member.label for member in members)
    return len(counts) > len(plan.variables) and min(counts.values()) >= plan.subgroup_size


def _finished(plan: ChartPlan, still_open: dict[str, Formed]) -> dict[str, datetime]:
    """When the step of an open subgroup was finished, by the subgroup's key."""
    if plan.subgroup_by not in {By.PROFILE, By.EXECUTION} or not still_open:
        return {}
    executions = {key: int(key.split(":")[0]) for key in still_open}
    ends = dict(
        StepExecution.objects.filter(pk__in=executions.values(), finished_at__isnull=False).values_list(
            "pk", "finished_at"
        )
    )
    return {key: end for key, execution in executions.items() if (end := ends.get(execution)) is not None}
