"""What a person wants of a sampling plan, as the designer's form asks for it: percentages, in the address line."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import QueryDict

from spc.engine.sampling import PlanError
from spc.engine.sampling_designs import Design, Wish, designs
from spc.engine.sampling_standards import AQLS, CODE_LETTERS, Severity

# Larger AQLs count nonconformities per hundred items; a curve over fractions does not describe them.
FRACTION_AQLS = AQLS[: AQLS.index("10") + 1]


def _percent(label: str, least: float, most: float) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        min_value=least,
        max_value=most,
        widget=forms.NumberInput(attrs={"class": "form-control", "step": "any", "inputmode": "decimal"}),
    )


def _choice(label: str, choices: list[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, widget=forms.Select(attrs={"class": "form-select"})
    )


class SamplingForm(forms.Form):
    """Lot, what ISO 2859-1 asks for, and the two points that the curve should pass."""

    lot_size = forms.IntegerField(
        label="Lot size",
        min_value=2,
        max_value=10_000_000,
        widget=forms.NumberInput(attrs={"class": "form-control", "inputmode": "numeric"}),
    )
    level = _choice("Inspection level", [(name, name) for name in CODE_LETTERS])
    aql = _choice("AQL, %", [(aql, aql) for aql in FRACTION_AQLS])
    severity = _choice(
        "Severity",
        [(each.value, each.value.capitalize()) for each in Severity if each is not Severity.DISCONTINUED],
    )
    good = _percent("Good lots have at most, % defective", 0.001, 50.0)
    producer_risk = _percent("and are rejected, % of lots", 0.1, 40.0)
    bad = _percent("Bad lots have at least, % defective", 0.002, 90.0)
    consumer_risk = _percent("and are accepted, % of lots", 0.1, 40.0)

    START: ClassVar[dict[str, str]] = {
        "lot_size": "2000", "level": "II", "aql": "1.0", "severity": "normal",
        "good": "1", "producer_risk": "5", "bad": "6", "consumer_risk": "10",
    }  # fmt: skip

    def __init__(self, data: QueryDict) -> None:
        """Fields that the address does not name start at an everyday example."""
        super().__init__({name: data.get(name, start) for name, start in self.START.items()})
        self.wish: Wish | None = None
        self.designs: tuple[Design, ...] = ()

    def clean(self) -> dict[str, Any]:
        """Finds the plans; a wish that none can keep is an error of the form."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        wish = Wish(
            lot_size=cleaned["lot_size"],
            level=cleaned["level"],
            aql=cleaned["aql"],
            severity=Severity(cleaned["severity"]),
            good=cleaned["good"] / 100.0,
            producer_risk=cleaned["producer_risk"] / 100.0,
            bad=cleaned["bad"] / 100.0,
            consumer_risk=cleaned["consumer_risk"] / 100.0,
        )
        try:
            self.designs = designs(wish)
        except PlanError as error:
            raise forms.ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        self.wish = wish
        return cleaned
