"""Every address of Halite: probes, API v1, pages."""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from mes.api.router import api
from mes.health import healthz, metrics, readyz

handler500 = "mes.health.failed"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", api.urls),
]
if find_spec("mes.web.urls") is not None:
    urlpatterns.append(path("", include("mes.web.urls")))
if settings.ADMIN_ENABLED:
    urlpatterns.append(path("admin/", admin.site.urls))
