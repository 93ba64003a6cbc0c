"""The thickness map of a coated roll: variation along and across the web, taper, patterns and what they point to.

A map is an array of shape (profiles, lanes), µm: one row a scan across the web, in the order of the roll; lanes in
order from one edge to the other. The coating border (super-elevation) is masked first, or every index is about the
border.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lots.science.coating import edge_to_centre

EDGE_SHARE = 0.10
# A share of the variance above this makes a pattern; below it the variation is random.
_DOMINANT = 0.5
_STREAK_Z = 4.0


class Pattern(StrEnum):
    """What a map looks like; the handbook's table (3.5, 7.1) says where to look first."""

    SYSTEMATIC = "systematic"
    EDGE = "edge"
    STREAK = "streak"
    RANDOM = "random"


SUGGESTED_CAUSE = {
    Pattern.SYSTEMATIC: "roll alignment or die lip: the same lanes differ along the whole roll",
    Pattern.EDGE: "web tension or slurry viscosity: edges and centre differ",
    Pattern.STREAK: "particle or gas in the die: one lane differs from its neighbours; look for a streak there",
    Pattern.RANDOM: "clusters in the slurry or feed pulsation: the variation follows no lane",
}


@dataclass(frozen=True)
class VarianceSplit:
    """Two-way analysis of variance of a map, one value a cell; variances in µm², shares of their sum."""

    machine_direction_um2: float
    cross_direction_um2: float
    residual_um2: float

    @property
    def shares(self) -> tuple[float, float, float]:
        parts = (self.machine_direction_um2, self.cross_direction_um2, self.residual_um2)
        total = sum(parts)
        return tuple(part / total for part in parts) if total > 0 else (0.0, 0.0, 0.0)  # type: ignore[return-value]


@dataclass(frozen=True)
class PatternVerdict:
    pattern: Pattern
    cause: str
    evidence: str


def masked_map(thickness_um: ArrayLike, *, border_lanes: int) -> NDArray[np.float64]:
    """The map without `border_lanes` lanes at each edge.

    Raises:
        ValueError: not a finite positive map, or fewer than three lanes are left.
    """
    whole = np.asarray(thickness_um, dtype=np.float64)
    if whole.ndim != 2:
        raise ValueError("thickness_um must be a map of profiles by lanes")
    if border_lanes < 0 or whole.shape[1] - 2 * border_lanes < 3:
        raise ValueError(f"border_lanes {border_lanes} leaves fewer than three of {whole.shape[1]} lanes")
    inner = whole[:, border_lanes : whole.shape[1] - border_lanes]
    if not np.all(np.isfinite(inner)) or np.any(inner <= 0):
        raise ValueError("thickness_um must be finite and above zero inside the borders")
    return inner


def edge_index_um(thickness_um: ArrayLike) -> NDArray[np.float64]:
    """Edge minus centre of each profile of a masked map, shape (profiles,): outer 10 % of lanes against the rest."""
    inner = masked_map(thickness_um, border_lanes=0)
    lanes = max(1, round(EDGE_SHARE * inner.shape[1]))
    return np.array([edge_to_centre(profile, edge_lanes=lanes).edge_minus_centre_um for profile in inner])


def taper_um_per_m(thickness_um: ArrayLike, metre: ArrayLike) -> float:
    """Slope of the mean thickness along the roll by least squares, µm/m.

    Raises:
        ValueError: metre has another length than the map has profiles, or does not vary.
    """
    inner = masked_map(thickness_um, border_lanes=0)
    position = np.asarray(metre, dtype=np.float64)
    if position.shape != (inner.shape[0],) or not np.all(np.isfinite(position)) or np.ptp(position) == 0:
        raise ValueError("metre must hold one position a profile, and they must differ")
    return float(np.polyfit(position, inner.mean(axis=1), 1)[0])


def variance_split(thickness_um: ArrayLike) -> VarianceSplit:
    """Machine direction, cross direction and residual by two-way analysis of variance without replicates.

    Components from the mean squares: ``σ²_MD = (MS_row − MS_res)/lanes``, never below zero.

    Raises:
        ValueError: fewer than two profiles.
    """
    inner = masked_map(thickness_um, border_lanes=0)
    rows, lanes = inner.shape
    if rows < 2:
        raise ValueError("thickness_um needs at least two profiles")
    row, lane, mean = inner.mean(axis=1), inner.mean(axis=0), float(inner.mean())
    residual = inner - row[:, None] - lane[None, :] + mean
    ms_row = lanes * float(np.sum((row - mean) ** 2)) / (rows - 1)
    ms_lane = rows * float(np.sum((lane - mean) ** 2)) / (lanes - 1)
    ms_residual = float(np.sum(residual**2)) / ((rows - 1) * (lanes - 1))
    return VarianceSplit(
        machine_direction_um2=max(0.0, (ms_row - ms_residual) / lanes),
        cross_direction_um2=max(0.0, (ms_lane - ms_residual) / rows),
        residual_um2=ms_residual,
    )


def suggest_pattern(thickness_um: ArrayLike) -> PatternVerdict:
    """Name the pattern of a masked map of at least two profiles, with the numbers that speak for it."""
    inner = masked_map(thickness_um, border_lanes=0)
    split = variance_split(inner)
    cross = split.shares[1]
    lane = inner.mean(axis=0)
    streak, z = _streak(lane, split.residual_um2, inner.shape[0])
    edges = float(np.mean(edge_index_um(inner)))
    expected = np.sqrt(split.residual_um2 / inner.shape[0])
    edge_shape = _edge_share(lane)
    if streak is not None:
        pattern, evidence = Pattern.STREAK, f"lane {streak + 1} is {z:.1f} sigma off its neighbours"
    elif cross > _DOMINANT and edge_shape > _DOMINANT and abs(edges) > 2 * expected:
        pattern, evidence = Pattern.EDGE, f"edges minus centre {edges:+.1f} µm"
    elif cross > _DOMINANT:
        pattern, evidence = Pattern.SYSTEMATIC, f"{100 * cross:.0f} % of the variance lies between lanes"
    else:
        pattern, evidence = Pattern.RANDOM, f"only {100 * cross:.0f} % of the variance lies between lanes"
    return PatternVerdict(pattern, SUGGESTED_CAUSE[pattern], evidence)


def _streak(lane: NDArray[np.float64], residual_um2: float, profiles: int) -> tuple[int | None, float]:
    """The one lane that differs from the mean of its neighbours when all others do not."""
    bend = lane[1:-1] - 0.5 * (lane[:-2] + lane[2:])
    noise = np.sqrt(1.5 * residual_um2 / profiles)
    sigma = max(noise, 1.4826 * float(np.median(np.abs(bend - np.median(bend)))), 1e-9)
    z = np.abs(bend) / sigma
    worst = int(np.argmax(z))
    others = np.delete(z, [i for i in (worst - 1, worst, worst + 1) if 0 <= i < z.size])
    is_alone = others.size > 0 and float(others.max()) < _STREAK_Z
    return (worst + 1, float(z[worst])) if z[worst] > _STREAK_Z and is_alone else (None, 0.0)


def _edge_share(lane: NDArray[np.float64]) -> float:
    """Share of the variance between lanes that a parabola about the centre explains."""
    x = np.linspace(-1.0, 1.0, lane.size) ** 2
    total = float(np.sum((lane - lane.mean()) ** 2))
    if total == 0:
        return 0.0
    slope, offset = np.polyfit(x, lane, 1)
    return 1.0 - float(np.sum((lane - slope * x - offset) ** 2)) / total
