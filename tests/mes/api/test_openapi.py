from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from mes.api.router import api

OPERATIONS = [
    (method, path, operation)
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method, operation in methods.items()
]


def test_description_is_served() -> None:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    document = response.json()
    assert document["openapi"].startswith("3.")
    assert "/api/v1/submissions" in document["paths"]
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Session"}


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)
def test_operation_declares_its_refusals(method: str, path: str, operation: dict) -> None:
    declared = {int(status) for status in operation["responses"]}
    expected = {401, 403, 422, 503}
    if method == "post":
        expected |= {400, 409, 413}
    if "{" in path:
        expected.add(404)
    assert expected <= declared
    assert operation["security"] and operation["description"]
    for status in expected:
        content = operation["responses"][status]["content"]["application/json"]["schema"]
        assert content["$ref"] == "#/components/schemas/Refusal"


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)
@pytest.mark.django_db
def test_nobody_calls_without_a_key(method: str, path: str, operation: dict) -> None:
    path = path.replace("{package_id}", "00000000-0000-0000-0000-000000000001")
    path = re.sub(r"\{(code|\w+_id)\}", "1", path)
    path = path.replace("{record}", str(uuid.UUID(int=1)))
    call = getattr(Client(enforce_csrf_checks=True), method)
    response = call(path, {}, content_type="application/json")
    assert response.status_code == 401 and response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"
