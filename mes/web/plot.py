"""A small plot with axes as coordinates for an SVG: attributes only, since inline styles are forbidden."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 34
TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A label and where it stands along its axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """`points` for <polyline>; `css` names its colour and dashes."""

    points: str
    css: str
    label: str


@dataclass(frozen=True)
class Mark:
    """A point to hit, with its words."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Lines over a common axis, ticks at round numbers, and marks."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def plot(
    x: Sequence[float],
    lines: Sequence[tuple[str, str, Sequence[float]]],
    *,
    y_top: float | None = None,
    marks: Sequence[tuple[float, float, str]] = (),
) -> Plot:
    """Scale (label, css, y) lines over `x` from 0 into the plot. `y_top` is the axis' end; by default the largest y."""
    x_end = max(x) or 1.0
    y_step = _round_step((y_top or max((max(y) for _, _, y in lines), default=1.0)) or 1.0)
    y_end = y_top or y_step * math.ceil(max(max(y) for _, _, y in lines) / y_step - 1e-9) or 1.0

    def across(value: float) -> float:
        return round(LEFT + value / x_end * (WIDTH - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / y_end * (HEIGHT - TOP - BOTTOM), 1)

    return Plot(
        x_ticks=tuple(Tick(across(value), label) for value, label in _ticks(x_end, _round_step(x_end))),
        y_ticks=tuple(Tick(up(value), label) for value, label in _ticks(y_end, y_step)),
        lines=tuple(
            Line(" ".join(f"{across(a)},{up(b)}" for a, b in zip(x, y, strict=True)), css, label)
            for label, css, y in lines
        ),
        marks=tuple(Mark(across(a), up(b), label) for a, b, label in marks),
    )


def _round_step(end: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that makes about TICKS steps to `end`."""
    raw = end / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw * (1 - 1e-9))


def _ticks(end: float, step: float) -> list[tuple[float, str]]:
    return [(i * step, f"{i * step:.6g}") for i in range(int(end / step + 1e-9) + 1)]
