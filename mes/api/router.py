"""API v1: the door for machines and for other systems. Described at `openapi.json`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError

from mes.api import (
    acceptance,
    capability,
    charts,
    clock,
    deviations,
    errors,
    files,
    gauge_studies,
    lots,
    packages,
    quality,
    reactions,
    receipts,
    records,
    reports,
    rolls,
    safety,
    specifications,
    steps,
    submissions,
    zones,
)
from mes.api.auth import ApiKey, Session
from mes.api.parsing import ExactParser

api = NinjaAPI(
    title="Halite API",
    version="1",
    description="Measurements in, lots through their gates, evidence out. See docs/integrator.md.",
    urls_namespace="api-v1",
    docs_url=None,  # the usual documentation page loads assets from elsewhere
    auth=[ApiKey(), Session()],
    parser=ExactParser(),
)
errors.install(api)
for area in (
    submissions,
    lots,
    receipts,
    records,
    files,
    rolls,
    steps,
    reports,
    quality,
    reactions,
    deviations,
    specifications,
    packages,
    acceptance,
    safety,
    charts,
    capability,
    gauge_studies,
    zones,
    clock,
):
    api.add_router("", area.router)


def _unauthenticated(request: HttpRequest, error: Any) -> HttpResponse:
    return JsonResponse(
        {"code": "unauthenticated", "message": error.message},
        status=401,
        headers={"WWW-Authenticate": "Bearer"},
    )


api.add_exception_handler(AuthenticationError, _unauthenticated)
