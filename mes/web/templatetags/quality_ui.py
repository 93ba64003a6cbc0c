"""Numbers and words as the quality pages print them."""

from __future__ import annotations

import math
from decimal import Decimal

from django import template

from spc.engine import Rule, SigmaMethod
from spc.models import Chart
from spc.queries import strata_words

register = template.Library()

DASH = "–"


@register.filter
def plain(value: float | None, decimals: int) -> str:
    """A statistic with fixed decimals; a dash where there is none."""
    return DASH if value is None or math.isnan(value) else f"{value:.{decimals}f}"


@register.filter
def figure(value: float | None, name: str) -> str:
    """A figure of a gauge study by its name: counts are whole, and no p is nothing."""
    if value is None or math.isnan(value):
        return DASH
    if name.startswith("Occasions") or name.endswith("distinct categories"):
        return f"{value:.0f}"
    is_p = name == "p" or name.startswith("p of ")
    return "< 0.0001" if is_p and value < 0.0001 else f"{value:.4f}"


@register.filter
def signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}"


@register.filter
def trimmed(value: Decimal | str | None) -> str:
    """A decimal without trailing zeros and without an exponent; a dash for none (in a template also "")."""
    return DASH if value is None or value == "" else f"{Decimal(value).normalize():f}"


@register.filter
def metres(millimetres: int) -> str:
    """Millimetres of roll as metres, to the millimetre, without trailing zeros."""
    return f"{(Decimal(millimetres) / 1000).normalize():f}"


@register.filter
def words(code: object) -> str:
    """A code of the domain (`sigma_method`, `quality_engineer`) as words."""
    return str(code).replace("_", " ").replace("-", " ").capitalize()


SIGMA_METHODS = {
    SigmaMethod.MR: "mean moving range over d2",
    SigmaMethod.RBAR: "mean range over d2",
    SigmaMethod.SBAR: "mean standard deviation over c4",
    SigmaMethod.POOLED: "pooled standard deviation",
    SigmaMethod.MVLUE_R: "weighted ranges (MVLUE)",
    SigmaMethod.MVLUE_S: "weighted standard deviations (MVLUE)",
}


@register.filter
def sigma_method(method: SigmaMethod) -> str:
    """How sigma within was estimated, in words."""
    return SIGMA_METHODS[method]


@register.filter
def refusal(message: str) -> str:
    """The words of a refusal. The field that they begin with is said only where they need it: `falsifier: is needed`
    does, `password: that is not your password` does not.
    """
    field, colon, rest = message.partition(": ")
    said = rest if colon and field.replace("_", "").isalpha() else message
    if said is not message and rest.startswith(("is ", "it ")):
        said = field.replace("_", " ") + (" " if rest.startswith("is ") else ": ") + rest
    return said[:1].upper() + said[1:]


@register.filter
def minus(value: int, other: int) -> int:
    return value - other


@register.filter
def rule_words(names: str) -> str:
    """The rules of a plan line in words."""
    return "; ".join(Rule(name).label for name in names.split())


@register.filter
def strata(chart: Chart) -> str:
    """What separates the chart from its sisters."""
    return " · ".join(strata_words(chart)) or "Not separated"
