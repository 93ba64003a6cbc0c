"""One Halite per state directory, and how a start knows that the last run crashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mes.runtime.lock import InstanceLock
from mes.runtime.service import StartError


def test_the_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    held = InstanceLock.acquire(tmp_path / "halite.lock", "process 7, http://localhost:8000/")
    with pytest.raises(StartError, match=r"process 7, http://localhost:8000/.*set HALITE_DIR"):
        InstanceLock.acquire(tmp_path / "halite.lock", "process 8")
    held.release()
    InstanceLock.acquire(tmp_path / "halite.lock", "process 8").release()


def test_a_lock_file_left_by_a_crash_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "halite.lock").write_text("process 7")
    lock = InstanceLock.acquire(tmp_path / "halite.lock", "process 8")
    assert lock.crashed_last_time
    lock.release()
    again = InstanceLock.acquire(tmp_path / "halite.lock", "process 9")
    assert not again.crashed_last_time
    again.release()
