"""Answers to reference cases: the engine behind one function per kind of case.

`python -m spc.engine.conformance CASES.json` prints one JSON line `{"id", "got"}` for each case; `got` has the shape of
the case's `expected`. What cannot be answered says why in `error`, and the other cases go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from spc.engine.conformance import (
    capability,
    charts,
    measurement,
    multivariate,
    run_lengths,
    sampling,
    serial,
    special,
)

Adapter = Callable[[Mapping[str, Any]], dict[str, Any]]

KINDS: dict[str, Adapter] = {
    **charts.KINDS,
    **special.KINDS,
    **serial.KINDS,
    **capability.KINDS,
    **measurement.KINDS,
    **multivariate.KINDS,
    **sampling.KINDS,
    **run_lengths.KINDS,
}


# What an adapter or the engine raises for an input that has no answer; the other cases go on.
REFUSALS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


class UnknownKindError(LookupError):
    """A kind of case that no adapter answers."""


def answer(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's answer to a case's input in plain JSON values. Raises UnknownKindError, and what it raises."""
    if kind not in KINDS:
        raise UnknownKindError(f"unknown kind {kind!r}; known are {', '.join(sorted(KINDS))}")
    plain: dict[str, Any] = to_plain(KINDS[kind](given))
    return plain


def answer_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the output: the case's id with `got`, or with `error` in words."""
    try:
        return {"id": case.get("id"), "got": answer(str(case.get("kind")), case.get("input", {}))}
    except KeyError as error:
        return {"id": case.get("id"), "got": None, "error": f"the input lacks {error}"}
    except REFUSALS as error:
        return {"id": case.get("id"), "got": None, "error": f"{type(error).__name__}: {error}"}


def to_plain(value: Any) -> Any:
    """Arrays as lists, NaN and infinity as None, numpy numbers as Python's."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [to_plain(item) for item in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
