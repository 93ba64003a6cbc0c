"""Paths of one installation, and who may enter them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mes.runtime.state import (
    SOCKET_PATH_LIMIT,
    UNPRIVILEGED_UID,
    StateDirectory,
    make_private_dir,
    may_enter,
)


def test_sockets_live_in_the_state_directory(tmp_path: Path) -> None:
    state = StateDirectory(Path("/srv/halite"))
    assert state.broker_socket == Path("/srv/halite/broker/broker.sock")
    assert state.database_url("halite_app") == (
        "postgresql:///halite?host=/srv/halite/postgres/socket&user=halite_app"
    )


def test_socket_paths_stay_within_the_kernels_limit_in_a_deep_directory() -> None:
    deep = StateDirectory(Path("/srv") / ("d" * 60) / ("e" * 60))
    other = StateDirectory(Path("/srv") / ("d" * 60) / ("f" * 60))
    for path in (deep.postgres_socket_dir / ".s.PGSQL.5432.lock", deep.broker_socket):
        assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
    assert deep.postgres_socket_dir != other.postgres_socket_dir
    assert deep.postgres_socket_dir != deep.broker_socket.parent


def test_a_closed_parent_keeps_others_out(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    (closed / "halite").mkdir(parents=True)
    closed.chmod(0o700)
    assert may_enter(closed / "halite", os.geteuid())
    assert not may_enter(closed / "halite", UNPRIVILEGED_UID)


def test_the_database_of_root_leaves_a_closed_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    state = StateDirectory(closed / "halite")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state.postgres.parent == Path("/var/lib/halite")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state.postgres == closed / "halite" / "postgres"


def test_a_private_directory_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    directory = tmp_path / "sockets"
    directory.mkdir(mode=0o777)
    make_private_dir(directory)
    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of somebody else")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "sockets"
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        make_private_dir(directory)
    assert directory.stat().st_uid == 12345
