"""The story that `make run` tells: an electrode campaign that becomes stable, a fault, then a line at a visible pace.

The history runs as fast as the machine allows. A batch out of specification stands at its beginning; the limits
are frozen as soon as phase 1 is complete; the next rolls are coated too thick, and Halite finds and holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.db import Error, close_old_connections

from mes.simulator.doors import Door
from mes.simulator.driver import Driver
from mes.simulator.events import DoorOpened, LineEvent, ZoneLogged
from mes.simulator.faults import Fault, FaultPlan, Magnitude
from mes.simulator.gateway import Gateway
from mes.simulator.model import LineModel
from mes.simulator.pace import Pace
from mes.simulator.people import Planner, ProcessEngineer
from mes.simulator.quality_people import QualityEngineer
from mes.simulator.returns import Returns
from mes.simulator.safety_tests import SafetyLaboratory
from mes.simulator.store import TruthStore

log = structlog.get_logger(__name__)

LOOK_AT_CHARTS_EVERY = 6  # events of the line
KEEP_TRUTH_EVERY = 20
# Every 2 min, as the control plan counts on (30 readings an hour and sensor), in packets of an hour.
ZONE_LOG = {"log_period_s": 120, "log_packet_min": 60}

BAD_BATCH_PAIR = 2
HISTORY_PAIRS, HISTORY_FAULT_PAIR = 31, 27
# Cells from the first pair, to be seen soon, and from late ones: 20 trays complete phase 1 of the cell charts, and
# some of the 26 may be held.
HISTORY_CELL_PAIRS = frozenset({0, *range(15, 27)})
HISTORY_FAULTS = (
    FaultPlan(Fault.SOLIDS_HIGH, Magnitude.GROSS, first_pair=BAD_BATCH_PAIR, pairs=1),
    FaultPlan(Fault.GAP_SHIFT, Magnitude.CLEAR, first_pair=HISTORY_FAULT_PAIR),
)

# Instruments' own records and files: of the first pair, to be seen soon, and of a few that follow.
HISTORY_RAW_EVERY, LIVE_RAW_EVERY = 12, 4

LIVE_PAIRS = 600
MOST_EARLIER = 2  # runs that what is released goes on in, beside the newest
FIRST_FAULT_PAIR, FAULT_EVERY, FAULT_PAIRS = 2, 6, 2
MOST_TRAYS_WAITING = 8
PACE_S, PER_HOUR_S = 1.5, 6.0  # an hour makes four events before the first rolls are dry, later near twenty


@dataclass
class Line:
    """A driver with the people who work beside it."""

    driver: Driver
    store: TruthStore
    engineer: ProcessEngineer
    planner: Planner
    returns: Returns

    def go_on(self, now: datetime) -> None:
        """Of a run that has ended: what came back since, as far as it is due."""
        self.returns.when_due(now)
        before = self.driver.summary.total
        while self.driver.step(by=now):
            pass
        if self.driver.summary.total > before:
            keep_truth(self)


@dataclass(frozen=True)
class Site:
    """How to reach Halite: the door, API keys by username, and the engineer's password."""

    door: Door
    keys: dict[str, str]
    password: str
    wait: Callable[[], None]

    def line(
        self,
        purpose: str,
        *,
        seed: int,
        faults: tuple[FaultPlan, ...] = (),
        wanted: Callable[[int], bool] = lambda pair: True,
        most_waiting: int | None = None,
        pace_s: float = 0.0,
        freezes: bool = True,
        beside_people: bool = False,
        **options: Any,
    ) -> Line:
        """A new run from the present of the site's clock, under a prefix of its own.

        With `freezes` the engineer freezes limits as soon as phase 1 of a chart is complete. `beside_people`: visitors
        may take lots into their own hands, and what they release goes on.
        """
        present = Driver.present(self.door, self.keys)
        store = TruthStore.begin(purpose, seed=seed, site_started_at=present)
        start_at = present + timedelta(seconds=1)
        model = LineModel(seed, start_at, faults, prefix=store.prefix, **{**ZONE_LOG, **options})
        gateway = Gateway(self.door, self.keys, self.wait, store.prefix, beside_people)
        engineer = ProcessEngineer(self.door, self.keys, self.password)
        quality = QualityEngineer(self.door, self.keys, self.password)
        seen = 0

        def after(event: LineEvent) -> None:
            nonlocal seen
            planner.after(event)
            laboratory.after(event)
            quality.after(event)
            if pace_s:
                returns.after(event)
                self.door.pause(pace.pause_s(event))
            if isinstance(event, ZoneLogged | DoorOpened):
                return
            seen += 1
            if freezes and seen % LOOK_AT_CHARTS_EVERY == 0:
                self.wait()
                engineer.look_at_charts()
            if seen % KEEP_TRUTH_EVERY == 0:
                keep_truth(line)

        driver = Driver(model, gateway, after=after, refused=lambda event: planner.refused(event))
        planner = Planner(model, driver.summary.held, wanted, most_waiting)
        pace = Pace(pace_s, PER_HOUR_S)
        returns = Returns(self.door, self.keys, model)
        laboratory = SafetyLaboratory(self.door, self.keys, seed, driver.summary.held)
        line = Line(driver, store, engineer, planner, returns)
        return line

    def is_fresh(self) -> bool:
        """Whether no chart has frozen limits yet."""
        engineer = ProcessEngineer(self.door, self.keys, self.password)
        return all(chart["learning"] for chart in engineer.charts())


