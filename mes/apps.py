"""The application that holds the doors: pages, API, commands, checks."""

from __future__ import annotations

from django.apps import AppConfig


class MesConfig(AppConfig):
    name = "mes"

    def ready(self) -> None:
        from mes import checks  # noqa: F401  # registers the system checks
