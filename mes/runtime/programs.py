"""The Python processes of Halite: web, workers, sweeper, simulator."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable, Mapping

from mes.runtime.service import Service
from mes.runtime.state import PROJECT_DIR

MANAGE = str(PROJECT_DIR / "manage.py")


def manage(*arguments: str) -> list[str]:
    return [sys.executable, MANAGE, *arguments]


def web(host: str, port: int, environment: Mapping[str, str]) -> Service:
    """Granian serving WSGI with a pool of threads."""
    return Service(
        name="web",
        command=[
            *(sys.executable, "-m", "granian", "mes.wsgi:application"),
            *("--interface", "wsgi", "--host", host, "--port", str(port)),
            *("--workers", "1", "--blocking-threads", "4", "--backpressure", "64"),
            *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "3"),
            *("--no-ws", "--log-level", "warning"),
        ],
        environment=_named("web", environment),
        ready=answers(host, port),
    )


def worker(number: int, environment: Mapping[str, str]) -> Service:
    """A Celery worker with one pool process: a killed task takes nothing else with it."""
    name = f"worker-{number}"
    return Service(
        name=name,
        command=[
            *(sys.executable, "-m", "celery", "--app", "mes.celery", "worker"),
            *("--hostname", f"{name}@halite", "--concurrency", "1", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        environment=_named(name, environment),
    )


def sweeper(environment: Mapping[str, str]) -> Service:
    return Service(name="sweeper", command=manage("sweep"), environment=_named("sweeper", environment))


def simulator(environment: Mapping[str, str]) -> Service:
    return Service(
        name="simulator", command=manage("simulate", "--live"), environment=_named("simulator", environment)
    )


def answers(host: str, port: int) -> Callable[[int], bool]:
    """A readiness test: the health page answers. The port was free before our child took it."""

    def ready(pid: int) -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


def _named(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "HALITE_PROCESS": name, "HALITE_SUPERVISED": "1", "PYTHONUNBUFFERED": "1"}
