"""Statistics of control charts: pure functions and streaming states; no Django, no I/O, no clock."""

from __future__ import annotations

from spc.engine.baseline import Baseline, BaselineError, estimate_baseline
from spc.engine.chart import ChartHit, ChartResult, FamilyMismatchError, RuleHit, chart
from spc.engine.families import MISSING_POINT, Dispersion, Family, Panel, SubgroupData, SubgroupError
from spc.engine.rules import NELSON, RULE_SETS, WESTERN_ELECTRIC, Rule, allowed_rules, completions, rules_for
from spc.engine.screening import Removal, ScreeningResult, screen_phase1
from spc.engine.sigma import SigmaMethod, SigmaMethodError, TooFewReadingsError
from spc.engine.streaming import ChartState, PlottedPoint, advance, start

__all__ = [
    "MISSING_POINT",
    "NELSON",
    "RULE_SETS",
    "WESTERN_ELECTRIC",
    "Baseline",
    "BaselineError",
    "ChartHit",
    "ChartResult",
    "ChartState",
    "Dispersion",
    "Family",
    "FamilyMismatchError",
    "Panel",
    "PlottedPoint",
    "Removal",
    "Rule",
    "RuleHit",
    "ScreeningResult",
    "SigmaMethod",
    "SigmaMethodError",
    "SubgroupData",
    "SubgroupError",
    "TooFewReadingsError",
    "advance",
    "allowed_rules",
    "chart",
    "completions",
    "estimate_baseline",
    "rules_for",
    "screen_phase1",
    "start",
]
