"""Where one Halite installation keeps its files: data, sockets, logs, secret key.

Settings and launcher compute the same paths from the state directory alone, so that any
`manage.py` command finds the services that `make run` has started.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]

# PostgreSQL refuses to run as root; a root installation runs it as this user.
UNPRIVILEGED_UID = 65534

# sockaddr_un.sun_path holds 108 bytes with its terminating zero.
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")

# All that Halite makes in its state directory, and all that `make reset` deletes there.
CONTENTS = (
    *("postgres", "broker", "log", "static", "curves", "packages"),
    *("secret_key", "demo-keys.json", "audit-anchors.jsonl", "halite.lock"),
)


@dataclass(frozen=True)
class StateDirectory:
    """The files of one installation below `root`."""

    root: Path

    @classmethod
    def from_environment(cls) -> StateDirectory:
        return cls(Path(os.environ.get("HALITE_DIR") or PROJECT_DIR / "var").absolute())

    @property
    def postgres(self) -> Path:
        """Directory of the embedded PostgreSQL.

        Root may keep the installation under a home that the unprivileged user cannot enter. Its
        database then lives in /var/lib, under a name derived from the installation's path.
        """
        inside = self.root / "postgres"
        if os.geteuid() != 0 or may_enter(self.root, UNPRIVILEGED_UID):
            return inside
        return Path("/var/lib/halite") / _short_name(self.root)

    @property
    def postgres_socket_dir(self) -> Path:
        return _socket_dir(self.postgres / "socket", "postgres")

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def broker_socket(self) -> Path:
        return _socket_dir(self.broker, "broker") / "broker.sock"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def lock(self) -> Path:
        return self.root / "halite.lock"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret_key"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def curves(self) -> Path:
        return self.root / "curves"

    @property
    def packages(self) -> Path:
        return self.root / "packages"

    def database_url(self, role: str, *, name: str = "halite") -> str:
        """URL of a database of the embedded PostgreSQL for one of the database roles."""
        return f"postgresql:///{name}?host={self.postgres_socket_dir}&user={role}"

    @property
    def broker_url(self) -> str:
        return f"unix://{self.broker_socket}"


def may_enter(directory: Path, uid: int) -> bool:
    """Whether a user may pass through every existing part of a directory's path."""
    for part in [directory, *directory.parents]:
        try:
            status = part.stat()
        except FileNotFoundError:
            continue
        needed = stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def make_private_dir(directory: Path, *, uid: int | None = None) -> None:
    """Create a directory only its owner may enter; refuse one that belongs to somebody else.

    Raises PermissionError when the directory exists under another owner: a socket directory in
    /tmp has a predictable name, and whoever made it first could listen there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    owner = os.geteuid() if uid is None else uid
    status = directory.lstat()
    if status.st_uid not in (owner, os.geteuid()) or not stat.S_ISDIR(status.st_mode):
        raise PermissionError(f"{directory} belongs to another user: remove it or set HALITE_DIR")
    if status.st_uid != owner:
        os.chown(directory, owner, pwd.getpwuid(owner).pw_gid)
    directory.chmod(0o700)


def _socket_dir(preferred: Path, purpose: str) -> Path:
    """The preferred directory, or a short one in /tmp where socket paths would be too long."""
    if len(os.fsencode(preferred)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return preferred
    return Path(f"/tmp/halite-{os.geteuid()}-{_short_name(preferred)}-{purpose}")


def _short_name(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
