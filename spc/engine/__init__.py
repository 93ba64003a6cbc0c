"""Statistics of control charts: pure functions and streaming states; no Django, no I/O, no clock."""

from __future__ import annotations

from spc.engine.arl import RunLengthError, arl_profile, average_run_length, expected_false_alarms
from spc.engine.baseline import Baseline, BaselineError, estimate_baseline
from spc.engine.batch import ChartHit, ChartResult, FamilyMismatchError, RuleHit, chart, phase1_chart
from spc.engine.capability import (
    Capability,
    Fallout,
    Index,
    ProcessIndices,
    SpecificationError,
    estimate_capability,
    fallout,
    process_indices,
)
from spc.engine.families import MISSING_POINT, Dispersion, Family, Panel, SubgroupData
from spc.engine.readings import SubgroupError
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
    "Capability",
    "ChartHit",
    "ChartResult",
    "ChartState",
    "Dispersion",
    "Fallout",
    "Family",
    "FamilyMismatchError",
    "Index",
    "Panel",
    "PlottedPoint",
    "ProcessIndices",
    "Removal",
    "Rule",
    "RuleHit",
    "RunLengthError",
    "ScreeningResult",
    "SigmaMethod",
    "SigmaMethodError",
    "SpecificationError",
    "SubgroupData",
    "SubgroupError",
    "TooFewReadingsError",
    "advance",
    "allowed_rules",
    "arl_profile",
    "average_run_length",
    "chart",
    "completions",
    "estimate_baseline",
    "estimate_capability",
    "expected_false_alarms",
    "fallout",
    "phase1_chart",
    "process_indices",
    "rules_for",
    "screen_phase1",
    "start",
]
