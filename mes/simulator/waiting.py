"""Lots that had to leave the line, each with where it stood and what is done again once it may go on.

Nothing here says why a lot left or whether it may return: that is asked of Halite (`returns`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST_TRIES = 3  # a lot that leaves the same step that often is left to people

Task = Callable[[datetime], Any]


@dataclass
class Left:
    """Lots that left before the same task. `step` is asked for them, "" whether they may be consumed.

    `again` makes the task for those that return together; without it they are only drawn on again, and what was missed
    is not made up. `running`: the task finishes the step that runs already. `also` had to leave with them.
    """

    step: str
    codes: list[str]
    again: Callable[[tuple[str, ...]], Task] | None
    running: bool = False
    also: tuple[str, ...] = ()


class WaitingRoom:
    """Who waits, asked in turns."""

    def __init__(self) -> None:
        self._left: deque[Left] = deque()
        self._tries: Counter[tuple[str, str]] = Counter()

    def add(self, left: Left) -> None:
        """Those that left this step too often, or are waited for already, do not wait."""
        if left.again is None:
            known = {code for other in self._left if other.again is None for code in other.codes}
            left.codes = [code for code in left.codes if code not in known]
        else:
            self._tries.update((code, left.step) for code in left.codes)
            left.codes = [code for code in left.codes if self._tries[code, left.step] <= MOST_TRIES]
        if left.codes:
            self._left.append(left)

    def in_turn(self, most: int) -> Iterator[Left]:
        """Those whose turn it is, about `most` lots; who still waits then goes to the end of the queue."""
        for _ in range(len(self._left)):
            if most <= 0:
                return
            left = self._left.popleft()
            most -= len(left.codes)
            yield left
            if left.codes:
                self._left.append(left)
