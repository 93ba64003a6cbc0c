"""Capability of a stream against the specification that judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quality.models import SpecificationLine
from quality.queries import lines_of_chart
from spc.capability_report import CapabilityReport, capability_report
from spc.engine.capability_study import ALPHA, FEWEST
from spc.models import Chart
from spc.queries import is_frozen


@dataclass(frozen=True)
class StreamCapability:
    """The report with what it was held against; `line` is None unless exactly one line judges the stream.

    `warnings` say why the indices may not mean what they say.
    """

    lines: tuple[SpecificationLine, ...]
    line: SpecificationLine | None
    report: CapabilityReport
    problem: str
    warnings: tuple[str, ...]


def stream_capability(chart: Chart, *, at: datetime) -> StreamCapability:
    """Against the lines in force `at` an instant of the site's clock."""
    lines = lines_of_chart(chart, at=at)
    line = lines[0] if len(lines) == 1 else None
    report = capability_report(chart, **limits_of(line))
    many = "Several specifications judge this characteristic; no single capability exists."
    return StreamCapability(
        lines=tuple(lines),
        line=line,
        report=report,
        problem=many if len(lines) > 1 and report.study is None else report.problem,
        warnings=tuple(_warnings(chart, report)),
    )


def limits_of(line: SpecificationLine | None) -> dict[str, float | None]:
    """`lsl`, `usl` and `target` as the engine takes them."""
    values = {name: getattr(line, name, None) for name in ("lsl", "usl", "target")}
    return {name: None if value is None else float(value) for name, value in values.items()}


def judging_line(
    chart: Chart, by_characteristic: Mapping[int, Sequence[SpecificationLine]]
) -> SpecificationLine | None:
    """The one line that judges the stream, as `lines_of_chart` finds it, from lines that were read for many."""
    stream, plan = chart.stream, chart.stream.plan
    fitting = [
        line
        for line in by_characteristic.get(plan.characteristic_id, ())
        if stream.product_revision_id in (None, line.specification.product_revision_id)
        and (plan.material_id is None or line.specification.material_id in (None, plan.material_id))
    ]
    own = [line for line in fitting if line.specification.material_id == plan.material_id] or fitting
    return own[0] if len(own) == 1 else None


def _warnings(chart: Chart, report: CapabilityReport) -> list[str]:
    if (study := report.study) is None:
        return []
    said = []
    if not is_frozen(chart):
        said.append("The limits are provisional: sigma within is a first guess.")
    if (points := report.readings.signals) > 0:
        said.append(
            f"The process was not in control: {points} point{'s' if points > 1 else ''} of the period signalled. "
            "The indices do not foretell anything; find the causes first."
        )
    if study.is_small:
        said.append(
            f"Only {study.capability.n} readings: below {FEWEST} the intervals are wide; read their lower ends."
        )
    if study.is_normal is False:
        said.append(
            f"The readings are not normal (p below {ALPHA:g}): prefer the percentiles of the best-fitting law to "
            "Pp and Ppk, and distrust the expected ppm."
        )
    return said
