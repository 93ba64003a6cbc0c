"""Count evidence again, in SQL of its own: every measurement evaluated exactly once, nothing lost."""

from __future__ import annotations

from django.db import connection

CHECKS = {
    "entries that are pending": """
        SELECT count(*) FROM spc_outboxentry WHERE processed_at IS NULL AND quarantined_at IS NULL""",
    "entries that were quarantined": "SELECT count(*) FROM spc_outboxentry WHERE quarantined_at IS NOT NULL",
    "charted measurements in no subgroup, or in several": """
        SELECT count(*) FROM (
            SELECT m.id FROM lots_measurement m
            JOIN spc_chartplan p ON p.characteristic_id = m.characteristic_id AND p.site_id = m.site_id
            LEFT JOIN spc_subgroupmember s ON s.measurement_id = m.id
            GROUP BY m.id HAVING count(s.id) <> 1) wrong""",
    "subgroup members without a measurement": """
        SELECT count(*) FROM spc_subgroupmember s LEFT JOIN lots_measurement m ON m.id = s.measurement_id
        WHERE m.id IS NULL OR m.value <> s.value::numeric""",
    "closed subgroups without a point, or with several": """
        SELECT count(*) FROM (
            SELECT s.id FROM spc_subgroup s LEFT JOIN spc_point p ON p.subgroup_id = s.id AND p.replaced_at IS NULL
            WHERE s.closed_at IS NOT NULL GROUP BY s.id HAVING count(p.id) <> 1) wrong""",
    "charts whose points have gaps": """
        SELECT count(*) FROM (
            SELECT chart_id FROM spc_point WHERE replaced_at IS NULL GROUP BY chart_id
            HAVING min(sequence) <> 0 OR max(sequence) <> count(*) - 1) wrong""",
    "charts whose state is not that of their last point": """
        SELECT count(*) FROM spc_chartstate c
        WHERE c.next_sequence <> (
            SELECT count(*) FROM spc_point p WHERE p.chart_id = c.chart_id AND p.replaced_at IS NULL)""",
    "signals not judged": """
        SELECT count(*) FROM spc_signal s JOIN spc_point p ON p.id = s.point_id
        WHERE s.judged_at IS NULL AND p.replaced_at IS NULL""",
    "judged signals without their one firing": """
        SELECT count(*) FROM (
            SELECT s.id FROM spc_signal s LEFT JOIN quality_reactionfiring f ON f.signal_id = s.id
            WHERE s.carried_from_id IS NULL GROUP BY s.id HAVING count(f.id) <> 1) wrong""",
    "signals that hold without their one hold": """
        SELECT count(*) FROM (
            SELECT s.id FROM spc_signal s
            LEFT JOIN lots_hold h ON h.source = 'signal' AND h.source_id = s.id
            WHERE s.reaction IN ('hold', 'contain') AND s.carried_from_id IS NULL
            GROUP BY s.id HAVING count(h.id) <> 1) wrong""",
}


def scalar(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def pending() -> int:
    return scalar(CHECKS["entries that are pending"])


def assert_evaluated_exactly_once() -> None:
    """Raises with everything that is wrong."""
    wrong = {name: count for name, sql in CHECKS.items() if (count := scalar(sql))}
    assert not wrong
