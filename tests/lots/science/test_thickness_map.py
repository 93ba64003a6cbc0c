from __future__ import annotations

import numpy as np
import pytest

from lots.science.thickness_map import (
    Pattern,
    edge_index_um,
    masked_map,
    suggest_pattern,
    taper_um_per_m,
    variance_split,
)


def made(
    *, cross: np.ndarray | None = None, along: np.ndarray | None = None, noise: float = 0.5
) -> np.ndarray:
    rng = np.random.default_rng(9)
    lanes = np.zeros(20) if cross is None else cross
    rows = np.zeros(30) if along is None else along
    return 120.0 + rows[:, None] + lanes[None, :] + rng.normal(0, noise, (rows.size, lanes.size))


def test_worked_profile() -> None:
    assert edge_index_um([[118, 120, 121, 121, 120, 117]]) == pytest.approx([-3.0])


def test_borders_are_masked_so_that_the_index_is_about_the_web() -> None:
    raised = np.array([[150.0, 118, 120, 121, 121, 120, 117, 150.0]])
    assert edge_index_um(raised)[0] > 25
    assert edge_index_um(masked_map(raised, border_lanes=1)) == pytest.approx([-3.0])
    with pytest.raises(ValueError, match="border_lanes 3"):
        masked_map(raised, border_lanes=3)


def test_variance_is_split_into_the_parts_that_made_it() -> None:
    rng = np.random.default_rng(2)
    split = variance_split(made(cross=rng.normal(0, 2.0, 20), along=rng.normal(0, 1.0, 200)))
    assert split.cross_direction_um2 == pytest.approx(4.0, rel=0.6)
    assert split.machine_direction_um2 == pytest.approx(1.0, rel=0.3)
    assert split.residual_um2 == pytest.approx(0.25, rel=0.1)
    assert sum(split.shares) == pytest.approx(1.0)


def test_taper_is_the_slope_along_the_roll() -> None:
    metre = np.linspace(0, 290, 30)
    assert taper_um_per_m(made(along=0.02 * metre, noise=0.0), metre) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("cross", "pattern"),
    [
        (np.zeros(20), Pattern.RANDOM),
        (4.0 * np.linspace(-1, 1, 20), Pattern.SYSTEMATIC),
        (-4.0 * np.linspace(-1, 1, 20) ** 2, Pattern.EDGE),
        (np.where(np.arange(20) == 7, -5.0, 0.0), Pattern.STREAK),
    ],
)
def test_pattern_is_named_with_its_evidence(cross: np.ndarray, pattern: Pattern) -> None:
    verdict = suggest_pattern(made(cross=cross))
    assert verdict.pattern is pattern
    assert verdict.cause
    assert any(digit.isdigit() for digit in verdict.evidence)


def test_streak_is_named_by_its_lane() -> None:
    assert "lane 8 " in suggest_pattern(made(cross=np.where(np.arange(20) == 7, -5.0, 0.0))).evidence
