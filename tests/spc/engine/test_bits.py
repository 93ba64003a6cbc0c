from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spc.engine.bits import WORD, all_of_last, count_of_last, earlier, pack, positions

flags = st.lists(st.booleans(), max_size=200)


@given(row=flags)
def test_a_packed_row_gives_its_positions_back(row: list[bool]) -> None:
    packed = pack(np.array(row, dtype=np.bool_))
    assert len(packed) == -(-len(row) // WORD)
    assert positions(packed).tolist() == [i for i, flag in enumerate(row) if flag]


@given(row=flags, back=st.integers(0, WORD - 1))
def test_earlier_says_what_held_before(row: list[bool], back: int) -> None:
    moved = positions(earlier(pack(np.array(row, dtype=np.bool_)), back)).tolist()
    assert [i for i in moved if i < len(row)] == [i for i in range(back, len(row)) if row[i - back]]


@given(row=flags, length=st.integers(1, 30))
def test_runs_are_counted_across_words(row: list[bool], length: int) -> None:
    found = positions(all_of_last(pack(np.array(row, dtype=np.bool_)), length)).tolist()
    assert found == [i for i in range(len(row)) if i + 1 >= length and all(row[i - length + 1 : i + 1])]


@given(row=flags, span=st.integers(1, 9), data=st.data())
def test_some_of_the_last_are_counted_across_words(row: list[bool], span: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, span))
    found = positions(count_of_last(pack(np.array(row, dtype=np.bool_)), count, span)).tolist()
    assert [i for i in found if i < len(row)] == [
        i for i in range(len(row)) if sum(row[max(0, i - span + 1) : i + 1]) >= count
    ]


@pytest.mark.parametrize("n", [63, 64, 65])
def test_a_run_may_end_on_the_last_bit_of_a_word(n: int) -> None:
    assert positions(all_of_last(pack(np.ones(n, dtype=np.bool_)), n)).tolist() == [n - 1]
