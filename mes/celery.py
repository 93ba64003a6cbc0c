"""The Celery application. Start a worker: `celery -A mes.celery worker`.

Messages are hints: losing all of them delays an evaluation until the sweeper's next round, no more.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_process_init

from mes.runtime.processes import die_with_supervisor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mes.settings")

app = Celery("halite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["mes"])


@worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """A pool process left behind by a killed worker would keep its database transaction open."""
    die_with_supervisor()


@worker_init.connect
def refuse_unsafe_start(**_: Any) -> None:
    from mes import checks  # needs the loaded applications

    checks.refuse_unsafe_start()
