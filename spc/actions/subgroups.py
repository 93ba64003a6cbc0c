"""Form subgroups from the readings that the outbox brings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lots.models import Measurement, StepExecution
from lots.queries import current_measurements, group_of, lots_by_id
from spc.models import Chart, ChartPlan, OutboxEntry, Subgroup, SubgroupMember
from spc.streams import recipes_of, stratum_of, stratum_of_stream

By = ChartPlan.SubgroupBy


def collect(chart: Chart, entries: Iterable[OutboxEntry]) -> list[Subgroup]:
    """Put the entries' readings into subgroups, in (measured_at, sequence, id) order.

    Returns the subgroups that closed, in the order of their closing.
    """
    rows = _readings(chart, entries)
    if not rows:
        return []
    plan = chart.stream.plan
    groups = group_of({row.lot_id for row in rows if row.lot_id}) if plan.subgroup_by == By.GROUP else {}
    still_open = {s.key: s for s in chart.subgroups.filter(closed_at__isnull=True)}
    counts = {s.key: s.members.count() for s in still_open.values()}
    closed: list[Subgroup] = []
    members: list[SubgroupMember] = []
    for row in rows:
        key = subgroup_key(plan, row, groups)
        subgroup = still_open.get(key)
        if subgroup is None:
            subgroup = Subgroup.objects.create(chart=chart, key=key, opened_at=row.measured_at)
            still_open[key], counts[key] = subgroup, 0
        members.append(_member(subgroup, row))
        counts[key] += 1
        if counts[key] >= _complete_at(plan):
            closed.append(_close(still_open.pop(key), Subgroup.ClosedBy.COMPLETE, row.measured_at))
    SubgroupMember.objects.bulk_create(members)
    return closed


def close_overdue(chart: Chart, *, site_now: datetime) -> list[Subgroup]:
    """Close open subgroups whose step was finished or whose time is up."""
    closed = []
    plan = chart.stream.plan
    oldest = site_now - timedelta(seconds=plan.subgroup_timeout_s)
    for subgroup in chart.subgroups.filter(closed_at__isnull=True).order_by("opened_at", "id"):
        finished = _finished(plan, subgroup)
        if finished is not None:
            closed.append(_close(subgroup, Subgroup.ClosedBy.STEP_CLOSED, finished))
        elif subgroup.opened_at <= oldest:
            closed.append(_close(subgroup, Subgroup.ClosedBy.TIMEOUT, site_now))
    return closed


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


def _readings(chart: Chart, entries: Iterable[OutboxEntry]) -> list[Measurement]:
    submissions = [entry.submission_id for entry in entries]
    if not submissions:
        return []
    plan = chart.stream.plan
    rows = list(
        current_measurements(
            Measurement.objects.filter(submission__in=submissions, characteristic=plan.characteristic)
        )
        .select_related("execution")
        .order_by("measured_at", "sequence", "id")
    )
    lots = dict(lots_by_id({row.lot_id for row in rows if row.lot_id}))
    recipes = recipes_of(lots)
    wanted = stratum_of_stream(chart.stream)
    return [row for row in rows if stratum_of(row, plan, lots, recipes) == wanted]


def _member(subgroup: Subgroup, row: Measurement) -> SubgroupMember:
    return SubgroupMember(
        subgroup=subgroup,
        measurement_received_at=row.received_at,
        measurement_id=row.id,
        lot_id=row.lot_id,
        value=float(row.value),
        sample_size=row.sample_size,
        measured_at=row.measured_at,
        roll_position_mm=row.roll_position_mm,
    )


def _complete_at(plan: ChartPlan) -> int:
    return 1 if plan.subgroup_by == By.READING else plan.subgroup_size


def _close(subgroup: Subgroup, by: Subgroup.ClosedBy, at: datetime) -> Subgroup:
    subgroup.closed_at, subgroup.closed_by = at, by
    subgroup.save(update_fields=["closed_at", "closed_by"])
    return subgroup


def _finished(plan: ChartPlan, subgroup: Subgroup) -> datetime | None:
    if plan.subgroup_by not in {By.PROFILE, By.EXECUTION}:
        return None
    execution = int(subgroup.key.split(":")[0])
    return StepExecution.objects.values_list("finished_at", flat=True).get(pk=execution)
