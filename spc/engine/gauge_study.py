"""From the readings of a gauge study to its figures and its verdict.

Source of designs and thresholds: AIAG, Measurement Systems Analysis, 4th edition (2010): GRR table III-B 1 (below 10 %
acceptable, 10 to 30 % marginal, above not), at least 5 distinct categories; bias: the interval of the bias holds zero;
linearity: the line bias = 0 lies within the band of the fit; stability: no point out of control;
attributes III-C, kappa above 0.75 good, below 0.40 poor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from spc.engine.batch import ChartResult, phase1_chart
from spc.engine.bias_band import bias_band
from spc.engine.families import Family, SubgroupData
from spc.engine.gauge_verdict import (
    FEWEST_CATEGORIES,
    Component,
    Design,
    GaugeVerdict,
    StudyReading,
    StudyResult,
    by_kappa,
    by_share,
)
from spc.engine.measurement_systems import (
    AnovaStudy,
    StudyError,
    bias,
    cohen_kappa,
    fleiss_kappa,
    gauge_anova,
    gauge_average_range,
)
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError
from spc.engine.variance_components import nested_variance


def study_result(
    design: Design,
    readings: Sequence[StudyReading],
    *,
    tolerance: float | None = None,
    references: dict[str, float | str] | None = None,
) -> StudyResult:
    """Result of a complete study. `tolerance` is USL - LSL; `references` are true values or classes by part.

    Raises StudyError where the readings do not fit the design.
    """
    known = references or {}
    match design:
        case Design.CROSSED:
            return _crossed(readings, tolerance)
        case Design.NESTED:
            return _nested(readings, tolerance)
        case Design.BIAS:
            return _bias(readings, known)
        case Design.LINEARITY:
            return _linearity(readings, known)
        case Design.STABILITY:
            return _stability(readings)
        case Design.ATTRIBUTE:
            return _attribute(readings, known)


def _columns(readings: Sequence[StudyReading]) -> tuple[list[str], list[str], list[float]]:
    return (
        [reading.part for reading in readings],
        [reading.operator for reading in readings],
        [float(reading.value) for reading in readings],
    )


def _crossed(readings: Sequence[StudyReading], tolerance: float | None) -> StudyResult:
    parts, operators, values = _columns(readings)
    found = gauge_anova(parts, operators, values)
    form = gauge_average_range(parts, operators, values)
    of = found.variance
    named = [
        ("Gauge R&R", of.grr),
        ("Repeatability", of.repeatability),
        ("Reproducibility", of.reproducibility),
        ("Operator", of.operator),
        ("Part × operator", of.interaction),
        ("Part to part", of.part),
        ("Total", of.total),
    ]
    figures = (
        ("F of part × operator", _ratio(found)),
        ("p of part × operator", _finite(found.p_interaction)),
        ("Interaction pooled into repeatability", float(found.pooled)),
        ("Average-range: repeatability EV", form.ev),
        ("Average-range: reproducibility AV", form.av),
        ("Average-range: GRR, % of total", _finite(form.pct(form.grr))),
        ("Average-range: distinct categories", None if form.ndc is None else float(form.ndc)),
    )
    return _repeatability(named, of.total, tolerance, figures)


def _nested(readings: Sequence[StudyReading], tolerance: float | None) -> StudyResult:
    """Parts that are used up: each operator has parts of its own. The operator's share holds what differs between
    the sets of parts too."""
    parts, operators, values = _columns(readings)
    try:
        found = nested_variance(operators, list(zip(operators, parts, strict=True)), values)
    except TooFewReadingsError as error:
        raise StudyError(str(error)) from None
    grr = found.group + found.within
    total = grr + found.subgroup
    named = [
        ("Gauge R&R", grr),
        ("Repeatability", found.within),
        ("Reproducibility", found.group),
        ("Part to part", found.subgroup),
        ("Total", total),
    ]
    return _repeatability(named, total, tolerance, ())


def _repeatability(
    named: list[tuple[str, float]],
    total: float,
    tolerance: float | None,
    figures: tuple[tuple[str, float | None], ...],
) -> StudyResult:
    """Components, categories and the verdict by the worse of the two percentages."""
    components = tuple(
        Component(
            name,
            variance,
            100.0 * variance / total if total > 0 else None,
            100.0 * math.sqrt(variance / total) if total > 0 else None,
            100.0 * 6.0 * math.sqrt(variance) / tolerance if tolerance else None,
        )
        for name, variance in named
    )
    grr, part = components[0], next(c for c in components if c.name == "Part to part")
    if grr.study_pct is None:
        raise StudyError("no reading differs from another: the gauge does not resolve these parts")
    ndc = math.floor(math.sqrt(2.0 * part.variance / grr.variance)) if grr.variance > 0 else None
    shares = [("of the study variation", grr.study_pct)]
    if grr.tolerance_pct is not None:
        shares.append(("of the tolerance", grr.tolerance_pct))
    reasons = [f"Gauge R&R is {share:.1f} % {of}" for of, share in shares]
    worst = max(share for _, share in shares)
    verdict = by_share(worst)
    if ndc is not None and ndc < FEWEST_CATEGORIES:
        reasons.append(f"{ndc} distinct categories, at least {FEWEST_CATEGORIES} are wanted")
        if verdict is GaugeVerdict.ACCEPTABLE:
            verdict = GaugeVerdict.MARGINAL
    return StudyResult(verdict, tuple(reasons), components, ndc, figures)


def _bias(readings: Sequence[StudyReading], references: dict[str, float | str]) -> StudyResult:
    _, _, values = _columns(readings)
    reference = _reference(readings[0].part, references)
    found = bias(values, reference)
    holds = found.lower <= 0.0 <= found.upper
    words = f"The 95 % interval of the bias {'holds' if holds else 'does not hold'} zero"
    figures = (
        ("Reference", reference),
        ("Bias", found.bias),
        ("Bias, lower end", found.lower),
        ("Bias, upper end", found.upper),
        ("t", _finite(found.t)),
        ("p", found.p_value),
    )
    return StudyResult(_either(holds), (words,), figures=figures)


def _linearity(readings: Sequence[StudyReading], references: dict[str, float | str]) -> StudyResult:
    parts, _, values = _columns(readings)
    band = bias_band([_reference(part, references) for part in parts], values)
    found = band.fit
    words = "holds" if band.holds_zero else "does not hold"
    reasons = (f"The 95 % band of the bias {words} zero over the whole range of the references",)
    figures = (
        ("Slope of the bias", found.slope),
        ("Intercept of the bias", found.intercept),
        ("R²", _finite(found.r_squared)),
        ("p of the slope", _finite(found.p_slope)),
        ("p of the intercept", _finite(found.p_intercept)),
    )
    return StudyResult(_either(band.holds_zero), reasons, figures=figures)


def stability_chart(readings: Sequence[StudyReading]) -> ChartResult:
    """Occasions in time order; each occasion's readings are a subgroup (one reading: individuals).

    Raises StudyError where they give no limits.
    """
    occasions: dict[int, list[float]] = {}
    for reading in readings:
        occasions.setdefault(reading.trial, []).append(float(reading.value))
    rows = [tuple(occasions[trial]) for trial in sorted(occasions)]
    family = Family.IMR if max(map(len, rows)) == 1 else Family.XBAR_R
    try:
        return phase1_chart(family, [SubgroupData(row) for row in rows], [Rule.BEYOND_LIMITS])
    except TooFewReadingsError as error:
        raise StudyError(str(error)) from None


def _stability(readings: Sequence[StudyReading]) -> StudyResult:
    chart = stability_chart(readings)
    out = sorted({hit.index + 1 for hit in chart.hits})
    words = (
        f"out of control at occasion {', '.join(map(str, out))}" if out else "in control at every occasion"
    )
    figures = (("Occasions", float(len(chart.statistic))), ("Occasions out of control", float(len(out))))
    return StudyResult(_either(not out), (f"The reference part is {words}",), figures=figures)


def _attribute(readings: Sequence[StudyReading], references: dict[str, float | str]) -> StudyResult:
    """Agreement of every appraiser with the reference, and of all appraisers with each other, beyond chance."""
    operators = list(dict.fromkeys(reading.operator for reading in readings))
    ordered = sorted(readings, key=lambda reading: (reading.part, reading.trial))
    kappas: list[tuple[str, float]] = []
    rated: dict[tuple[str, int], list[str]] = {}
    for operator in operators:
        own = [reading for reading in ordered if reading.operator == operator]
        given = [str(reading.value) for reading in own]
        kappas.append((f"Kappa of {operator} with the reference", _kappa_with(own, given, references)))
        for reading, value in zip(own, given, strict=True):
            rated.setdefault((reading.part, reading.trial), []).append(value)
    if len(operators) > 1:
        kappas.append(("Kappa between appraisers (Fleiss)", fleiss_kappa(list(rated.values()))))
    if any(math.isnan(kappa) for _, kappa in kappas):
        raise StudyError("all ratings are alike: choose good and bad parts, or kappa says nothing")
    name, worst = min(kappas, key=lambda pair: pair[1])
    return StudyResult(by_kappa(worst), (f"{name} is {worst:.2f}, the lowest",), figures=tuple(kappas))


def _kappa_with(own: Sequence[StudyReading], given: list[str], references: dict[str, float | str]) -> float:
    return cohen_kappa(given, [str(references[reading.part]) for reading in own])


def _reference(part: str, references: dict[str, float | str]) -> float:
    if part not in references:
        raise StudyError(f"part {part} has no reference value")
    return float(references[part])


def _either(good: bool) -> GaugeVerdict:
    return GaugeVerdict.ACCEPTABLE if good else GaugeVerdict.UNACCEPTABLE


def _ratio(found: AnovaStudy) -> float | None:
    return found.interaction.ms / found.repeatability.ms if found.repeatability.ms > 0 else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
