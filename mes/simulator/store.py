"""Keeps the declared truth of a run where the application cannot read it: schema `simulator_truth`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections
from psycopg.types.json import Jsonb

from mes.simulator.truth import LatentValue, TruthRecord

ALIAS = "simulator"


@dataclass
class TruthStore:
    """The truth of one run. `prefix` begins every lot code of the run and is never given twice."""

    run_id: int
    prefix: str
    latents_kept: int = 0

    @classmethod
    def begin(cls, purpose: str, *, seed: int, site_started_at: datetime) -> TruthStore:
        """Register a run. Raises django.db.DatabaseError when the database is away."""
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(
                "INSERT INTO simulator_truth.run (prefix, purpose, seed, site_started_at)"
                " VALUES (gen_random_uuid()::text, %s, %s, %s) RETURNING id",
                [purpose, seed, site_started_at],
            )
            run_id = cursor.fetchone()[0]
            prefix = f"R{run_id:03d}"
            cursor.execute("UPDATE simulator_truth.run SET prefix = %s WHERE id = %s", [prefix, run_id])
        return cls(run_id, prefix)

    def keep(self, truth: Sequence[TruthRecord], latents: Sequence[LatentValue]) -> None:
        """Store the faults as they are now, and the hidden values that came since the last call."""
        new = latents[self.latents_kept :]
        with connections[ALIAS].cursor() as cursor:
            for number, record in enumerate(truth):
                cursor.execute(UPSERT, [self.run_id, number, *_columns(record)])
            cursor.executemany(
                "INSERT INTO simulator_truth.latent (run_id, subject, name, value, at) VALUES (%s, %s, %s, %s, %s)",
                [(self.run_id, v.subject, v.name, v.value, v.at) for v in new],
            )
        self.latents_kept += len(new)


UPSERT = """
INSERT INTO simulator_truth.fault (run_id, number, fault, magnitude, shift_in_sigma, started_at, expected_step,
    expected_characteristics, affected_lots, descendant_lots, affected_intervals_mm)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id, number) DO UPDATE SET started_at = excluded.started_at,
    affected_lots = excluded.affected_lots, descendant_lots = excluded.descendant_lots,
    affected_intervals_mm = excluded.affected_intervals_mm
"""


def _columns(record: TruthRecord) -> list[Any]:
    return [
        record.fault,
        record.magnitude,
        record.shift_in_sigma,
        record.started_at,
        record.expected_step,
        list(record.expected_characteristics),
        list(record.affected_lots),
        list(record.descendant_lots),
        Jsonb([list(span) for span in record.affected_intervals_mm]),
    ]
