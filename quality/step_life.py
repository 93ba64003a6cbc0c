"""How long the result of a step keeps: released slurry and prepared collectors are to be used within their window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from lots.clock import local_words, site_time
from lots.models import Lot, RouteStep, StepExecution
from lots.queries import recipe_values
from lots.steps import STEPS
from quality.blockers import Blocker, Code, lot_blocker

KEEPS = {step.code: step.keeps for step in STEPS if step.keeps}


def outlived_blockers(
    lot: Lot,
    steps: Iterable[RouteStep],
    executions: Mapping[tuple[int, int], StepExecution],
    now: datetime,
) -> list[Blocker]:
    """Finished steps whose result no longer keeps, by the hours that the lot's recipe gives; without them it keeps."""
    found = []
    for step in steps:
        name, execution = KEEPS.get(step.step.code), executions.get((lot.pk, step.pk))
        if name is None or execution is None or execution.finished_at is None:
            continue
        hours = recipe_values([lot])[lot.pk].get(name)
        if hours is None:
            continue
        ends = execution.finished_at + timedelta(hours=hours)
        if ends <= site_time(lot.site, now):
            words = f"{step.step.name.lower()} keeps {hours:g} h, until {local_words(lot.site, ends)}; do it again"
            found.append(lot_blocker(Code.EXPIRED, words, lot))
    return found
