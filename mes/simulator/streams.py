"""Random numbers: one independent stream per (subsystem, entity), and first-order autoregression.

A stream depends on the seed, the subsystem's name and the entity's index, on nothing else. So a fault, or a
lot that was refused, never changes the noise of any other subsystem or lot: runs with and without a fault
share their noise (common random numbers) and their difference is the fault alone.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray


class Streams:
    """`streams.of("coating", 3)` is always the same fresh generator for the same seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, subsystem: str, *entity: int) -> np.random.Generator:
        key = (zlib.crc32(subsystem.encode()), *entity)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))


def ar1(innovations: NDArray[np.float64], phi: float, sd: float, previous: float) -> NDArray[np.float64]:
    """A stationary AR(1) series of standard deviation `sd`, from standard normal innovations, after
    `previous`.

    x_t = phi x_(t-1) + sd sqrt(1 - phi^2) e_t (Box, Jenkins, Reinsel, Time Series Analysis, 3.2.3).
    """
    series = np.empty_like(innovations)
    gain = sd * np.sqrt(1.0 - phi * phi)
    for i, innovation in enumerate(innovations):
        previous = phi * previous + gain * innovation
        series[i] = previous
    return series
