"""The raw data of safety tests, kept under the digest of their content."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from mes.storage import keep
from quality.actions.safety import SafetyRefused

RAW_BYTES = 15_000_000


def keep_raw(content: bytes) -> str:
    """Store raw data; returns its digest, empty for none. Raises SafetyRefused where there is too much."""
    if len(content) > RAW_BYTES:
        raise SafetyRefused(f"raw: at most {RAW_BYTES // 1_000_000} MB; export it in parts")
    return keep(content, Path(settings.CURVES_DIR) / "safety", ".raw") if content else ""
