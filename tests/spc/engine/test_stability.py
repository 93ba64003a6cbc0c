from __future__ import annotations

import math

import numpy as np
import pytest

from spc.engine import Family, SubgroupData, estimate_baseline
from spc.engine.sigma import TooFewReadingsError
from spc.engine.stability import Verdict, stability

# NIST/SEMATECH e-Handbook 6.3.2.2, flow rates.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]


def test_index_of_a_published_series() -> None:
    baseline = estimate_baseline(Family.IMR, [SubgroupData((value,)) for value in FLOW])
    assert baseline.sigma is not None
    found = stability(FLOW, sigma_within=baseline.sigma, within_df=baseline.sigma_df)
    # Mean moving range 1.8778, d2 1.1284; sum of squares about the mean 37.229 on 9 degrees of freedom.
    assert found.index == pytest.approx(math.sqrt(37.229 / 9) / (16.9 / 9 / 1.1283791670955126), rel=1e-12)
    assert found.ratio == pytest.approx(1.2222**2, rel=1e-3)
    assert found.verdict is Verdict.STABLE
    assert found.p_value is not None and 0.2 < found.p_value < 0.5


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.0, Verdict.STABLE), (2.0, Verdict.BORDERLINE), (4.0, Verdict.UNSTABLE)]
)
def test_a_shift_between_halves_makes_a_process_unstable(shift: float, verdict: Verdict) -> None:
    values = np.random.default_rng(5).normal(size=400)
    values[200:] += shift
    found = stability(values.tolist(), sigma_within=1.0, within_df=300.0)
    assert found.verdict is verdict
    assert found.p_value is not None and (found.p_value < 1e-6) == (shift > 0)


def test_no_spread_within_has_no_index() -> None:
    found = stability([1.0, 1.0], sigma_within=0.0, within_df=1.0)
    assert (found.index, found.ratio, found.p_value, found.verdict) == (None, None, None, None)
    assert stability([1.0, 2.0], sigma_within=1.0, within_df=None).p_value is None
    with pytest.raises(TooFewReadingsError):
        stability([1.0, math.nan], sigma_within=1.0, within_df=None)
