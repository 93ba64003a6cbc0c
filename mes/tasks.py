"""Celery tasks: each hands one key to the pipeline."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from mes import pipeline


@shared_task(name="mes.tasks.evaluate_chart", ignore_result=True, acks_late=True)
def evaluate_chart(*, chart_id: int) -> None:
    """Drain one chart. A duplicate, late or lost task changes nothing."""
    pipeline.attempt_chart(chart_id, now=timezone.now())
