"""A line that people work on, too, goes on where they were first; alone, that would be a defect."""

from __future__ import annotations

import pytest

from mes.simulator.doors import Answer, UnexpectedAnswer
from mes.simulator.refusals import refusal_of

DONE = Answer(409, {"code": "refused", "message": "Formation of lot C-1 is finished already"})


def test_what_somebody_has_done_is_a_refusal_beside_people_only() -> None:
    refused = refusal_of(DONE, beside_people=True)
    assert (str(refused), refused.blockers) == ("Formation of lot C-1 is finished already", ("done_before",))
    with pytest.raises(UnexpectedAnswer, match="finished already"):
        refusal_of(DONE, beside_people=False)


@pytest.mark.parametrize("beside_people", [True, False])
def test_gate_refuses_with_its_blockers(beside_people: bool) -> None:
    body = {"code": "gate_refused", "message": "held", "blockers": [{"code": "held"}, {"code": "step_open"}]}
    assert refusal_of(Answer(409, body), beside_people=beside_people).blockers == ("held", "step_open")


@pytest.mark.parametrize("answer", [Answer(422, {"code": "invalid"}), Answer(409, {"code": "key_reused"})])
def test_anything_else_is_a_defect(answer: Answer) -> None:
    with pytest.raises(UnexpectedAnswer):
        refusal_of(answer, beside_people=True)
