"""Charts of every kind as the workers run them: parameters, estimate, one point more, state kept as JSON.

Shewhart charts go through `spc.engine.streaming`; every other kind is a `Method` and runs in a `LiveState`.
"""

from __future__ import annotations

from spc.engine.live.alarms import alarm_rate_of, false_alarm_rate, points_to_find
from spc.engine.live.definition import (
    ChartDefinition,
    DefinitionError,
    allowed_rules_of,
    check_definition,
    facts_of,
    form_of,
    normal_parameters,
    rules_of,
    said_parameters,
    second_panel_is_moving_range,
)
from spc.engine.live.model import DoesNotVaryError, Fit
from spc.engine.live.parameters import ParameterError
from spc.engine.live.registry import declared_parameters, read_of
from spc.engine.live.running import (
    LiveState,
    State,
    StateError,
    advance,
    continues_alike,
    estimate,
    load_state,
    reach,
    require_spread,
    start,
    statistic_of,
)
from spc.engine.live.screening import Screened, screen
from spc.engine.live.traits import Traits, Unit, traits

__all__ = [
    "ChartDefinition",
    "DefinitionError",
    "DoesNotVaryError",
    "Fit",
    "LiveState",
    "ParameterError",
    "Screened",
    "State",
    "StateError",
    "Traits",
    "Unit",
    "advance",
    "alarm_rate_of",
    "allowed_rules_of",
    "check_definition",
    "continues_alike",
    "declared_parameters",
    "estimate",
    "facts_of",
    "false_alarm_rate",
    "form_of",
    "load_state",
    "normal_parameters",
    "points_to_find",
    "reach",
    "read_of",
    "require_spread",
    "rules_of",
    "said_parameters",
    "screen",
    "second_panel_is_moving_range",
    "start",
    "statistic_of",
    "traits",
]
