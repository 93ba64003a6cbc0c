"""`make run`: embedded services, migrations, demo line, web, workers, sweeper, simulator."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from mes.runtime import programs
from mes.runtime.broker import EmbeddedBroker
from mes.runtime.child import Child
from mes.runtime.console import Console
from mes.runtime.lock import InstanceLock
from mes.runtime.postgres import EmbeddedPostgres
from mes.runtime.processes import in_child
from mes.runtime.service import StartError
from mes.runtime.state import PROJECT_DIR, StateDirectory
from mes.runtime.supervisor import StopRequested, Supervisor, raise_on_stop_signals


@dataclass(frozen=True)
class Launch:
    """What to start, read from the environment by `manage.py runstack`."""

    state: StateDirectory
    host: str
    port: int
    workers: int
    embedded_database: bool
    embedded_broker: bool
    demo: bool

    @property
    def address(self) -> str:
        return (
            f"http://{'localhost' if self.host in ('127.0.0.1', '0.0.0.0', '::') else self.host}:{self.port}/"
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"HALITE_DIR": str(self.state.root)}


def run(launch: Launch) -> int:
    """Supervise one installation until a signal asks to stop; the exit code."""
    console = Console()
    supervisor = Supervisor(console)
    raise_on_stop_signals()
    code = 0
    lock = None
    try:
        lock = InstanceLock.acquire(launch.state.lock, f"process {os.getpid()}, {launch.address}")
        if lock.crashed_last_time:
            console.say("the last run did not stop in order; recovering")
        check_port(launch.host, launch.port)
        started = time.monotonic()
        start(launch, supervisor, console)
        console.say(f"ready in {time.monotonic() - started:.1f} s at {launch.address} (Ctrl-C stops it)")
        supervisor.watch_forever()
    except StopRequested:
        console.say("stopping")
    except StartError as error:
        console.say(f"cannot start: {error}")
        code = 1
    except (
        OSError,
        psycopg.Error,
        subprocess.SubprocessError,
    ) as error:  # a full disk, somebody else's directory
        console.say(f"cannot go on: {error}")
        code = 1
    began = time.monotonic()
    supervisor.stop()
    if lock is not None:
        lock.release()
        console.say(f"stopped in {time.monotonic() - began:.1f} s")
    return code


def start(launch: Launch, supervisor: Supervisor, console: Console) -> None:
    """Start everything in order; raises StartError with the first thing that failed."""
    state = launch.state
    state.logs.mkdir(parents=True, exist_ok=True)

    if launch.embedded_database:
        postgres = EmbeddedPostgres(state)
        console.say(f"PostgreSQL in {state.postgres}")
        postgres.prepare()
        supervisor.start_tier([Child(postgres.service(), state.logs)])
        postgres.create_roles_and_database()
    if launch.embedded_broker:
        broker = EmbeddedBroker(state)
        broker.prepare()
        supervisor.start_tier([Child(broker.service(), state.logs)])

    console.say("migrating the database")
    run_steps(launch, {"migrate": ["migrate", "--verbosity", "1"], "static": ["collectstatic", "--no-input"]})
    logins = ""
    if launch.demo:
        console.say("loading the demo line")
        logins = run_steps(launch, {"load_demo": ["load_demo"]})["load_demo"]

    environment = launch.environment
    supervisor.start_tier(
        [
            Child(service, state.logs)
            for service in (
                programs.web(launch.host, launch.port, environment),
                *(programs.worker(number, environment) for number in range(1, launch.workers + 1)),
                programs.sweeper(environment),
            )
        ]
    )
    if launch.demo:
        supervisor.start_tier([Child(programs.simulator(environment), state.logs)])
    for line in logins.splitlines():
        console.say(line)


def run_steps(launch: Launch, steps: dict[str, Sequence[str]]) -> dict[str, str]:
    """Run management commands side by side; what each wrote to standard output.

    Raises StartError with the last line of the first that failed. Full output: log/NAME.log.
    """
    logs = launch.state.logs
    running = {}
    for name, arguments in steps.items():
        with (logs / f"{name}.out").open("wb") as out, (logs / f"{name}.log").open("wb") as errors:
            running[name] = subprocess.Popen(
                programs.manage(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                cwd=PROJECT_DIR,
                env={**os.environ, **launch.environment, "HALITE_PROCESS": name},
                start_new_session=True,
                preexec_fn=in_child(os.getpid(), signal.SIGTERM),
            )
    try:
        for name, process in running.items():
            if process.wait() != 0:
                lines = (logs / f"{name}.log").read_text(errors="replace").strip().splitlines() or [
                    "no message"
                ]
                raise StartError(
                    f"`manage.py {' '.join(steps[name])}` failed: {lines[-1]} (see {logs}/{name}.log)"
                )
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    return {name: (logs / f"{name}.out").read_text(errors="replace") for name in steps}


def check_port(host: str, port: int) -> None:
    """Raise StartError when something else listens on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As a server does: closed connections of the last run are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise StartError(
                f"port {port} of {host} cannot be used ({error.strerror}): set HALITE_PORT to another one"
            ) from None
