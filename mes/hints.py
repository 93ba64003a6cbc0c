"""Wake-up hints to the workers: sent after commit, never needed. The sweeper finds what they lose."""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog
from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import KombuError
from kombu.pools import producers
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

PAUSE_S = 5.0
# A frozen broker accepts connections and never answers: the workers' patience (15 s, several times over when
# Celery and Kombu try again) is not for somebody who waits at a form.
PATIENCE_S = 0.5
IMPATIENCE = {
    "socket_timeout": PATIENCE_S,
    "socket_connect_timeout": PATIENCE_S,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
_silent_until = 0.0


def send_hints(chart_ids: Iterable[int]) -> None:
    """Hint at each chart once the running transaction has committed."""
    wanted = sorted(set(chart_ids))
    if wanted:
        # A plain function: `robust` logs its name when it fails, and never fails the request.
        def send() -> None:
            publish(wanted)

        transaction.on_commit(send, robust=True)


def publish(chart_ids: list[int]) -> None:
    """Send the hints; after a failure stay silent for a while, so that a dead broker does not slow recording."""
    from mes.tasks import evaluate_chart

    _send(evaluate_chart, [{"chart_id": chart_id} for chart_id in chart_ids])


def publish_packages(package_ids: list[int]) -> None:
    """Tell the workers of evidence packages that wait to be built."""
    from mes.tasks import build_package

    _send(build_package, [{"package_id": package_id} for package_id in package_ids])


def _send(task: Task, messages: list[dict[str, int]]) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    broker = current_app.connection_for_write(transport_options=IMPATIENCE)
    try:
        with producers[broker].acquire(block=True, timeout=PATIENCE_S) as producer:
            for message in messages:
                task.apply_async(kwargs=message, producer=producer, retry=False)
    except (KombuError, RedisError, OSError) as error:
        _silent_until = time.monotonic() + PAUSE_S
        log.warning("hint_not_sent", task=task.name, messages=messages, error=str(error))
