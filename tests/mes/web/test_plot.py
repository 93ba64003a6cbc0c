"""Coordinates of a small plot."""

from __future__ import annotations

import pytest

from mes.web.plot import HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot


def test_the_ends_of_the_axes_are_the_edges_of_the_plot() -> None:
    drawn = plot([0.0, 10.0], [("a", "line", [0.0, 100.0])], y_top=100.0, marks=[(10.0, 100.0, "end")])
    assert drawn.lines[0].points == f"{LEFT}.0,{drawn.bottom}.0 {WIDTH - RIGHT}.0,{TOP}.0"
    assert (drawn.marks[0].x, drawn.marks[0].y) == (WIDTH - RIGHT, TOP)
    assert [tick.label for tick in drawn.x_ticks] == ["0", "2", "4", "6", "8", "10"]
    assert [tick.label for tick in drawn.y_ticks] == ["0", "20", "40", "60", "80", "100"]


@pytest.mark.parametrize("top", [1e-6, 0.037, 1.0, 160.0, 3.2e6])
def test_no_line_leaves_the_plot_at_any_scale(top: float) -> None:
    drawn = plot([0.0, 0.5, 1.0], [("a", "line", [0.0, top, top / 2])])
    heights = [float(pair.split(",")[1]) for pair in drawn.lines[0].points.split()]
    assert min(heights) >= TOP and max(heights) <= HEIGHT
    assert 3 <= len(drawn.y_ticks) <= 7


def test_a_line_of_zeros_lies_on_the_axis() -> None:
    drawn = plot([0.0, 1.0], [("a", "line", [0.0, 0.0])])
    assert {pair.split(",")[1] for pair in drawn.lines[0].points.split()} == {f"{drawn.bottom}.0"}
