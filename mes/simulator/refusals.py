"""What Halite did not allow the line, and what is a defect instead."""

from __future__ import annotations

import time
from collections.abc import Callable

from mes.simulator.doors import Answer, UnexpectedAnswer

OF_QUALITY = {"gate_refused", "held", None}
DONE_BEFORE = "done_before"
PENDING = {"evaluation_pending", "containment_pending"}
PENDING_PATIENCE_S = 60.0
# What a visitor was first to do, or a signature that wrong passwords have locked: it is tried at the next look.
NOT_NOW = {403, 409}


class Refused(Exception):
    """Halite did not allow what the event says; `blockers` are its codes, the message its words."""

    def __init__(self, message: str, blockers: tuple[str, ...]) -> None:
        super().__init__(message)
        self.blockers = blockers


def refusal_of(answer: Answer, *, beside_people: bool) -> Refused:
    """A refusal for reasons of quality; `beside_people`: or because somebody has done it already.

    Anything else is a defect and raises UnexpectedAnswer.
    """
    code = answer.body.get("code")
    by_others = beside_people and code == "refused"
    if answer.status != 409 or not (by_others or code in OF_QUALITY):
        raise UnexpectedAnswer(f"{answer.status}: {answer.body}")
    blockers = tuple(b["code"] for b in answer.body.get("blockers", ()))
    return Refused(str(answer.body["message"]), blockers or (DONE_BEFORE if by_others else "held",))


def patiently(ask: Callable[[], Answer], wait: Callable[[], None], *, beside_people: bool) -> Answer:
    """Ask until the answer is no longer "evaluation pending"; raises Refused when it stays a refusal."""
    deadline = time.monotonic() + PENDING_PATIENCE_S
    while True:
        answer = ask()
        if answer.ok:
            return answer
        refusal = refusal_of(answer, beside_people=beside_people)
        pending = bool(refusal.blockers) and set(refusal.blockers) <= PENDING
        if not pending or time.monotonic() > deadline:
            raise refusal
        wait()
