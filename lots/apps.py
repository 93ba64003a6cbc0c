from __future__ import annotations

from django.apps import AppConfig


class LotsConfig(AppConfig):
    name = "lots"
    default_auto_field = "django.db.models.BigAutoField"
