"""`manage.py simulate`: the demo line through the public doors."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mes import pipeline
from mes.demo.credentials import DEMO_PASSWORD
from mes.demo.keys import FILE_NAME
from mes.simulator.doors import Door, DoorClosed, HttpDoor, Stopped, WsgiDoor
from mes.simulator.faults import Fault, FaultPlan, Magnitude
from mes.simulator.live import Line, Site, keep_truth, tell
from mes.simulator.people import every_item

SHIFT_H = 8
PAIRS = 5
WAIT_S = 0.1
SEED = 8  # with it already the first roll of the history that is coated too thick lies beyond the limits


def fault(text: str) -> tuple[Fault, Magnitude]:
    """`gap_shift` or `gap_shift:gross`."""
    name, _, magnitude = text.partition(":")
    try:
        return Fault(name.lower()), Magnitude((magnitude or "clear").lower())
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r}: name one of {', '.join(Fault)}, then :{'|'.join(Magnitude)} if not clear"
        ) from None


class Command(BaseCommand):
    help = "Runs the simulated line through the API as fast as it goes, and prints what happened as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--shifts", type=int, help="shifts of 8 h of site time")
        length.add_argument(
            "--pairs", type=int, help=f"roll pairs, to their accepted cells (default {PAIRS})"
        )
        parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")
        parser.add_argument(
            "--fault",
            type=fault,
            action="append",
            default=[],
            metavar="NAME[:MAGNITUDE]",
            help="from the middle pair on; may be given several times",
        )
        parser.add_argument(
            "--live", action="store_true", help="history, a fault, then a visible pace, for ever"
        )
        parser.add_argument("--url", help="a running Halite; without it the API is called in this process")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
        try:
            self._simulate(stop, options)
        except Stopped:
            return
        except DoorClosed as error:
            raise CommandError(f"Halite does not answer: {error}") from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _simulate(self, stop: threading.Event, options: dict[str, Any]) -> None:
        site = reach(options["url"] or (own_address() if options["live"] else None), stop)
        if options["live"]:
            tell(site, seed=options["seed"])
        else:
            self.stdout.write(json.dumps(run_once(site, **options), indent=2, default=str))


def own_address() -> str:
    """Where `make run` serves this installation."""
    host = os.environ.get("HALITE_HOST", "127.0.0.1")
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    return f"http://{host}:{os.environ.get('HALITE_PORT', '8000')}"


def reach(url: str | None, stop: threading.Event) -> Site:
    """The site behind a URL, or in this process, where nobody else needs to evaluate charts."""
    file: Path = settings.STATE.root / FILE_NAME
    if not file.exists():
        raise CommandError(f"{file} is missing: run `manage.py load_demo` first")
    keys = {name: entry["key"] for name, entry in json.loads(file.read_text())["keys"].items()}
    door: Door = HttpDoor(url, patience_s=float("inf"), stop=stop) if url else WsgiDoor(stop=stop)

    def wait() -> None:
        if stop.is_set():
            raise Stopped
        if url:
            door.pause(WAIT_S)
        else:
            pipeline.sweep_once(now=timezone.now())

    return Site(door, keys, DEMO_PASSWORD, wait)


def run_once(site: Site, **options: Any) -> dict[str, Any]:
    """One run at full speed; what happened."""
    shifts, pairs = options["shifts"], options["pairs"] or PAIRS
    if shifts:
        pairs = shifts * SHIFT_H // 2 + 1  # a pair starts every two hours
    plans = tuple(FaultPlan(name, size, first_pair=pairs // 2) for name, size in options["fault"])
    began = time.monotonic()
    line = site.line("simulate", seed=options["seed"], faults=plans, pairs=pairs)
    driver = line.driver
    ends_at = driver.site_time() + timedelta(hours=SHIFT_H * shifts) if shifts else None
    driver.run(until=lambda: ends_at is not None and driver.site_time() >= ends_at)
    site.wait()
    driver.learn_holds()
    keep_truth(line)
    return summary(site, line, seconds=time.monotonic() - began)


def summary(site: Site, line: Line, *, seconds: float) -> dict[str, Any]:
    driver = line.driver
    counts = driver.gateway.counts
    key = site.keys["pe.sato"]
    return {
        "prefix": line.store.prefix,
        "seconds": round(seconds, 1),
        "site_time": driver.site_time(),
        "events": dict(driver.summary.events),
        "requests": site.door.requests,
        "readings": counts.readings,
        "lots": counts.lots,
        "out_of_specification": counts.violations,
        "signals": len(every_item(site.door, "/signals", key=key)),
        "charts_frozen": len(line.engineer.frozen),
        "held_lots": driver.summary.held,
        "refusals": driver.summary.refusals,
        "truth": [vars(record) for record in driver.model.truth],
    }
