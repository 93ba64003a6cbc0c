"""The embedded PostgreSQL: roles, peer authentication, stale lock files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mes.runtime import postgres
from mes.runtime.child import Child
from mes.runtime.postgres import EmbeddedPostgres
from mes.runtime.processes import wait_until
from mes.runtime.service import StartError
from mes.runtime.state import StateDirectory

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    root = Path(os.environ["HALITE_DIR"]) / tmp_path_factory.mktemp("server").name
    state = StateDirectory(root)
    state.logs.mkdir(parents=True)
    yield EmbeddedPostgres(state, durable=False)


@pytest.fixture
def child(server: EmbeddedPostgres) -> Iterator[Child]:
    server.prepare()
    child = Child(server.service(), server.state.logs)
    yield child
    child.stop()


def test_each_role_signs_in_by_the_operating_system_user_alone(
    server: EmbeddedPostgres, child: Child
) -> None:
    child.start_and_wait()
    server.create_roles_and_database()
    server.create_roles_and_database()  # a second start finds them
    for role in postgres.ROLES:
        with psycopg.connect(server.state.database_url(role)) as connection:
            row = connection.execute(
                "SELECT current_user, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = user"
            ).fetchone()
            assert row == (role, False, False, False)
    with server.connect(dbname="halite") as connection:
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba), datlocprovider FROM pg_database WHERE datname = 'halite'"
        ).fetchone()
        assert owner is not None and owner[0] == "halite_owner"
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'btree_gist'").fetchone() == (
            1,
        )


def test_a_lock_file_whose_pid_belongs_to_another_program_does_not_stop_the_start(
    server: EmbeddedPostgres, child: Child
) -> None:
    child.start_and_wait()
    os.kill(child.pid, signal.SIGKILL)
    assert wait_until(lambda: not child.is_running(), 10)
    lock = server.data / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"], user=server.user.pw_uid if os.geteuid() == 0 else None)
    try:
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        child.start_and_wait()
        assert child.is_running()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_server_on_the_same_data_is_refused_in_one_line(
    server: EmbeddedPostgres, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LEAVING_SECONDS", 0.2)
    child.start_and_wait()
    with pytest.raises(StartError, match=rf"already running in .* \(process {child.pid}\)"):
        Child(server.service(), server.state.logs).start()
    assert child.is_running()


def test_data_of_another_major_version_is_refused(server: EmbeddedPostgres) -> None:
    server.prepare()
    (server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(StartError, match="written by PostgreSQL 14"):
        server.prepare()


def test_without_binaries_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(StartError, match="set DATABASE_URL"):
        postgres.find_binaries()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_binaries_behind_a_closed_directory_are_copied_with_their_libraries(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = postgres.find_binaries()
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    package = closed / installed.parents[1].name
    package.symlink_to(installed.parents[1])
    (closed / f"{package.name}.libs").symlink_to(installed.parents[1].with_name(f"{package.name}.libs"))
    monkeypatch.setattr(postgres, "find_binaries", lambda: package / "pginstall" / "bin")
    server.prepare()
    child = Child(server.service(), server.state.logs)
    child.start_and_wait()
    child.stop()
    copied = Path(child.service.command[0]).parents[3]
    assert copied.parent == server.state.postgres
    assert (copied / f"{package.name}.libs").is_dir()


def test_the_module_starts_a_server_and_stops_it_on_a_signal() -> None:
    root = Path(os.environ["HALITE_DIR"]) / "standalone"
    process = subprocess.Popen(
        [sys.executable, "-m", "mes.runtime.postgres", "--dir", str(root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.terminate()
    assert process.wait(15) == 0
    process.stdout.close()
    assert lines[0] == f"HALITE_DIR={root}\n"
    assert "database system is shut down" in (root / "log" / "postgres.log").read_text()
