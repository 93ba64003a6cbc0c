"""Note in the outbox, in the recording's own transaction, which charts a submission concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from lots.models import Lot, Measurement, StepExecution, Submission
from spc.models import ChartPlan, OutboxEntry, Subgroup, SubgroupMember
from spc.streams import charts_for, recipes_of, stratum_of


def enqueue(
    submission: Submission,
    rows: Iterable[Measurement],
    plans: Iterable[ChartPlan],
    lots: dict[int, Lot],
    *,
    now: datetime,
    finished: StepExecution | None = None,
    superseded: Collection[int] = (),
) -> set[int]:
    """One outbox row per (submission, chart). Returns the charts' keys.

    With `finished`, charts that hold an open subgroup of that execution are woken too, so that it closes. Charts that
    plotted one of the `superseded` measurements, or are about to, plot it anew.
    """
    recipes = recipes_of(lots)
    by_characteristic: dict[int, list[ChartPlan]] = {}
    for plan in plans:
        for key in plan.characteristic_ids:
            by_characteristic.setdefault(key, []).append(plan)
    strata = {
        stratum
        for row in rows
        for plan in by_characteristic.get(row.characteristic_id, ())
        if (stratum := stratum_of(row, plan, lots, recipes)) is not None
    }
    keys = {chart.pk for chart in charts_for(strata).values()} if strata else set()
    if finished is not None:
        waiting = Subgroup.objects.filter(closed_at__isnull=True, key__startswith=f"{finished.pk}:")
        keys |= set(waiting.values_list("chart_id", flat=True))
    if superseded:
        # In this order: an evaluation under way may have read it as it was, and what it plots is not seen before it
        # commits; until then its entry is.
        recorded = Measurement.objects.filter(id__in=superseded).values("submission_id")
        waiting_for = OutboxEntry.objects.filter(submission__in=recorded, processed_at__isnull=True)
        keys |= set(waiting_for.values_list("chart_id", flat=True))
        plotted = SubgroupMember.objects.filter(measurement_id__in=superseded)
        keys |= set(plotted.values_list("subgroup__chart_id", flat=True))
    OutboxEntry.objects.bulk_create(
        OutboxEntry(submission=submission, chart_id=key, created_at=now) for key in sorted(keys)
    )
    return keys
