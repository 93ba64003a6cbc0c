"""Template tags of the design system: what needs a lookup or arithmetic that a template cannot do.

Content Security Policy forbids inline styles, so positions are written as SVG attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mes.web.navigation import NAVIGATION

register = template.Library()

ICON_SPRITE = "vendor/tabler-icons/3.51.0/sprite.svg"

Number = float | int | Decimal


@dataclass(frozen=True)
class Sign:
    """A state as the user sees it: a word, an icon and a colour class; never the colour alone."""

    word: str
    icon: str
    tone: str


STATUSES = {
    "running": Sign("Running", "player-play", "running"),
    "active": Sign("Active", "player-play", "running"),
    "held": Sign("Held", "lock", "held"),
    "waiting": Sign("Waiting", "hourglass", "waiting"),
    "pending": Sign("Pending", "hourglass", "waiting"),
    "containment_pending": Sign("Containment pending", "hourglass", "waiting"),
    "released": Sign("Released", "circle-check", "released"),
    "green": Sign("Gate green", "circle-check", "released"),
    "consumed": Sign("Consumed", "arrow-right", "neutral"),
    "packed": Sign("Packed", "package", "neutral"),
    "shipped": Sign("Shipped", "upload", "neutral"),
    "scrapped": Sign("Scrapped", "trash", "scrapped"),
    "voided": Sign("Voided", "eye-off", "scrapped"),
    "learning": Sign("Learning", "school", "learning"),
    "frozen": Sign("Frozen", "snowflake", "frozen"),
    "signal": Sign("Signal", "alert-triangle", "held"),
    "suspect": Sign("Suspect", "help-circle", "waiting"),
    "quarantined": Sign("Quarantined", "alert-octagon", "held"),
    "idle": Sign("Idle", "player-pause", "neutral"),
}

SOURCE_TYPES = {
    "handbook": Sign("Handbook", "book", "handbook"),
    "literature": Sign("Literature", "file-text", "literature"),
    "real_data": Sign("Real data", "database", "real-data"),
    "computed": Sign("Computed", "activity", "literature"),
    "assumption": Sign("Assumption", "alert-triangle", "assumption"),
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; decorative unless `label` names it for screen readers."""
    href = f"{static(ICON_SPRITE)}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


@register.inclusion_tag("web/includes/nav.html")
def navigation(active: str) -> dict[str, object]:
    """The places to go to, with the active one marked."""
    far = any(place.name == active and not place.near for group in NAVIGATION for place in group.places)
    return {"groups": NAVIGATION, "active": active, "far": far}


def sign_of(table: dict[str, Sign], code: str) -> Sign:
    """The sign of a code; an unknown code keeps its own words and a question mark, so that nothing hides."""
    key = str(code).strip().lower().replace(" ", "_").replace("-", "_")
    return table.get(key) or Sign(
        str(code).replace("_", " ").capitalize() or "Unknown", "help-circle", "neutral"
    )


@register.inclusion_tag("web/includes/status_badge.html")
def status_badge(status: str, word: str = "") -> dict[str, object]:
    """Solid badge of a state (see STATUSES); `word` replaces the standard word, keeping icon and colour."""
    sign = sign_of(STATUSES, status)
    return {"tone": sign.tone, "icon_name": sign.icon, "word": word or sign.word}


@register.inclusion_tag("web/includes/source_badge.html")
def source_badge(source_type: str) -> dict[str, object]:
    """Where a number comes from (see SOURCE_TYPES); an assumption is hatched and says so."""
    sign = sign_of(SOURCE_TYPES, source_type)
    return {"tone": sign.tone, "icon_name": sign.icon, "word": sign.word}


@dataclass(frozen=True)
class BarGeometry:
    """Horizontal positions in percent of the bar's width; None where the limit does not exist."""

    value: float | None
    lsl: float | None
    usl: float | None
    target: float | None
    off_scale: bool


def _axis(lowest: float, highest: float, value: float | None, *, below: bool) -> tuple[float, float]:
    """Ends of the bar. `below`: the values that conform to a single limit lie below it."""
    if highest > lowest:
        margin = (highest - lowest) / 4
        return lowest - margin, highest + margin
    distance = 0.0 if value is None else (value - lowest if below else lowest - value)
    unit = max(abs(lowest) / 4, 1.1 * distance, -distance / 3.6) or 1.0
    return (lowest - 4 * unit, lowest + unit) if below else (lowest - unit, lowest + 4 * unit)


def bar_geometry(
    value: Number | None, lsl: Number | None, usl: Number | None, target: Number | None
) -> BarGeometry:
    """Place a value among its specification limits.

    The axis spans limits and target with a quarter of that span on either side; a single limit stands at
    four fifths of an axis that reaches the value. A value off the axis sits at its edge.
    """
    anchors = [float(limit) for limit in (lsl, usl, target) if limit is not None]
    if not anchors:
        return BarGeometry(None if value is None else 50.0, None, None, None, off_scale=False)
    low, high = _axis(
        min(anchors), max(anchors), None if value is None else float(value), below=usl is not None
    )

    def percent(number: Number | None) -> float | None:
        return None if number is None else round(100 * (float(number) - low) / (high - low), 2)

    place = percent(value)
    off_scale = place is not None and not 2 <= place <= 98
    return BarGeometry(
        value=None if place is None else min(98.0, max(2.0, place)),
        lsl=percent(lsl),
        usl=percent(usl),
        target=percent(target),
        off_scale=off_scale,
    )


def specification_verdict(value: Number | None, lsl: Number | None, usl: Number | None) -> Sign:
    """Words for a value against its limits; a value exactly on a limit conforms."""
    if value is None:
        return Sign("Missing", "help-circle", "waiting")
    if lsl is None and usl is None:
        return Sign("No specification", "info-circle", "neutral")
    if lsl is not None and value < lsl:
        return Sign("Below LSL", "alert-octagon", "held")
    if usl is not None and value > usl:
        return Sign("Above USL", "alert-octagon", "held")
    return Sign("In specification", "circle-check", "running")


@register.inclusion_tag("web/includes/limits_bar.html")
def limits_bar(
    value: Number | None,
    lsl: Number | None = None,
    usl: Number | None = None,
    target: Number | None = None,
    unit: str = "",
    decimals: int = 2,
) -> dict[str, object]:
    """A value on a bar with its specification limits and target, and the verdict in words."""
    bar = bar_geometry(value, lsl, usl, target)
    inside_from = bar.lsl if bar.lsl is not None else 0.0
    inside_to = bar.usl if bar.usl is not None else 100.0
    return {
        "bar": bar,
        "inside_from": inside_from,
        "inside_width": round(inside_to - inside_from, 2),
        "has_specification": lsl is not None or usl is not None,
        "verdict": specification_verdict(value, lsl, usl),
        "value": value,
        "lsl": lsl,
        "usl": usl,
        "target": target,
        "unit": unit,
        "decimals": decimals,
    }
