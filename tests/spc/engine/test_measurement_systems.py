"""Measurement systems, normality and transformations beyond the reference cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spc.engine.capability import SpecificationError
from spc.engine.measurement_systems import (
    StudyError,
    bias,
    cohen_kappa,
    d2_star,
    fleiss_kappa,
    gauge_anova,
    gauge_average_range,
    linearity,
)
from spc.engine.normality import (
    TransformError,
    anderson_darling,
    fit_box_cox,
    fit_johnson,
    fit_law,
    rank_laws,
    shapiro_wilk,
)
from spc.engine.percentile import percentile_indices, transformed_indices
from spc.engine.sigma import TooFewReadingsError

# Fleiss 1971, table 1 of the usual worked example: 10 subjects, 14 raters, 5 classes; kappa 0.210.
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def study(
    part: float, operator: float, interaction: float, noise: float
) -> tuple[list[int], list[str], list[float]]:
    rng = np.random.default_rng(11)
    parts, people = rng.normal(0, part, 30), rng.normal(0, operator, 8)
    both = rng.normal(0, interaction, (30, 8))
    rows = [
        (p, f"op{o}", parts[p] + people[o] + both[p, o] + rng.normal(0, noise))
        for p in range(30)
        for o in range(8)
        for _ in range(3)
    ]
    names, operators, values = zip(*rows, strict=True)
    return list(names), list(operators), list(values)


def test_components_that_were_put_in_are_found() -> None:
    # Definition 24: an interaction that matters is kept.
    found = gauge_anova(*study(2.0, 0.8, 0.6, 0.3))
    assert not found.pooled and found.p_interaction < 1e-6
    assert found.variance.repeatability == pytest.approx(0.09, rel=0.15)
    assert found.variance.interaction == pytest.approx(0.36, rel=0.35)
    assert found.variance.part == pytest.approx(4.0, rel=0.5)
    assert found.contribution_pct(found.variance.grr) + found.contribution_pct(
        found.variance.part
    ) == pytest.approx(100)
    assert found.tolerance_pct(found.variance.grr, 12.0) == pytest.approx(
        100 * 6 * np.sqrt(found.variance.grr) / 12.0
    )


def test_both_methods_say_much_the_same_of_a_plain_study() -> None:
    data = study(2.0, 0.5, 0.0, 0.3)
    anova, ranges = gauge_anova(*data), gauge_average_range(*data)
    assert ranges.ev == pytest.approx(np.sqrt(anova.variance.repeatability), rel=0.1)
    assert ranges.grr == pytest.approx(np.sqrt(anova.variance.grr), rel=0.35)


def test_negative_components_are_zero() -> None:
    # Every cell has the same mean, so all spread is repeatability.
    parts = [p for p in range(5) for _ in range(3) for _ in range(2)]
    operators = [o for _ in range(5) for o in range(3) for _ in range(2)]
    found = gauge_anova(parts, operators, [9.0, 11.0] * 15)
    assert found.variance.part == found.variance.operator == found.variance.interaction == 0.0
    assert found.ndc == 0 and found.contribution_pct(found.variance.grr) == 100.0


def test_an_unbalanced_study_is_refused() -> None:
    parts, operators, values = study(1.0, 0.1, 0.0, 0.1)
    with pytest.raises(StudyError, match="balanced"):
        gauge_anova(parts[:-1], operators[:-1], values[:-1])


def test_d2_star_grows_to_d2_with_more_ranges() -> None:
    assert d2_star(2, 1) == pytest.approx(np.sqrt(2.0))  # AIAG table: 1.41
    assert d2_star(3, 1) == pytest.approx(1.91155, abs=1e-5)
    assert d2_star(2, 10_000) == pytest.approx(1.12838, abs=1e-4)


def test_bias_and_linearity() -> None:
    readings = [5.8, 5.7, 5.9, 5.9, 6.0, 6.1, 6.0, 6.1, 6.4, 6.3, 6.0, 6.1, 6.2, 5.6, 6.0]
    found = bias(readings, 6.0)  # AIAG MSA 4th ed., III-B 3: bias 0.0067, t 0.12
    assert found.bias == pytest.approx(0.0067, abs=1e-4) and found.t == pytest.approx(0.1226, abs=2e-3)
    assert found.lower < 0 < found.upper
    reference = np.repeat([2.0, 4.0, 6.0, 8.0, 10.0], 10)
    line = linearity(reference, reference * 0.9 + 0.7)
    assert line.slope == pytest.approx(-0.1) and line.intercept == pytest.approx(0.7)


def test_kappa_of_published_examples() -> None:
    ratings = [[c for c, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    assert fleiss_kappa(ratings) == pytest.approx(0.210, abs=5e-4)
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: po 0.7, pe 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_normal_data_pass_and_skewed_data_do_not() -> None:
    rng = np.random.default_rng(12)
    normal, skewed = rng.normal(10, 2, 200), rng.lognormal(0, 0.8, 200)
    assert anderson_darling(normal).p_value > 0.05 and shapiro_wilk(normal).p_value > 0.05
    assert anderson_darling(skewed).p_value < 1e-6 and shapiro_wilk(skewed).p_value < 1e-6
    a = anderson_darling(normal)
    assert anderson_darling(normal * 25.4 - 3).statistic == pytest.approx(a.statistic)


def test_box_cox_of_a_lognormal_is_the_logarithm() -> None:
    rng = np.random.default_rng(13)
    assert fit_box_cox(rng.lognormal(1, 0.5, 2000)).lam == pytest.approx(0.0, abs=0.08)
    with pytest.raises(TransformError, match="above zero"):
        fit_box_cox([1.0, 2.0, -1.0])


@pytest.mark.parametrize(
    "sample, family",
    [
        (np.random.default_rng(14).lognormal(0, 0.9, 500), {"SU", "SL", "SB"}),
        (np.random.default_rng(15).beta(0.8, 0.8, 500), {"SB"}),
        (np.random.default_rng(16).standard_t(3, 500), {"SU"}),
    ],
)
def test_johnson_makes_data_normal(sample: np.ndarray, family: set[str]) -> None:
    curve = fit_johnson(sample)
    assert curve.family in family
    assert curve.p_value > 0.05 > anderson_darling(sample).p_value
    transformed = curve(sample)
    assert np.mean(transformed) == pytest.approx(0.0, abs=0.15) and np.std(transformed) == pytest.approx(
        1.0, abs=0.2
    )


def test_the_law_that_made_the_data_ranks_first() -> None:
    data = stats.weibull_min(2.2, scale=3).rvs(800, random_state=17)
    ranked = rank_laws(data)
    assert ranked[0].name == "weibull_min"
    assert [fit.anderson_darling for fit in ranked] == sorted(fit.anderson_darling for fit in ranked)
    with pytest.raises(TransformError, match="lognorm"):
        fit_law(data, "no_law")


def test_percentile_capability_of_a_normal_law_is_the_classical_one() -> None:
    # Definition 23.
    law = stats.norm(10, 1)
    found = percentile_indices(law.ppf, lsl=6.0, usl=13.0)
    assert found.pp == pytest.approx(7 / 6, rel=1e-4) and found.ppk == pytest.approx(1.0, rel=1e-4)
    assert percentile_indices(law.ppf, lsl=None, usl=13.0).pp is None
    with pytest.raises(SpecificationError):
        percentile_indices(law.ppf, lsl=None, usl=None)


def test_limits_are_transformed_with_the_data() -> None:
    data = np.exp(np.random.default_rng(18).normal(0, 0.2, 400))
    found = transformed_indices(data, np.log, lsl=float(np.exp(-0.8)), usl=float(np.exp(0.8)))
    assert found.c == pytest.approx(1.6 / (6 * np.log(data).std(ddof=1)))


@pytest.mark.parametrize("values", [[], [1.0] * 20, [1.0, float("inf")] * 10])
def test_what_cannot_be_tested_is_refused(values: list[float]) -> None:
    with pytest.raises((TooFewReadingsError, TransformError)):
        anderson_darling(values)
