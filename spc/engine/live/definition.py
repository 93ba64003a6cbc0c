"""A chart as a plan defines it, checked before anything is plotted: kind, subgroup, rules, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spc.engine.families import Family, Panel
from spc.engine.kinds import ChartKind
from spc.engine.live.model import Fit
from spc.engine.live.parameters import Parameter, ParameterError, Values, form_parameters
from spc.engine.live.registry import METHODS, declared_parameters, read_of, shewhart
from spc.engine.live.traits import Moves, traits
from spc.engine.rules import Rule, allowed_rules


class DefinitionError(ValueError):
    """A chart that cannot be; `field` names what is wrong of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ChartDefinition:
    """What a plan says of a chart. `by_reading`: every reading is a point of its own."""

    kind: ChartKind
    rules: tuple[Rule, ...]
    parameters: str = ""
    by_reading: bool = True
    subgroup_size: int = 1


def normal_parameters(kind: ChartKind, text: str) -> str:
    """The parameters in one form, defaults included. Raises ParameterError."""
    return form_of(kind, read_of(kind, text))


def said_parameters(kind: ChartKind, text: str) -> list[tuple[Parameter, str]]:
    """Each parameter of a checked text with its value as the plan says it."""
    values = read_of(kind, text)
    return [(p, p.form(values[p.name])) for p in declared_parameters(kind) if p.name in values]


def facts_of(fit: Fit) -> tuple[tuple[str, float], ...]:
    """What is estimated beside centre and sigma within, for people: (what, value)."""
    method, parts = METHODS.get(fit.kind), fit.parts
    own = () if method is None else method.facts(fit)
    if parts is None:
        return own
    return (("Sigma between", parts.between), ("Sigma between and within", parts.total), *own)


def form_of(kind: ChartKind, values: Values) -> str:
    """Values as a plan says them."""
    return form_parameters(declared_parameters(kind), values)


def allowed_rules_of(kind: ChartKind, panel: Panel) -> frozenset[Rule]:
    """The rules that a panel of the kind may use."""
    family = shewhart(kind)
    if family is not None:
        return allowed_rules(family, panel)
    return METHODS[kind].rules.get(panel, frozenset())


def rules_of(kind: ChartKind, panel: Panel, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of `rules` that the panel allows, each once."""
    allowed = allowed_rules_of(kind, panel)
    return tuple(rule for rule in dict.fromkeys(rules) if rule in allowed)


def check_definition(wanted: ChartDefinition) -> None:
    """Refuse a subgroup, a rule or a parameter that the kind cannot take. Raises DefinitionError."""
    kind = wanted.kind
    by_reading = _by_reading(kind)
    if by_reading is not None and by_reading != wanted.by_reading:
        needs = "single readings (subgroup_by reading)" if by_reading else "subgroups of several readings"
        raise DefinitionError("subgroup_by", f"a chart of kind {kind} plots {needs}")
    least = METHODS[kind].least_size if kind in METHODS else 2
    if by_reading is False and wanted.subgroup_size < least:
        raise DefinitionError(
            "subgroup_size", f"a chart of kind {kind} needs subgroups of {least} readings or more"
        )
    everywhere = frozenset().union(*(allowed_rules_of(kind, panel) for panel in Panel))
    useless = [rule for rule in wanted.rules if rule not in everywhere]
    if useless:
        raise DefinitionError(
            "rules",
            f"{', '.join(useless)}: a chart of kind {kind} takes {', '.join(sorted(everywhere))}",
        )
    try:
        normal_parameters(kind, wanted.parameters)
    except ParameterError as error:
        raise DefinitionError("parameters", str(error)) from error


def _by_reading(kind: ChartKind) -> bool | None:
    family = shewhart(kind)
    if family is None:
        return METHODS[kind].by_reading
    if family is Family.IMR:
        return True
    return False if family.takes_subgroups else None


def second_panel_is_moving_range(kind: ChartKind, parameters: str, *, by_reading: bool) -> bool:
    """Whether the dispersion panel plots moving ranges; a lone outlier throws the next, innocent one out too."""
    how = traits(kind, parameters).moves
    if how is Moves.AS_PARAMETERS_SAY:
        return by_reading or "sigma=moving_range" in parameters.split()
    return how is Moves.ALWAYS
