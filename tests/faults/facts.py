"""Ask the database, after everything has healed, for all that the checker wants to know."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from lots.audit import verify
from lots.models import Hold, IdempotencyKey, Measurement, Submission, Supersession
from quality.containment import recount
from spc.models import Chart, ChartState, OutboxEntry, SubgroupMember
from spc.queries import current_points
from tests.faults.history import Facts
from tests.support.recomputed import stored, whole

# Commit times, not clocks: which of two transactions was visible first.
MOVED_HELD = """
SELECT DISTINCT l.code FROM lots_movement m
JOIN lots_holdlot h ON h.lot_id = m.lot_id JOIN lots_lot l ON l.id = m.lot_id
WHERE NOT m.reported AND pg_xact_commit_timestamp(h.xmin) < pg_xact_commit_timestamp(m.xmin)
"""
# A start asks for no evaluation of what the step is going to measure; taking from the lot does.
EARLY_MOVES = """
SELECT DISTINCT l.code FROM lots_movement m JOIN lots_lot l ON l.id = m.lot_id
JOIN lots_measurement v ON v.lot_id = m.lot_id JOIN lots_submission s ON s.id = v.submission_id
JOIN spc_outboxentry o ON o.submission_id = v.submission_id
WHERE m.kind <> 'start_step' AND pg_xact_commit_timestamp(s.xmin) < m.moved_at
  AND (o.processed_at IS NULL OR pg_xact_commit_timestamp(o.xmin) > pg_xact_commit_timestamp(m.xmin))
  AND o.quarantined_at IS NULL
"""
HALF = """
SELECT 'submission ' || s.uuid || ' has no key' FROM lots_submission s
  LEFT JOIN lots_idempotencykey k ON k.submission_id = s.id WHERE k.id IS NULL
UNION ALL SELECT 'execution ' || e.id || ' has no movement' FROM lots_stepexecution e
  LEFT JOIN lots_movement m ON m.execution_id = e.id WHERE m.id IS NULL
UNION ALL SELECT 'hold ' || h.id || ' has no lot' FROM lots_hold h
  LEFT JOIN lots_holdlot m ON m.hold_id = h.id WHERE m.id IS NULL
UNION ALL SELECT 'signal ' || s.id || ' was never judged' FROM spc_signal s
  JOIN spc_point p ON p.id = s.point_id WHERE s.judged_at IS NULL AND p.replaced_at IS NULL
UNION ALL SELECT 'reported movement ' || m.id || ' is held by nothing' FROM lots_movement m
  LEFT JOIN (lots_holdlot l JOIN lots_hold h ON h.id = l.hold_id AND h.source = 'unauthorised') ON l.lot_id = m.lot_id
  WHERE m.reported AND l.id IS NULL
UNION ALL SELECT 'hold ' || h.id || ' of a report has no nonconformance' FROM lots_hold h
  LEFT JOIN quality_nonconformance n ON n.hold_id = h.id WHERE h.source = 'unauthorised' AND n.id IS NULL
UNION ALL SELECT 'violating judgement ' || j.id || ' has no defect' FROM quality_judgement j
  LEFT JOIN quality_defect d ON d.judgement_id = j.id WHERE j.verdict = 'violates' AND d.id IS NULL
