"""Looking a value up by a key that is itself a variable."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def get(mapping: Mapping[str, object], key: str) -> object:
    """`mapping[key]`, or an empty text."""
    return mapping.get(key, "")
