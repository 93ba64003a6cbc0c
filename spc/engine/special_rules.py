"""Rules that only one kind of chart has, and the name of any rule in words."""

from __future__ import annotations

from enum import StrEnum

from spc.engine.rules import Rule


class SpecialRule(StrEnum):
    """Patterns that follow from what a chart plots; they come with the chart and need not be asked for."""

    SAME_STREAM = "same_stream"
    ZERO_RUN = "zero_run"

    @property
    def label(self) -> str:
        """What the rule says, for people."""
        return _LABELS[self]

    @property
    def nelson(self) -> None:
        """In none of the classical lists."""

    @property
    def western_electric(self) -> None:
        """In none of the classical lists."""


_LABELS = {
    SpecialRule.SAME_STREAM: "one stream leads the others too often in a row",
    SpecialRule.ZERO_RUN: "too many events in a row with nothing between them",
}
AnyRule = Rule | SpecialRule


def rule_named(name: str) -> AnyRule:
    """The rule of a stored signal. Raises ValueError for an unknown name."""
    return SpecialRule(name) if name in set(SpecialRule) else Rule(name)
