"""How often a chart of any kind alarms while nothing is wrong, per point; see `spc.engine.false_alarms`."""

from __future__ import annotations

from functools import lru_cache

import scipy

from spc.engine.arl import average_run_length
from spc.engine.false_alarms import (
    AlarmRate,
    Basis,
    alarm_rate,
    center_shifts,
    dispersion_tail,
    estimates,
    sigma_ratios,
)
from spc.engine.families import Family, Panel
from spc.engine.kinds import ChartKind
from spc.engine.live.definition import ChartDefinition, rules_of
from spc.engine.live.registry import METHODS, read_of, shewhart
from spc.engine.live.streams import RUN_LENGTH
from spc.engine.live.traits import Moves, traits
from spc.engine.rare_events import TAIL
from spc.engine.rules import Rule
from spc.engine.run_length import cusum_arl_two_sided, ewma_arl, mewma_arl, mewma_limit


@lru_cache(maxsize=1024)
def alarm_rate_of(
    definition: ChartDefinition, *, center: float = 0.0, basis: Basis | None = None
) -> AlarmRate:
    """Expected signals per point in control, of the first panel and of the others.

    `center` matters to counts only. Without a `basis` the limits are taken as exact.
    """
    kind, size = definition.kind, definition.subgroup_size
    family = shewhart(kind)
    if family is not None:
        span = int(read_of(kind, definition.parameters).get("span", 2))
        return alarm_rate(family, definition.rules, size=size, center=center, basis=basis, span=span)
    location = _location(definition, basis)
    spread = spread_family(definition)
    if spread is None or Rule.BEYOND_LIMITS not in rules_of(kind, Panel.DISPERSION, definition.rules):
        return AlarmRate(location, 0.0)
    of = 2 if spread is Family.IMR else size
    tail = sum(weight * dispersion_tail(spread, of, ratio) for weight, ratio in sigma_ratios(basis))
    return AlarmRate(location, tail)


def spread_family(definition: ChartDefinition) -> Family | None:
    """The Shewhart family whose dispersion the second panel plots; None where it plots something else."""
    if definition.kind is ChartKind.EWMA:
        own_range = definition.by_reading or "sigma=moving_range" in definition.parameters.split()
        return Family.IMR if own_range else Family.XBAR_S
    if definition.kind is ChartKind.ACCEPTANCE:
        return Family.IMR if definition.by_reading else Family.XBAR_S
    return Family.IMR if traits(definition.kind, definition.parameters).moves is Moves.ALWAYS else None


def _location(definition: ChartDefinition, basis: Basis | None) -> float:
    kind = definition.kind
    rules = frozenset(rules_of(kind, Panel.LOCATION, definition.rules))
    if not rules:
        return 0.0
    values = METHODS[kind].read(definition.parameters)
    if kind is ChartKind.EWMA:
        weight, width = values["lambda"], values["L"]
        return sum(
            part / ewma_arl(shift, weight=weight, width=width * ratio)
            for part, shift, ratio in estimates(basis)
        )
    if kind is ChartKind.CUSUM:
        return sum(
            part / cusum_arl_two_sided(shift, reference=values["k"] * ratio, interval=values["h"] * ratio)
            for part, shift, ratio in estimates(basis)
        )
    if kind is ChartKind.MEWMA:
        return 1.0 / float(values["arl"])
    if kind is ChartKind.T2:
        return 1.0 - float(values["confidence"])
    if kind is ChartKind.ACCEPTANCE:
        return float(values["alpha"])  # at most: of a process that is only just accepted
    if kind in (ChartKind.G, ChartKind.T):
        return 2.0 * TAIL
    if kind is ChartKind.GROUP:
        streams = max(2, definition.subgroup_size)  # one reading each at the most
        return 1.0 - (1.0 - 2.0 * TAIL) ** streams + 2.0 / RUN_LENGTH
    if kind in (ChartKind.LANEY_P, ChartKind.LANEY_U):
        return sum(part / average_run_length(rules, shift=shift) for part, shift in center_shifts(basis))
    return sum(
        part / average_run_length(rules, shift=shift / ratio, spread=1.0 / ratio)
        for part, shift, ratio in estimates(basis)
    )


def false_alarm_rate(definition: ChartDefinition) -> float:
    """Expected signals per point of the first panel on a stable process with exact limits; counts taken for normal."""
    if shewhart(definition.kind) is None:
        return _location(definition, None)
    rules = rules_of(definition.kind, Panel.LOCATION, definition.rules)
    return 1.0 / average_run_length(rules) if rules else 0.0


# What their first panel plots has no lasting shift in sigmas: a forecast follows it, or it is not about a centre.
_WITHOUT_SHIFT = frozenset(
    {
        ChartKind.RESIDUAL,
        ChartKind.MOVING_CENTER,
        ChartKind.ACCEPTANCE,
        ChartKind.GROUP,
        ChartKind.G,
        ChartKind.T,
    }
)


@lru_cache(maxsize=1024)
def points_to_find(definition: ChartDefinition, shift: float) -> float | None:
    """Mean number of points until the first panel signals a lasting `shift`, with exact limits; None: no such shift.

    `shift` is in sigmas of one plotted point (a mean; of T-squared and MEWMA the Mahalanobis distance); counts are
    taken for normal, sums and averages start at their centre.
    """
    kind = definition.kind
    rules = rules_of(kind, Panel.LOCATION, definition.rules)
    if not rules or kind in _WITHOUT_SHIFT:
        return None
    values = read_of(kind, definition.parameters)
    if kind is ChartKind.EWMA:
        return ewma_arl(shift, weight=values["lambda"], width=values["L"])
    if kind is ChartKind.CUSUM:
        return cusum_arl_two_sided(shift, reference=values["k"], interval=values["h"])
    if kind is ChartKind.T2:
        p = len(values["variables"])
        limit = scipy.stats.chi2.ppf(values["confidence"], p)
        return float(1.0 / scipy.stats.ncx2.sf(limit, p, shift**2))
    if kind is ChartKind.MEWMA:
        p, weight = len(values["variables"]), values["lambda"]
        limit = mewma_limit(values["arl"], weight=weight, variables=p)
        return mewma_arl(shift, weight=weight, limit=limit, variables=p)
    return average_run_length(rules, shift=shift)
