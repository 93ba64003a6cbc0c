"""Helpers of the tests that use pages."""

from __future__ import annotations

from django.test import Client

from lots.models import Characteristic, Lot, StepExecution, User
from tests.support.builders import Plant, add_line, make_plant, publish, specify


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def field(characteristic: str, slot: int = 0, kind: str = "v") -> str:
    """The name of an input of the step form."""
    return f"{kind}-{Characteristic.objects.get(code=characteristic).pk}-{slot}"


def mixing_plant() -> Plant:
    """Mixing asks for solids content (64 to 66 %) and a sediment check."""
    plant = make_plant()
    specify(plant, "mixing.solids_pct", lsl="64", usl="66")
    specify(plant, "mixing.sediment_free", lsl="1")
    add_line(plant, "mixing.solids_pct")
    add_line(plant, "mixing.sediment_free")
    publish(plant)
    return plant


def running_mix(plant: Plant) -> tuple[Lot, StepExecution]:
    lot = plant.lot()
    return lot, plant.start(lot, "mixing")
