"""The points of a small line without axes, for a list: drawn by SVG attributes, since inline styles are forbidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 160, 36, 3


@dataclass(frozen=True)
class Sparkline:
    """`points` for <polyline>; the last point and the centre line in the same coordinates."""

    points: str
    last_x: float
    last_y: float
    center_y: float | None


def sparkline(values: Sequence[float], *, center: float | None) -> Sparkline | None:
    """Scale values into WIDTH × HEIGHT; None below two values. A centre line outside the values widens the scale."""
    if len(values) < 2:
        return None
    anchors = [*values, *([center] if center is not None else [])]
    low, high = min(anchors), max(anchors)
    span = high - low or 1.0

    def y(value: float) -> float:
        return round(HEIGHT - MARGIN - (value - low) / span * (HEIGHT - 2 * MARGIN), 1)

    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    places = [(round(MARGIN + index * step, 1), y(value)) for index, value in enumerate(values)]
    return Sparkline(
        points=" ".join(f"{x},{height}" for x, height in places),
        last_x=places[-1][0],
        last_y=places[-1][1],
        center_y=y(center) if center is not None else None,
    )
