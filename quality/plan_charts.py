"""What a line of a control plan may ask of its chart, beyond what the engine itself checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lots.models import Characteristic
from lots.steps.base import DataType
from quality.models import ControlPlanLine, Specification
from quality.queries import lines_in_force
from spc.definition import chart_definition
from spc.engine.kinds import ChartKind
from spc.engine.live import DefinitionError, check_definition, form_of, normal_parameters, read_of

VECTORS = {ChartKind.T2, ChartKind.MEWMA}
OF_SAMPLES = {ChartKind.P, ChartKind.NP, ChartKind.U, ChartKind.LANEY_P, ChartKind.LANEY_U}


def checked_parameters(
    fields: Mapping[str, Any],
    characteristic: Characteristic,
    specification: Specification | None,
    characteristics: Mapping[str, Characteristic],
) -> str:
    """The parameters of a charted line in one form. Raises DefinitionError for a chart that cannot be."""
    definition = chart_definition(
        fields["chart_family"],
        rules=fields["rules"],
        parameters=fields["parameters"],
        subgroup_by=fields["subgroup_by"],
        subgroup_size=fields["subgroup_size"],
    )
    check_definition(definition)
    kind, strata = definition.kind, set(fields["stratify"].split())
    values = read_of(kind, definition.parameters)
    if kind in OF_SAMPLES and characteristic.data_type != DataType.PROPORTION:
        raise DefinitionError(
            "chart_family",
            f"a chart of kind {kind} needs how many were looked at;"
            f" {characteristic.code} is recorded without, being no proportion",
        )
    if kind in VECTORS:
        _same_step(values["variables"], characteristic, characteristics)
        _not_separated(strata, {"position", "gauge"}, "its variables are measured at different places")
    if kind is ChartKind.GROUP:
        _not_separated(strata, {"position"}, "the streams of a group chart are its positions")
    if kind is ChartKind.SHORT_RUN:
        apart = {"product", "recipe"} if values["part"] == "product" else {"recipe"} & {values["part"]}
        _not_separated(strata, apart, "the parts of a short-run chart are plotted together")
    if kind is ChartKind.ACCEPTANCE:
        if specification is None:
            raise DefinitionError(
                "chart_family", "an acceptance chart follows from a specification; there is none"
            )
        if {"lsl", "usl"} & values.keys():
            raise DefinitionError("parameters", "lsl and usl are the specification's; leave them out")
    return normal_parameters(kind, definition.parameters)


def _same_step(
    codes: Iterable[str], own: Characteristic, characteristics: Mapping[str, Characteristic]
) -> None:
    codes = list(codes)
    if codes[0] != own.code:
        raise DefinitionError(
            "parameters", f"variables: begin with the line's own characteristic, {own.code}"
        )
    for code in codes:
        other = characteristics.get(code)
        if other is None or other.step_id != own.step_id:
            raise DefinitionError("parameters", f"variables: {code!r} is no characteristic of the same step")


def _not_separated(strata: set[str], apart: set[str], why: str) -> None:
    if wrong := sorted(strata & apart):
        raise DefinitionError("stratify", f"not by {' and '.join(wrong)}: {why}")


def chart_parameters(line: ControlPlanLine, *, at: datetime) -> tuple[str, list[int]]:
    """Parameters of the line's chart with the limits of its specification in force, and the keys of its variables.

    `variables` leave out the line's own characteristic. Raises DefinitionError where the specification has no limit.
    """
    kind = ChartKind(line.chart_family)
    values = read_of(kind, line.parameters)
    if kind is ChartKind.ACCEPTANCE:
        limits = lines_in_force(at=at).filter(specification=line.specification_id).first()
        for name in ("lsl", "usl"):
            limit = getattr(limits, name, None)
            if limit is not None:
                values[name] = float(limit)
        if not {"lsl", "usl"} & values.keys():
            raise DefinitionError(
                "specification", f"{line.characteristic}: an acceptance chart needs a limit in force"
            )
    others = values["variables"][1:] if kind in VECTORS else ()
    keys = dict(Characteristic.objects.filter(code__in=others).values_list("code", "pk"))
    return form_of(kind, values), [keys[code] for code in others]
