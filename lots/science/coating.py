"""Areal loading and web profile of a coated electrode.

Lengths across the web are lanes in order from one edge to the other. A profile is one row of lanes at one
position along the roll. Edges at the coating border (super-elevation) must be masked before they come here,
or the edge-to-centre index is about the border and not about the web.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class EdgeToCentre:
    """Means over the edge lanes and over the lanes between them, and edge minus centre; all µm."""

    edge_um: float
    centre_um: float
    edge_minus_centre_um: float


def areal_loading_mg_cm2(
    punch_mass_g: ArrayLike, foil_mass_g: float, *, punch_area_cm2: float, coated_sides: int
) -> NDArray[np.float64]:
    """Dry coating mass per area and side, mg/cm², from punch masses (any shape, g).

    `foil_mass_g` is the mass of an uncoated foil punch of the same area:
    ``L = (m_punch − m_foil) / area / sides``. A punch that is not heavier than its foil is a wrong input.

    Raises:
        ValueError: naming the field that is not finite, not positive or contradicts the foil.
    """
    punch = np.asarray(punch_mass_g, dtype=np.float64)
    if not np.all(np.isfinite(punch)) or np.any(punch <= 0):
        raise ValueError("punch_mass_g must be finite and above zero")
    if not np.isfinite(foil_mass_g) or foil_mass_g <= 0:
        raise ValueError("foil_mass_g must be finite and above zero")
    if not np.isfinite(punch_area_cm2) or punch_area_cm2 <= 0:
        raise ValueError("punch_area_cm2 must be finite and above zero")
    if coated_sides not in (1, 2):
        raise ValueError("coated_sides must be 1 or 2")
    if np.any(punch <= foil_mass_g):
        raise ValueError(
            f"punch_mass_g {punch.min():g} g is not above foil_mass_g {foil_mass_g:g} g:"
            " weigh the punch and the bare foil again"
        )
    return (punch - foil_mass_g) * 1000.0 / punch_area_cm2 / coated_sides


def cross_web_tilt(loading_mg_cm2: ArrayLike) -> float:
    """Loading at the last lane minus loading at the first, by the least-squares line across the web, mg/cm².

    `loading_mg_cm2` is one row, lanes in order at equal distances. A die that is not parallel to the web tilts the
    profile and leaves its mean as it was. The line uses all lanes: with five its standard error is 1.26 times that of
    one lane, against 1.41 times for last minus first.

    Raises:
        ValueError: loading_mg_cm2 is not one finite row of at least three lanes.
    """
    profile = np.asarray(loading_mg_cm2, dtype=np.float64)
    if profile.ndim != 1 or profile.size < 3 or not np.all(np.isfinite(profile)):
        raise ValueError("loading_mg_cm2 needs one finite row of at least three lanes")
    across = np.linspace(-0.5, 0.5, profile.size)
    return float(across @ profile / (across @ across))


def edge_to_centre(thickness_um: ArrayLike, *, edge_lanes: int = 1) -> EdgeToCentre:
    """Edge-to-centre difference of one thickness profile, lanes in order, µm.

    The outer `edge_lanes` lanes on each side are the edge. Negative: the web is thin at its edges, which
    points to tension or viscosity.

    Raises:
        ValueError: thickness_um is not one finite positive row with at least one centre lane.
    """
    profile = np.asarray(thickness_um, dtype=np.float64)
    if edge_lanes < 1:
        raise ValueError("edge_lanes must be at least 1")
    if profile.ndim != 1 or profile.size < 2 * edge_lanes + 1:
        raise ValueError(f"thickness_um needs one row of at least {2 * edge_lanes + 1} lanes")
    if not np.all(np.isfinite(profile)) or np.any(profile <= 0):
        raise ValueError("thickness_um must be finite and above zero in every lane")
    edge = float(np.mean(np.concatenate((profile[:edge_lanes], profile[-edge_lanes:]))))
    centre = float(np.mean(profile[edge_lanes:-edge_lanes]))
    return EdgeToCentre(edge_um=edge, centre_um=centre, edge_minus_centre_um=edge - centre)


def dry_thickness_from_wet_um(gap_um: float, *, solids_share: float, transfer: float = 0.5) -> float:
    """Expected dry thickness, µm, of a doctor-blade coat: gap × transfer × solids by volume.

    `solids_share` is the volume fraction of solids with the pores of the dry film, `transfer` the part of the gap
    that stays as wet film (half of it for a blade; 1 for a slot die whose gap is the wet film).

    Raises:
        ValueError: a value is out of its range.
    """
    if not np.isfinite(gap_um) or gap_um <= 0:
        raise ValueError("gap_um must be finite and above zero")
    for name, share in (("solids_share", solids_share), ("transfer", transfer)):
        if not 0 < share <= 1:
            raise ValueError(f"{name} must lie above 0 and at most at 1")
    return gap_um * transfer * solids_share
