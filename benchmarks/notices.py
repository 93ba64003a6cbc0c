"""When did a row become visible? Triggers in the benchmark's own database tell at commit, without polling."""

from __future__ import annotations

import threading
import time

import psycopg

CHANNEL = "halite_benchmark"
# A notification is delivered when its transaction has committed.
TRIGGERS = f"""
CREATE FUNCTION benchmark_notice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', TG_ARGV[0] || ' ' || (to_jsonb(NEW) ->> TG_ARGV[1]));
    RETURN NULL;
END $$;
CREATE TRIGGER benchmark_point AFTER INSERT ON spc_subgroupmember
    FOR EACH ROW EXECUTE FUNCTION benchmark_notice('point', 'lot_id');
CREATE TRIGGER benchmark_hold AFTER INSERT ON lots_holdlot
    FOR EACH ROW EXECUTE FUNCTION benchmark_notice('hold', 'lot_id');
"""
POLL_SECONDS = 0.2


class Notices:
    """Listens in a thread; `seen[kind, lot]` is the `time.perf_counter()` of the first notice of each."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.seen: dict[tuple[str, int], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="notices")

    def __enter__(self) -> Notices:
        self.connection.execute(TRIGGERS)
        self.connection.execute(f"LISTEN {CHANNEL}")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, wanted: set[tuple[str, int]], *, within_seconds: float) -> None:
        """Raises TimeoutError with how many are still missing."""
        deadline = time.monotonic() + within_seconds
        while missing := wanted - self.seen.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} of {len(wanted)} did not happen in {within_seconds} s")
            time.sleep(0.05)

    def _listen(self) -> None:
        while not self._stop.is_set():
            for notice in self.connection.notifies(timeout=POLL_SECONDS):
                at = time.perf_counter()
                kind, lot = notice.payload.split()
                self.seen.setdefault((kind, int(lot)), at)
