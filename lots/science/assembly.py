"""Assembly of cells: areal capacity, N/P ratio, electrolyte that the pores need, alignment, pairing of electrodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

# One hundredth of a micrometre of pores per square centimetre is 1e-4 cm³/cm².
_CM_PER_UM = 1e-4


@dataclass(frozen=True)
class Layer:
    """A porous layer: thickness of all its sides together, µm, and porosity as a fraction."""

    thickness_um: float
    porosity: float


@dataclass(frozen=True)
class Pairing:
    """Which anode goes with which cathode: `order[i]` is the anode of cathode i; `np_ratio` one a pair."""

    order: NDArray[np.intp]
    np_ratio: NDArray[np.float64]
    inside: int


def areal_capacity_mah_cm2(
    loading_mg_cm2: float, specific_capacity_mah_g: float, *, active_share: float = 1.0
) -> float:
    """Capacity of one side, mAh/cm²: ``L·w·q``. `active_share` is the active mass in the coating (or its utilisation).

    Raises:
        ValueError: a value is not above zero, or a share above one.
    """
    _positive(loading_mg_cm2=loading_mg_cm2, specific_capacity_mah_g=specific_capacity_mah_g)
    if not 0 < active_share <= 1:
        raise ValueError("active_share must lie above 0 and at most at 1")
    return 1e-3 * loading_mg_cm2 * specific_capacity_mah_g * active_share


def np_ratio(anode_mah_cm2: float, cathode_mah_cm2: float, *, overlap: float = 1.0) -> float:
    """Anode over cathode capacity. Capacities are the effective ones, after formation.

    `overlap` is the share of the anode area that faces the cathode: state whether a ratio uses it. (A robot file
    carries 0.871; 1 takes areas as equal.)

    Raises:
        ValueError: a capacity is not above zero, or overlap is out of (0, 1].
    """
    _positive(anode_mah_cm2=anode_mah_cm2, cathode_mah_cm2=cathode_mah_cm2)
    if not 0 < overlap <= 1:
        raise ValueError("overlap must lie above 0 and at most at 1")
    return anode_mah_cm2 * overlap / cathode_mah_cm2


def electrolyte_need_g_ah(
    layers: Sequence[Layer], areal_capacity: float, *, density_g_cm3: float
) -> tuple[float, float]:
    """Electrolyte that fills the pores of one unit cell: mg/cm², and g per Ah of its capacity (mAh/cm²).

    Raises:
        ValueError: no layer, a porosity outside (0, 1), or a value that is not above zero.
    """
    _positive(areal_capacity=areal_capacity, density_g_cm3=density_g_cm3)
    if not layers:
        raise ValueError("layers must hold at least one layer")
    for layer in layers:
        if not 0 < layer.porosity < 1 or not layer.thickness_um > 0:
            raise ValueError("layers must have a thickness above zero and a porosity between 0 and 1")
    pores_um = sum(layer.thickness_um * layer.porosity for layer in layers)
    mass_mg_cm2 = 1000.0 * pores_um * _CM_PER_UM * density_g_cm3
    return mass_mg_cm2, mass_mg_cm2 / areal_capacity


def overhang_um(
    anode_edge_um: ArrayLike, cathode_edge_um: ArrayLike, *, least_um: float
) -> tuple[float, bool]:
    """Smallest overhang of the anode over the cathode on all edges of a stack, µm, and whether it is enough.

    Edges are positions measured outwards from the centre, rows of the same length.

    Raises:
        ValueError: rows that do not match or are not finite.
    """
    anode, cathode = (np.asarray(row, dtype=np.float64) for row in (anode_edge_um, cathode_edge_um))
    if anode.ndim != 1 or anode.shape != cathode.shape or anode.size == 0:
        raise ValueError("anode_edge_um and cathode_edge_um must be rows of the same length")
    if not (np.all(np.isfinite(anode)) and np.all(np.isfinite(cathode))):
        raise ValueError("anode_edge_um and cathode_edge_um must be finite")
    smallest = float(np.min(anode - cathode))
    return smallest, smallest >= least_um


def pair_electrodes(
    anode_mah: ArrayLike, cathode_mah: ArrayLike, *, low: float, high: float, target: float
) -> Pairing:
    """Pair each cathode with one anode so that most N/P ratios lie within low to high, then nearest to the target.

    An assignment problem solved exactly. Capacities in mAh, at least as many anodes as cathodes.

    Raises:
        ValueError: too few anodes, a capacity not above zero, or low < target < high does not hold.
    """
    anodes, cathodes = (np.asarray(row, dtype=np.float64) for row in (anode_mah, cathode_mah))
    if anodes.ndim != 1 or cathodes.ndim != 1 or anodes.size < cathodes.size or cathodes.size == 0:
        raise ValueError("anode_mah must hold at least one anode for each of cathode_mah")
    if not (np.all(anodes > 0) and np.all(cathodes > 0)):
        raise ValueError("anode_mah and cathode_mah must be above zero")
    if not low < target < high:
        raise ValueError("target must lie between low and high")
    ratio = anodes[None, :] / cathodes[:, None]
    outside = (ratio < low) | (ratio > high)
    # One pair outside costs more than any number of distances inside.
    cost = np.abs(ratio - target) / (high - low) + outside * 10.0 * cathodes.size
    rows, columns = scipy.optimize.linear_sum_assignment(cost)
    chosen = ratio[rows, columns]
    return Pairing(columns, chosen, int(np.count_nonzero((chosen >= low) & (chosen <= high))))


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
