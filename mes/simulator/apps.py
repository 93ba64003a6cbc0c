"""The simulator as a Django application: its commands and the tables of the declared truth. Never in a plant."""

from __future__ import annotations

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    name = "mes.simulator"
    label = "simulator"