def keep_truth(line: Line) -> None:
    """Store the truth so far; a database that is away gets it the next time."""
    close_old_connections()
    try:
        line.store.keep(line.driver.model.truth, line.driver.model.latents)
    except Error as error:
        log.warning("truth_not_kept", error=str(error))


def tell(site: Site, *, seed: int) -> None:
    """History where there is none, then the line for as long as it is let. Raises Stopped when told to end."""
    earlier: list[Line] = []
    if site.is_fresh():
        history = site.line(
            "history",
            seed=seed,
            faults=HISTORY_FAULTS,
            wanted=HISTORY_CELL_PAIRS.__contains__,
            pairs=HISTORY_PAIRS,
            raw_every=HISTORY_RAW_EVERY,
            raw_whole=True,
            beside_people=True,
        )
        _run(history)
        earlier.append(history)
    while True:
        # The site's clock never runs back: with it a restarted run draws other noise and other faults.
        drawn = seed + int(Driver.present(site.door, site.keys).timestamp())
        live = site.line(
            "live",
            seed=drawn,
            faults=drawn_faults(drawn),
            most_waiting=MOST_TRAYS_WAITING,
            pace_s=PACE_S,
            pairs=LIVE_PAIRS,
            raw_every=LIVE_RAW_EVERY,
            beside_people=True,
        )
        _run(live, earlier)
        earlier = [*earlier, live][-MOST_EARLIER:]


def drawn_faults(seed: int) -> tuple[FaultPlan, ...]:
    """A fault every few pairs that a chart can see. The first tilts the die, so that the coater stops soon."""
    rng = np.random.default_rng(seed)
    faults, magnitudes = list(Fault), [Magnitude.CLEAR, Magnitude.GROSS]
    drawn = (
        FaultPlan(
            faults[int(rng.integers(len(faults)))],
            magnitudes[int(rng.integers(len(magnitudes)))],
            first_pair=pair,
            pairs=FAULT_PAIRS,
        )
        for pair in range(FIRST_FAULT_PAIR + FAULT_EVERY, LIVE_PAIRS, FAULT_EVERY)
    )
    return (
        FaultPlan(Fault.DIE_TILT, Magnitude.GROSS, first_pair=FIRST_FAULT_PAIR, pairs=FAULT_PAIRS),
        *drawn,
    )


def _run(line: Line, earlier: Sequence[Line] = ()) -> None:
    """The whole run; beside it, what comes back of earlier ones."""

    def go_on() -> bool:
        for before in earlier:
            before.go_on(line.driver.site_time())
        return False

    log.info("simulated_run_starts", prefix=line.store.prefix)
    try:
        line.driver.run(until=go_on)
    finally:
        keep_truth(line)
    summary = line.driver.summary
    log.info(
        "simulated_run_ends",
        prefix=line.store.prefix,
        events=summary.total,
        refusals=len(summary.refusals),
        held=len(summary.held),
    )
