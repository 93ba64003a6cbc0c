"""Cell, lot, tray, channel, step: which of the crossed factors a deviation belongs to.

A bad channel shows in every cell that ran on it, a bad lot on every channel. Effects of all factors are estimated
together by median polish (Tukey, Exploratory Data Analysis, 1977), so that one bad level does not pull the others, and
each level is tested against the spread of the levels of its factor and of what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAD_TO_SIGMA = 1.4826
LEVEL_Z = 4.0
MIN_PER_LEVEL = 3
_ROUNDS = 20


@dataclass(frozen=True)
class LevelEffect:
    """Effect of one level of a factor in the unit of the values, its robust z and how many values it has."""

    factor: str
    level: str
    effect: float
    z: float
    values: int

    @property
    def is_odd(self) -> bool:
        return abs(self.z) >= LEVEL_Z and self.values >= MIN_PER_LEVEL


@dataclass(frozen=True)
class CrossedEffects:
    """Effects of all levels, and what is left of each value once all factors are taken off, shape (n,)."""

    levels: tuple[LevelEffect, ...]
    residual: NDArray[np.float64]

    @property
    def odd(self) -> tuple[LevelEffect, ...]:
        """Levels that differ from the others of their factor, the clearest first."""
        return tuple(sorted((one for one in self.levels if one.is_odd), key=lambda one: -abs(one.z)))


def crossed_effects(values: ArrayLike, factors: Mapping[str, Sequence[str]]) -> CrossedEffects:
    """Split values, one a cell and step, over factors with one label a value each.

    Raises:
        ValueError: no factor, another number of labels than values, or a value that is not finite.
    """
    residual = np.array(values, dtype=np.float64)
    if residual.ndim != 1 or residual.size == 0 or not np.all(np.isfinite(residual)):
        raise ValueError("values must be a finite row")
    if not factors:
        raise ValueError("factors must name at least one factor")
    coded = {}
    for name, labels in factors.items():
        if len(labels) != residual.size:
            raise ValueError(f"{name} has {len(labels)} labels for {residual.size} values")
        coded[name] = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    residual -= np.median(residual)
    effects = {name: np.zeros(levels.size) for name, (levels, _) in coded.items()}
    for _ in range(_ROUNDS):
        moved = 0.0
        for name, (levels, index) in coded.items():
            step = np.array([np.median(residual[index == level]) for level in range(levels.size)])
            residual -= step[index]
            effects[name] += step
            moved = max(moved, float(np.max(np.abs(step))))
        if moved < 1e-12:
            break
    noise = max(MAD_TO_SIGMA * float(np.median(np.abs(residual))), 1e-300)
    found = []
    for name, (levels, index) in coded.items():
        counts = np.bincount(index, minlength=levels.size)
        centre = effects[name] - np.median(effects[name])
        spread = MAD_TO_SIGMA * float(np.median(np.abs(centre)))
        for level, label in enumerate(levels):
            sigma = np.hypot(spread, 1.2533 * noise / np.sqrt(counts[level]))
            found.append(
                LevelEffect(
                    name, str(label), float(centre[level]), float(centre[level] / sigma), int(counts[level])
                )
            )
    return CrossedEffects(tuple(found), residual)
