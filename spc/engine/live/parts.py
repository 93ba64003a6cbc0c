"""Short runs: readings of several parts on one chart, standardised part by part or as deviations from nominal.

A part without parameters is not judged: its reading keeps its place, and the point says why. Freezing again, with
readings of the part in phase 1, takes it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spc.engine.families import Family, Panel, SubgroupData, summarise
from spc.engine.kinds import ChartKind
from spc.engine.live.method import ANY_RULE, BEYOND, Method, must_vary, spread_line
from spc.engine.live.model import DoesNotVaryError, Fit, Line, Shown
from spc.engine.live.parameters import Choice, NumbersByName, Parameter, ParameterError, Values
from spc.engine.live.webs import LastValue, individuals
from spc.engine.short_run import SigmaOf, deviation_chart, z_chart
from spc.engine.sigma import TooFewReadingsError

Z, DEVIATION = "z", "deviation"


class ShortRun(Method):
    """`labels` of the data name the part of the reading."""

    kind = ChartKind.SHORT_RUN
    by_reading = True
    rules = {Panel.LOCATION: ANY_RULE, Panel.DISPERSION: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Choice("part", "what a part is", "product", choices=("product", "recipe", "material")),
        Choice("plot", "standardised readings (z) or deviations from nominal", Z, choices=(Z, DEVIATION)),
        Choice(
            "sigma",
            "whose readings estimate a part's sigma (z)",
            SigmaOf.PART.value,
            choices=tuple(one.value for one in SigmaOf),
        ),
        NumbersByName("nominal", "the nominal of every part, as PART:NUMBER,... (deviation)"),
    )

    def read(self, text: str) -> Values:
        values = super().read(text)
        if values["plot"] == DEVIATION and "nominal" not in values:
            raise ParameterError(
                "nominal: deviations need the nominal of every part, as nominal=A:26.8,B:12.1"
            )
        return values

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        known = [row for row in data if not row.is_missing]
        parts = [row.labels[0] for row in known]
        readings = [row.values[0] for row in known]
        if values["plot"] == DEVIATION:
            nominal = values["nominal"]
            if unknown := sorted(set(parts) - nominal.keys()):
                raise TooFewReadingsError(f"part {unknown[0]}: the plan gives no nominal for it")
            shown = deviation_chart(parts, readings, nominal)
            must_vary(shown.sigma, len(known))
            center, sigma, own = shown.center, shown.sigma, {"nominal": nominal}
        else:
            parameters = z_chart(parts, readings, SigmaOf(values["sigma"])).parameters
            for part, one in parameters.items():
                if not one.sigma > 0.0:
                    raise DoesNotVaryError(
                        f"phase 1 does not vary: part {part} has readings without any spread"
                    )
            center, sigma = 0.0, 1.0
            own = {"parts": {str(part): [one.mean, one.sigma] for part, one in parameters.items()}}
        return Fit(
            kind=self.kind,
            center=center,
            sigma=None,
            subgroup_size=1.0,
            n_subgroups=len(known),
            n_values=float(len(known)),
            own=own | {"sigma": sigma},
        )

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        parts = fit.own.get("parts", {})
        nominal = fit.own.get("nominal", {})
        return tuple((f"Mean of {part}", mean) for part, (mean, _) in parts.items()) + tuple(
            (f"Nominal of {part}", value) for part, value in nominal.items()
        )

    def start(self, fit: Fit) -> LastValue:
        return LastValue()

    def step(self, fit: Fit, memory: LastValue, data: SubgroupData) -> tuple[LastValue, Shown]:
        value, part = summarise(Family.IMR, data).statistic, data.labels[0]
        sigma = fit.own["sigma"]
        if "nominal" in fit.own:
            known = part in fit.own["nominal"]
            plotted = value - fit.own["nominal"][part] if known else value
        else:
            known = part in fit.own["parts"]
            mean, own = fit.own["parts"][part] if known else (0.0, 1.0)
            plotted = (value - mean) / own
        if not known:
            words = "not judged: the limits know nothing of this part; freeze again with readings of it"
            return LastValue(), Shown(details={"part": part, "plotted": value, "why": words})
        shown = Shown(
            location=Line.about(plotted, fit.center, sigma),
            dispersion=spread_line(individuals(fit.center, sigma), abs(plotted - memory.value), 1.0),
            size=1.0,
            details={"part": part, "plotted": value},
        )
        return LastValue(plotted), shown

    def gap(self, fit: Fit, memory: LastValue) -> LastValue:
        return LastValue()

    def load(self, data: Mapping[str, Any]) -> LastValue:
        return LastValue.from_dict(data)
