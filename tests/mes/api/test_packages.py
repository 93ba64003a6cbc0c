"""Evidence packages by the API: asked for, followed, signed and fetched."""

from __future__ import annotations

import hashlib

import pytest

from mes import packages
from quality.models import EvidencePackage
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, make_site, make_user
from tests.support.packaged import documented_lot, package_plant

pytestmark = pytest.mark.django_db


def test_package_by_the_api() -> None:
    plant = package_plant()
    lot = documented_lot(plant)
    engineer = ApiClient(plant.site, plant.engineer)
    for body, status in (
        ({}, 422),
        ({"lot": lot.code, "qualification": {"product": "P", "revision": "A"}}, 422),
        ({"lot": "NONE"}, 404),
        ({"qualification": {"product": plant.product.product.code, "revision": "A"}}, 409),
    ):
        assert engineer.post("/packages", body).status_code == status, body
    asked = engineer.post("/packages", {"lot": lot.code})
    assert asked.status_code == 202 and asked.json()["state"] == "building"
    path = f"/packages/{asked.json()['id']}"
    assert engineer.get(f"{path}/archive").status_code == 404
    assert engineer.post(f"{path}/signature", {"password": PASSWORD}).status_code == 409
    package = EvidencePackage.objects.get()
    packages.build_package(package.pk, now=package.created_at)
    shown = engineer.get(path).json()
    assert shown["state"] == "built" and shown["findings"] == []
    assert shown["manifest"]["files"]["09_deviations.pdf"]
    operator = ApiClient(plant.site, plant.operator)
    assert operator.post(f"{path}/signature", {"password": PASSWORD}).status_code == 403
    assert engineer.post(f"{path}/signature", {"password": PASSWORD}).json()["state"] == "signed"
    auditor = ApiClient(plant.site, make_user(plant.site, "auditor"))
    archive = auditor.get(f"{path}/archive")
    assert archive["Content-Type"] == "application/zip"
    (item,) = auditor.get("/packages", lot=lot.code).json()["items"]
    assert hashlib.sha256(archive.content).hexdigest() == item["archive_sha256"]
    elsewhere = make_site()
    stranger = ApiClient(elsewhere, make_user(elsewhere, "quality_engineer"))
    assert stranger.get("/packages").json()["items"] == []
    for other in (path, f"{path}/archive"):
        assert stranger.get(other).status_code == 404
