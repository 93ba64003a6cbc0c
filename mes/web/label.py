"""The label of a lot: a QR code of its code, and the words a person needs. One SVG, ready to print."""

from __future__ import annotations

import io

import segno
from django.utils.html import escape
from django.utils.timezone import localtime

from lots.models import Lot
from mes.web.templatetags.units import plain, unit

WIDTH_MM, HEIGHT_MM, QUIET_MM = 90, 36, 3


def label_svg(lot: Lot) -> str:
    """90 × 36 mm. The QR code holds the lot's code alone, as the station's scan field takes it."""
    code = segno.make(lot.code, error="q", micro=False)
    drawn = io.BytesIO()
    code.save(
        drawn,
        kind="svg",
        border=0,
        xmldecl=False,
        svgns=False,
        nl=False,
        omitsize=True,
        svgclass=None,
        lineclass=None,
    )
    modules = code.symbol_size(border=0)[0]
    side = HEIGHT_MM - 2 * QUIET_MM
    inner = drawn.getvalue().decode().split(">", 1)[1].removesuffix("</svg>")
    lines = [
        lot.material.name,
        f"{plain(lot.quantity)} {unit(lot.material.unit)}".strip(),
        f"{localtime(lot.created_at):%Y-%m-%d %H:%M}",
    ]
    if lot.product_revision is not None:
        lines.insert(1, str(lot.product_revision))
    if lot.simulated:
        lines.append("SIMULATED")
    left = HEIGHT_MM + 1
    size = min(7.0, 88 / max(1, len(lot.code)))  # a code of 48 characters still fits
    words = "".join(
        f'<text x="{left}" y="{15 + 4.6 * n:.1f}" font-size="3.6">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm"'
        f' viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" font-family="sans-serif">'
        f'<title>Label of lot {escape(lot.code)}</title><rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="#fff"/>'
        f'<svg x="{QUIET_MM}" y="{QUIET_MM}" width="{side}" height="{side}" viewBox="0 0 {modules} {modules}">'
        f"{inner}</svg>"
        f'<text x="{left}" y="10" font-size="{size:.1f}" font-weight="bold">{escape(lot.code)}</text>{words}</svg>'
    )
