"""What the line does when a file of its instruments is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mes.simulator.deliver_raw import SENDER, Counts, deliver
from mes.simulator.doors import Answer, UnexpectedAnswer
from mes.simulator.raw_out import FileOut


def sender(answer: Answer) -> Any:
    door = SimpleNamespace(send_file=lambda *_, **__: answer)
    return SimpleNamespace(door=door, keys={SENDER: "key"}, counts=Counts())


def test_line_goes_on_where_a_person_brought_the_file_of_a_cell_before() -> None:
    refused = Answer(
        409, {"code": "refused", "message": "Every cycle of this file is recorded for C-1 already."}
    )
    assert deliver([FileOut("C-1", b"records")], sender(refused)) == set()


@pytest.mark.parametrize("answer", [Answer(422, {"code": "unreadable"}), Answer(409, {"code": "key_reused"})])
def test_any_other_refusal_of_a_file_is_unexpected(answer: Answer) -> None:
    with pytest.raises(UnexpectedAnswer):
        deliver([FileOut("C-1", b"records")], sender(answer))
