"""UCUM codes as people write them."""

from __future__ import annotations

from decimal import Decimal

from django import template

from lots.units import written_unit

register = template.Library()


@register.filter
def unit(code: str) -> str:
    """A UCUM unit for the eye: `Cel` is °C, `1` is nothing. Stored and sent is always the code."""
    return written_unit(code)


@register.filter
def plain(number: Decimal | None) -> str:
    """A decimal without trailing zeros."""
    return "" if number is None else f"{number.normalize():f}"


@register.filter
def metres(millimetres: int | None) -> str:
    """Millimetres along a roll as metres."""
    return "" if millimetres is None else f"{Decimal(millimetres) / 1000:,.3f}".rstrip("0").rstrip(".")


@register.filter
def words(name: str) -> str:
    """A name of the code as words: `over_calendering` is over calendering."""
    return str(name).replace("_", " ")
