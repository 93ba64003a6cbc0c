"""Celery tasks: each hands one key to the pipeline."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from mes import packages, pipeline


@shared_task(name="mes.tasks.evaluate_chart", ignore_result=True, acks_late=True)
def evaluate_chart(*, chart_id: int) -> None:
    """Drain one chart. A duplicate, late or lost task changes nothing."""
    pipeline.attempt_chart(chart_id, now=timezone.now())


@shared_task(
    name="mes.tasks.build_package",
    ignore_result=True,
    acks_late=True,
    time_limit=packages.LONGEST.total_seconds(),
)
def build_package(*, package_id: int) -> None:
    """Build one evidence package. A duplicate, late or lost task changes nothing.

    It may take longer than the broker waits before it hands the message out again: who gets it then finds the package
    taken and ends.
    """
    packages.build_package(package_id, now=timezone.now())
