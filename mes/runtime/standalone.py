"""Start embedded PostgreSQL alone (`python -m mes.runtime.postgres`) for development."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from mes.runtime.child import Child
from mes.runtime.postgres import APP, OWNER, EmbeddedPostgres
from mes.runtime.service import StartError
from mes.runtime.state import StateDirectory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mes.runtime.postgres", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="state directory, as HALITE_DIR")
    state = StateDirectory(parser.parse_args().dir.absolute())
    server = EmbeddedPostgres(state)
    try:
        state.logs.mkdir(parents=True, exist_ok=True)
        server.prepare()
        child = Child(server.service(), state.logs)
        child.start_and_wait()
    except StartError as error:
        print(f"postgres: {error}", file=sys.stderr)
        return 1
    server.create_roles_and_database()
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    # Before the address is printed: who reads it may send a signal at once.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    print(f"HALITE_DIR={state.root}")
    print(f"DATABASE_URL={state.database_url(APP)!r}")
    print(f"DATABASE_OWNER_URL={state.database_url(OWNER)!r}", flush=True)
    signal.sigwait(signals)
    child.stop()
    return 0
