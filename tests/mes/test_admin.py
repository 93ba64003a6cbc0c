"""The admin is off by default; switched on, it shows material and evidence and changes neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Lot, User
from quality.actions.hold import hold_by_hand
from tests.conftest import Database
from tests.support.builders import make_plant, publish

ROOT = Path(__file__).resolve().parents[2]

# Runs in a process of its own: whether the admin exists is settled when Django starts.
TRY_TO_SHIP = """
import django
django.setup()
from django.test import Client
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
from lots.models import Lot, User
client = Client()
client.force_login(User.objects.get(username="root"))
lot = Lot.objects.get(pk=int({lot}))
page = client.get(f"/admin/lots/lot/{{lot.pk}}/change/")
changed = client.post(f"/admin/lots/lot/{{lot.pk}}/change/", {{"state": "shipped"}})
deleted = client.post(f"/admin/lots/lot/{{lot.pk}}/delete/", {{"post": "yes"}})
lot.refresh_from_db()
print(page.status_code, changed.status_code, deleted.status_code, lot.state)
"""


@pytest.mark.django_db
def test_admin_is_off_by_default() -> None:
    assert Client().get("/admin/").status_code == 404


def test_held_lot_cannot_be_changed_or_deleted_in_the_admin(fresh_database: Database) -> None:
    plant = make_plant()
    publish(plant)
    lot = plant.lot()
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    User.objects.create_superuser("root", password="x")
    result = subprocess.run(
        [sys.executable, "-c", TRY_TO_SHIP.format(lot=lot.pk)],
        env=os.environ | fresh_database.environment | {"HALITE_ADMIN": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout.split() == ["200", "403", "403", "active"], result.stderr
    assert Lot.objects.get(pk=lot.pk).state == "active"
