"""One request for several lots; where people were first with one of them, a request for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mes.simulator.doors import Answer
from mes.simulator.refusals import PENDING, Refused

Send = Callable[[list[str]], Answer]
OF_THE_ROOM = "shift_check"  # keeps every lot alike


def whole_or_each(lots: Sequence[str], send: Send) -> tuple[list[Answer], dict[str, Refused]]:
    """Send for all lots at once; where that is refused, for each alone. The answers, and which lot was refused why.

    Raises Refused where no lot is let pass, or where what refuses concerns all of them.
    """
    try:
        return [send(list(lots))], {}
    except Refused as refusal:
        whole = refusal
    if len(lots) == 1 or OF_THE_ROOM in whole.blockers or set(whole.blockers) <= PENDING:
        raise whole
    answers: list[Answer] = []
    refused: dict[str, Refused] = {}
    for lot in lots:
        try:
            answers.append(send([lot]))
        except Refused as refusal:
            refused[lot] = refusal
    if not answers:
        raise whole
    return answers, refused
