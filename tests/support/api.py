"""A client of API v1, as a machine or as a person uses it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from lots.actions.ensure_source import issue_key
from lots.models import Lot, Site, Source, User

BASE = "/api/v1"


class ApiClient:
    """Sends JSON with an API key of `user` at `site`."""

    def __init__(self, site: Site, user: User) -> None:
        self.source = Source.objects.create(
            site=site, code=f"api-{user.username}", name="Test client", user=user
        )
        self.key = issue_key(self.source, by=user)
        self.client = Client(raise_request_exception=False)

    def post(self, path: str, body: Any, *, key: str = "", **headers: str) -> Any:
        """`body` is an object, or JSON text to be sent to the letter."""
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        if key:
            headers["HTTP_IDEMPOTENCY_KEY"] = key
        return self.client.post(BASE + path, text, "application/json", **self._headers(headers))

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(BASE + path, query, **self._headers({}))

    def _headers(self, headers: dict[str, str]) -> dict[str, Any]:
        return {"HTTP_AUTHORIZATION": f"Bearer {self.key}"} | headers


def reading(lot: Lot, characteristic: str, value: Any, unit: str, **other: Any) -> dict[str, Any]:
    """A reading of a lot, measured a second ago; `other` fields come on top."""
    measured_at = (timezone.now() - timedelta(seconds=1)).isoformat()
    base = {
        "characteristic": characteristic,
        "value": value,
        "unit": unit,
        "measured_at": measured_at,
        "lot": lot.code,
    }
    return base | other
