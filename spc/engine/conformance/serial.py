"""Charts for data with a trend or with memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spc.engine.baseline import estimate_baseline
from spc.engine.conformance.plain import row
from spc.engine.families import Family, SubgroupData
from spc.engine.serial import (
    autocorrelation,
    autoregression_chart,
    fit_autoregression,
    moving_center_line,
    trend_chart,
)

Given = Mapping[str, Any]
LAGS = 10


def trend(given: Given) -> dict[str, Any]:
    shown = trend_chart(row(given["y"]), n_phase1=int(given["n_phase1"]))
    return {
        "intercept": shown.intercept,
        "slope": shown.slope,
        "residuals": shown.residuals,
        "sigma_resid": shown.sigma_residual,
        "sigma_mr": shown.sigma_mr,
        "signals_resid": list(shown.signals),
    }


def residual(given: Given) -> dict[str, Any]:
    y, n_phase1 = row(given["y"]), int(given["n_phase1"])
    shown = autoregression_chart(y, n_phase1=n_phase1)
    naive = estimate_baseline(Family.IMR, [SubgroupData((value,), None) for value in y[:n_phase1]])
    beyond = np.abs(np.array(y[:n_phase1]) - naive.center) > 3.0 * naive.require_sigma()
    return {
        "intercept": shown.intercept,
        "phi": shown.phi,
        "residuals": shown.residuals[1:],
        "sigma_mr": shown.sigma_mr,
        "sigma_ols": shown.sigma_ols,
        "ucl": shown.ucl,
        "lcl": shown.lcl,
        "signals": list(shown.signals),
        "acf": autocorrelation(y, lags=LAGS),
        "naive_I_chart_false_alarms": int(np.sum(beyond)),
    }


def ar1_fit(given: Given) -> dict[str, Any]:
    found = fit_autoregression(row(given["y"]))
    return {"phi": found.phi, "mean": found.mean, "sigma2": found.sigma2}


def center_line(given: Given) -> dict[str, Any]:
    shown = moving_center_line(row(given["y"]), n_phase1=int(given["n_phase1"]))
    return {"lam": shown.weight, "sigma_p": shown.sigma_p, "signals": list(shown.signals)}


KINDS = {
    "trend_chart": trend,
    "autocorr_residual": residual,
    "autocorr_fit": ar1_fit,
    "mcewma": center_line,
}
