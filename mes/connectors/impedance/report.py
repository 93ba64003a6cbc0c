"""An impedance file as a JSON document: each sweep's validity, features and staged fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lots.science.impedance.fit import RandlesFit, fit_randles
from lots.science.impedance.spectrum import Spectrum, high_frequency_intercept, mid_frequency_arc
from lots.science.impedance.validity import kramers_kronig
from mes.connectors.cycler.report import finite
from mes.connectors.impedance.read import ImpedanceFile


def document(file: ImpedanceFile) -> dict[str, Any]:
    """Values with their units in the names; what is not known is null, never zero."""
    text = {
        "file": {
            "format": file.format,
            "sha256": file.sha256,
            "bytes": file.size_bytes,
            "sweeps": len(file.sweeps),
            "skipped": list(file.skipped),
        },
        "sweeps": [_sweep(one) for one in file.sweeps],
    }
    cleaned = finite(text)
    assert isinstance(cleaned, dict)
    return cleaned


def _sweep(sweep: Spectrum) -> dict[str, Any]:
    intercept = high_frequency_intercept(sweep)
    arc = mid_frequency_arc(sweep, intercept)
    return {
        "points": int(sweep.frequency_hz.size),
        "frequency_max_hz": float(sweep.frequency_hz[0]),
        "frequency_min_hz": float(sweep.frequency_hz[-1]),
        "validity": asdict(kramers_kronig(sweep)),
        "hf_intercept": asdict(intercept),
        "arc": asdict(arc) if arc else None,
        "fit": _fit(sweep),
    }


def _fit(sweep: Spectrum) -> dict[str, Any]:
    try:
        fit: RandlesFit = fit_randles(sweep)
    except ValueError as error:
        return {"accepted": False, "reason": str(error)}
    text = asdict(fit)
    for name, parameter in fit.parameters.items():
        text["parameters"][name]["determined"] = parameter.determined
    return text
