"""The application that holds the doors: pages, API, commands, checks."""

from __future__ import annotations

from django.apps import AppConfig


class MesConfig(AppConfig):
    name = "mes"

    def ready(self) -> None:
        # Registers the system checks, and makes ours the Celery application that tasks belong to.
        from mes import celery, checks  # noqa: F401
