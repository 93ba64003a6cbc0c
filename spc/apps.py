from __future__ import annotations

from django.apps import AppConfig


class SpcConfig(AppConfig):
    name = "spc"
    default_auto_field = "django.db.models.BigAutoField"
