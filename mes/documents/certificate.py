"""The certificate of conformity of a release."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lots.units import written_unit
from mes.documents.pdf import render
from quality.models import Release


def certificate_pdf(release: Release, *, link: str) -> bytes:
    """The certificate as PDF; `link` is the address of the record, for the QR code."""
    return render("certificate", certificate_content(release), link=link)


def certificate_content(release: Release) -> dict[str, Any]:
    """What the certificate shows: the signed content, and the signature under it."""
    zone = ZoneInfo(release.site.time_zone)
    signature = release.signature
    return {
        **release.content,
        "unit": written_unit(release.content["unit"]),
        "rows": [row | {"unit": written_unit(row["unit"])} for row in release.content["rows"]],
        "certificate": release.certificate,
        "site": release.site.code,
        "site_name": release.site.name,
        "released_at": _instant(release.released_at, zone),
        "signed_by": signature.printed_name,
        "meaning": signature.meaning,
        "signed_at": _instant(signature.signed_at, zone)
        + (" (real time)" if release.content["simulated"] else ""),
        "record_hash": bytes(signature.record_hash).hex(),
    }


def _instant(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
