"""T-squared and MEWMA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spc.engine.conformance.plain import row
from spc.engine.multivariate import (
    TSquaredLimits,
    mewma_chart,
    t_squared_individuals,
    t_squared_subgroups,
    t_squared_successive,
)

Given = Mapping[str, Any]


def _shown(limits: TSquaredLimits, points: Any, new: Any) -> dict[str, Any]:
    statistic = limits.t_squared(points)
    return {
        "T2": statistic,
        "center": limits.center,
        "cov": limits.covariance,
        "ucl": limits.ucl,
        "upl": limits.upl,
        "beyond": np.flatnonzero(statistic > limits.ucl).tolist(),
        "newT2": [] if new is None else limits.t_squared(new),
    }


def subgroups(given: Given) -> dict[str, Any]:
    cube = _cube(given, "X")
    limits = t_squared_subgroups(cube, confidence=float(given["conf"]))
    new = _cube(given, "newX").mean(axis=1) if given.get("newX1") is not None else None
    return _shown(limits, cube.mean(axis=1), new)


def _cube(given: Given, prefix: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """X1, X2, ... (m, n) each, as (m, n, p)."""
    names = sorted(
        (name for name in given if name.startswith(prefix) and name[len(prefix) :].isdigit()),
        key=lambda name: int(name[len(prefix) :]),
    )
    return np.stack([np.array([row(entry) for entry in given[name]]) for name in names], axis=-1)


def individuals(given: Given) -> dict[str, Any]:
    data = [row(entry) for entry in given["data"]]
    successive = given.get("cov") in {"successive", "successive_differences", "diff", "holmes_mergen"}
    estimate = t_squared_successive if successive else t_squared_individuals
    limits = estimate(data, confidence=float(given["conf"]))
    new = given.get("newdata")
    return _shown(limits, data, None if new is None else [row(entry) for entry in new])


def mewma(given: Given) -> dict[str, Any]:
    data = [row(entry) for entry in given["data"]]
    if given.get("phase1") is not None or given.get("mu") is None:
        basis = np.array([row(entry) for entry in (given.get("phase1") or given["data"])])
        center, covariance = basis.mean(axis=0), np.cov(basis, rowvar=False)
    else:
        center = np.array(row(given["mu"]))
        covariance = np.array([row(entry) for entry in given["sigma"]])
    shown = mewma_chart(
        data,
        center=center,
        covariance=covariance,
        weight=float(given["lam"]),
        limit=float(given["h4"]),
        exact=given.get("covariance", "exact") != "asymptotic",
    )
    return {
        "T2": shown.t_squared,
        "Z": shown.z,
        "signals": list(shown.signals),
        "mu": center,
        "cov": covariance,
    }


KINDS = {"hotelling_t2": subgroups, "hotelling_t2_individuals": individuals, "mewma": mewma}
