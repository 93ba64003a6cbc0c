"""What the line does when a file of its instruments is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from mes.simulator.deliver_raw import SENDER, Counts, Told, deliver
from mes.simulator.doors import Answer, UnexpectedAnswer
from mes.simulator.raw_out import FileOut, RecordOut
from mes.simulator.refusals import DONE_BEFORE, Refused

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


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


def test_line_goes_on_where_a_person_brought_the_record_before_and_stops_where_a_gate_refuses() -> None:
    def carry(blocker: str) -> set[Told]:
        line = sender(Answer(201, {}))
        line.allowed = Mock(side_effect=Refused("no", (blocker,)))
        return deliver([RecordOut("C-1", "pressure", START, "P-1", {})], line)

    assert carry(DONE_BEFORE) == set()
    with pytest.raises(Refused):
        carry("held")
