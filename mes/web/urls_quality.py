"""Pages of the quality and process engineer. Names live in the app namespace `web`."""
from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
