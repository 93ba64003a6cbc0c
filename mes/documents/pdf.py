"""Documents as PDF: typst templates beside this module, filled from JSON."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import segno
import typst

HERE = Path(__file__).parent


def render(
    template: str, content: Mapping[str, Any], *, link: str, pages_as: Literal["pdf", "png"] = "pdf"
) -> bytes:
    """Compile `template` (a name here, without `.typ`) with `content.json` and a QR code of `link` beside it.

    `pages_as` "png" gives a document of one page as a picture. Only the fonts that typst brings are used, so that a
    document looks alike everywhere.
    """
    with tempfile.TemporaryDirectory(prefix="halite-document-") as folder:
        root = Path(folder)
        source = root / "document.typ"
        source.write_text((HERE / f"{template}.typ").read_text())
        (root / "content.json").write_text(json.dumps(content, ensure_ascii=False))
        drawn = io.BytesIO()
        segno.make(link, error="m", micro=False).save(drawn, kind="svg", border=0, xmldecl=True)
        (root / "qr.svg").write_bytes(drawn.getvalue())
        return typst.compile(source, root=root, format=pages_as, ignore_system_fonts=True)
