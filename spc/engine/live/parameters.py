"""Parameters of a chart: declared by its kind, read from a plan's words, checked, and written back in one form.

A plan says `lambda=0.2 L=2.7`: names and values joined by `=`, separated by spaces. What is not said has its default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ParameterError(ValueError):
    """A parameter that the chart does not take, or a value it cannot have; the message names it and the fix."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name in a plan, what it is, and its default (None: without it the chart has none)."""

    name: str
    label: str
    default: str | None = None
    required: bool = False

    def read(self, text: str) -> Any:
        """The value. Raises ParameterError."""
        return text

    def form(self, value: Any) -> str:
        """The value as a plan says it."""
        return str(value)


@dataclass(frozen=True)
class Number(Parameter):
    """A number between bounds; those named in `open_ends` ("low", "high") are not reached. `whole`: none between."""

    low: float = -math.inf
    high: float = math.inf
    open_ends: tuple[str, ...] = ()
    whole: bool = False

    def read(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ParameterError(f"{self.name}: {text!r} is no number; {self.bounds}") from None
        low = value > self.low if "low" in self.open_ends else value >= self.low
        high = value < self.high if "high" in self.open_ends else value <= self.high
        if not (low and high and math.isfinite(value)) or (self.whole and not value.is_integer()):
            raise ParameterError(f"{self.name}: {text} is out of range; {self.bounds}")
        return value

    @property
    def bounds(self) -> str:
        """What it may be, in words."""
        words = []
        if math.isfinite(self.low):
            words.append(f"{'above' if 'low' in self.open_ends else 'at least'} {self.low:g}")
        if math.isfinite(self.high):
            words.append(f"{'below' if 'high' in self.open_ends else 'at most'} {self.high:g}")
        kind = "a whole number" if self.whole else "a finite number"
        if not words:
            return f"it must be {kind}"
        return f"it must be {'a whole number ' if self.whole else ''}{' and '.join(words)}"

    def form(self, value: float) -> str:
        return repr(value).removesuffix(".0")


@dataclass(frozen=True)
class Choice(Parameter):
    """One of a few words."""

    choices: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        if text not in self.choices:
            raise ParameterError(f"{self.name}: {text!r} is none of {', '.join(self.choices)}")
        return text


@dataclass(frozen=True)
class Names(Parameter):
    """Codes separated by commas, each once."""

    least: int = 1

    def read(self, text: str) -> tuple[str, ...]:
        names = tuple(name for name in text.split(",") if name)
        if len(names) < self.least or len(set(names)) != len(names):
            raise ParameterError(
                f"{self.name}: name {self.least} or more, separated by commas without spaces, each once"
            )
        return names

    def form(self, value: Sequence[str]) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class NumbersByName(Parameter):
    """Numbers by code: `A:1.5,B:2`."""

    def read(self, text: str) -> dict[str, float]:
        found = {}
        for item in text.split(","):
            name, colon, number = item.rpartition(":")
            try:
                found[name] = float(number)
            except ValueError:
                colon = ""
            if not (colon and name and math.isfinite(found[name])):
                raise ParameterError(f"{self.name}: {item!r} is not of the form CODE:NUMBER, as in A:1.5,B:2")
        return found

    def form(self, value: Mapping[str, float]) -> str:
        return ",".join(f"{name}:{repr(number).removesuffix('.0')}" for name, number in value.items())


Values = dict[str, Any]


def read_parameters(declared: Iterable[Parameter], text: str, *, kind: str) -> Values:
    """Name → value of every parameter that has one. Raises ParameterError."""
    parameters = {parameter.name: parameter for parameter in declared}
    said: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise ParameterError(f"{word!r} is not of the form name=value, as in lambda=0.2")
        if name not in parameters:
            raise ParameterError(f"{name}: a {kind} chart takes {', '.join(parameters) or 'no parameters'}")
        if name in said:
            raise ParameterError(f"{name}: said twice")
        said[name] = value
    values: Values = {}
    for name, parameter in parameters.items():
        own = said.get(name, parameter.default)
        if own is not None:
            values[name] = parameter.read(own)
        elif parameter.required:
            raise ParameterError(f"{name}: a {kind} chart needs it ({parameter.label})")
    return values


def form_parameters(declared: Iterable[Parameter], values: Values) -> str:
    """The values as a plan says them, in the order of their declaration, defaults included."""
    return " ".join(f"{p.name}={p.form(values[p.name])}" for p in declared if p.name in values)
