"""First-order propagation of independent standard uncertainties (GUM, JCGM 100:2008, 5.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

_STEP = 1e-6


def propagated(
    function: Callable[..., float], values: Mapping[str, float], uncertainties: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Combined standard uncertainty of ``function(**values)``, and what each input contributes to it.

    Sensitivities are central differences. Inputs that are not in `uncertainties` are exact.

    Raises:
        ValueError: an uncertainty is negative, not finite, or of no input.
    """
    contributions: dict[str, float] = {}
    for name, u in uncertainties.items():
        if name not in values:
            raise ValueError(f"{name} has an uncertainty and is no input")
        if not math.isfinite(u) or u < 0:
            raise ValueError(f"uncertainty of {name} must be finite and not negative")
        step = _STEP * max(abs(values[name]), 1e-12)
        above = function(**{**values, name: values[name] + step})
        below = function(**{**values, name: values[name] - step})
        contributions[name] = abs(above - below) / (2 * step) * u
    return math.sqrt(sum(part**2 for part in contributions.values())), contributions
