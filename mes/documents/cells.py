"""Texts in files that a spreadsheet opens."""

from __future__ import annotations


def harmless(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
