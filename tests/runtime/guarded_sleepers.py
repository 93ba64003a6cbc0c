"""Run by test_guard: a guard, a supervisor, and children that are hard to end."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from mes.runtime.child import Child
from mes.runtime.console import Console
from mes.runtime.guard import run_guarded
from mes.runtime.service import Service
from mes.runtime.supervisor import StopRequested, Supervisor, raise_on_stop_signals

# The child starts a grandchild in a session of its own that ignores polite signals, as a stuck backend.
STUBBORN = """
import signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)  # grandchild"],
    start_new_session=True)
time.sleep(600)
"""


def supervise() -> int:
    raise_on_stop_signals()
    supervisor = Supervisor(Console())
    logs = Path(sys.argv[1])
    services = [
        Service("stubborn", [sys.executable, "-c", STUBBORN], death_signal=signal.SIGTERM, grace_seconds=1),
        Service("deaf", ["sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600"], grace_seconds=0.5),
        Service("dying", ["sh", "-c", "sleep 0.3; echo no such file; exit 3"]),
    ]
    try:
        for service in services:
            supervisor.start_tier([Child(service, logs)])
        print("started", flush=True)
        supervisor.watch_forever()
    except StopRequested:
        began = time.monotonic()
        supervisor.stop()
        print(f"stopped in {time.monotonic() - began:.1f}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(run_guarded(supervise, stop_with_parent="--stop-with-parent" in sys.argv))