"""
# Of each reading beyond the limits, the first hold that a signal at its point led to: a reading that comes late may
# complete another pattern there, whose hold is due since that reading and not since this one.
DELAYS = """
SELECT l.code, extract(epoch FROM s.received_at), extract(epoch FROM min(h.created_at))
FROM lots_measurement v JOIN lots_submission s ON s.id = v.submission_id JOIN lots_lot l ON l.id = v.lot_id
JOIN spc_outboxentry o ON o.submission_id = s.id AND o.quarantined_at IS NULL
LEFT JOIN spc_subgroupmember m ON m.measurement_id = v.id LEFT JOIN spc_point p ON p.subgroup_id = m.subgroup_id
LEFT JOIN spc_signal g ON g.point_id = p.id LEFT JOIN lots_hold h ON h.source = 'signal' AND h.source_id = g.id
WHERE v.value = 67 AND v.quality = 'good' GROUP BY l.code, v.id, s.received_at
"""


def gather(prefixes: tuple[str, ...]) -> Facts:
    """Facts about the submissions whose keys begin with one of the prefixes, and about everything else whole."""
    facts = Facts(
        moved_held=[row[0] for row in _rows(MOVED_HELD)],
        early_moves=[row[0] for row in _rows(EARLY_MOVES)],
        half=[row[0] for row in _rows(HALF)],
        pending=OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True).count(),
        audit=[f"{bad.chain} row {bad.sequence}: {bad.reason}" for bad in verify()],
        uncontained=[str(hold.uuid) for hold in Hold.objects.all() if not recount(hold).agrees],
    )
    clocks = time.monotonic() - time.time()
    for code, received, held in _rows(DELAYS):
        placed = None if held is None else float(held) + clocks
        facts.holds_due.setdefault(code, []).append((float(received) + clocks, placed))
    for code, source in _rows(
        "SELECT l.code, h.source FROM lots_holdlot m"
        " JOIN lots_hold h ON h.id = m.hold_id JOIN lots_lot l ON l.id = m.lot_id"
    ):
        facts.holds.setdefault(code, []).append(source)
    _submissions(facts, prefixes)
    _charts(facts)
    _poison(facts)
    return facts


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _submissions(facts: Facts, prefixes: tuple[str, ...]) -> None:
    keys = {
        key: submission
        for key, submission in IdempotencyKey.objects.values_list("key", "submission")
        if key.startswith(prefixes) and submission is not None
    }
    said = dict(Submission.objects.filter(pk__in=keys.values()).values_list("pk", "measurement_count"))
    rows = defaultdict(list)
    for row in Measurement.objects.filter(submission__in=keys.values()).order_by("sequence"):
        rows[row.submission_id].append(row)
    for key, submission in keys.items():
        facts.values[key] = [row.entered_text for row in rows[submission]]
        facts.counted[key] = (said[submission], len(rows[submission]))
        facts.future[key] = [row.quality for row in rows[submission]]


def _charts(facts: Facts) -> None:
    quarantined = OutboxEntry.objects.filter(quarantined_at__isnull=False).values("submission")
    for chart in Chart.objects.select_related("stream__plan"):
        floor = ChartState.objects.get(chart=chart).limit_revision
        points = current_points(chart.pk).filter(sequence__gte=floor.from_sequence if floor else 0)
        facts.points[chart.pk] = [(p.sequence, p.measured_at.timestamp()) for p in points]
        charted = Measurement.objects.filter(
            characteristic=chart.stream.plan.characteristic_id, quality="good"
        ).exclude(submission__in=quarantined)
        in_subgroups = Counter(key for (key,) in _rows("SELECT measurement_id FROM spc_subgroupmember"))
        corrected = set(Supersession.objects.values_list("old_id", flat=True))
        facts.memberships |= {
            key: in_subgroups[key]
            for key in charted.values_list("id", flat=True)
            if in_subgroups[key] or key not in corrected  # corrected before it was charted
        }
        facts.differing += _differing(chart, charted)


def _differing(chart: Chart, charted: QuerySet[Measurement]) -> list[str]:
    """The first place where the chart is not what a full recomputation gives; poison leaves no such chain whole."""
    limits = ChartState.objects.get(chart=chart).limit_revision
    quarantined = OutboxEntry.objects.filter(quarantined_at__isnull=False, chart=chart).values("submission")
    broken = Measurement.objects.filter(submission__in=quarantined).values("id")
    touched = (
        Q(old_id__in=broken) | Q(new_id__in=broken) | Q(submission__in=quarantined)
    )  # a withdrawal has no reading
    if limits is None or Supersession.objects.filter(touched).exists():
        return []
    earlier = current_points(chart.pk).filter(sequence__lt=limits.from_sequence).values("subgroup")
    basis = SubgroupMember.objects.filter(subgroup__in=earlier).values("measurement_id")
    expected = whole(chart, charted.exclude(id__in=basis)).points
    pairs = zip_longest(stored(chart), expected)
    different = next(((is_, should) for is_, should in pairs if is_ != should), None)
    return [f"chart {chart.pk} shows {different[0]} for {different[1]}"] if different else []


def _poison(facts: Facts) -> None:
    held = set(Hold.objects.filter(source=Hold.Source.POISON).values_list("source_id", flat=True))
    entries = OutboxEntry.objects.filter(quarantined_at__isnull=False).values_list("pk", flat=True)
    facts.unheld_poison = [key for key in entries if key not in held]
