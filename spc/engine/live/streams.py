"""Group charts: like streams (lanes, zones) at one time on one chart, by their largest and their smallest mean.

The first panel plots the largest, the second the smallest. A stream that leads so often in a row that it cannot be by
chance differs from the others, even when no limit is crossed: (s^r - 1) / (s - 1) times in control before one of s like
streams leads r times in a row (Nelson 1986, Journal of Quality Technology 18).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spc.engine.batch import RuleHit
from spc.engine.families import Panel, SubgroupData, Summary
from spc.engine.group_states import GroupState
from spc.engine.groups import group_chart
from spc.engine.kinds import ChartKind
from spc.engine.live.method import BEYOND, Method, must_vary
from spc.engine.live.model import Fit, Line, Shown
from spc.engine.live.parameters import Number, Parameter, Values
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError, sigma_from_moving_ranges
from spc.engine.special_rules import SpecialRule

RUN_LENGTH = 370.0  # times in control before one stream leads too often, at least


def means_of(data: SubgroupData) -> dict[str, list[float]]:
    """The readings of each stream; none of a missing point, which has no labels either."""
    streams: dict[str, list[float]] = {}
    if data.is_missing:
        return streams
    for label, value in zip(data.labels, data.values, strict=True):
        if not math.isnan(value):
            streams.setdefault(label, []).append(value)
    return streams


def leading_run(streams: int) -> int:
    """The fewest times in a row that one of so many streams may lead before it signals."""
    run = 2
    while (streams**run - 1) / (streams - 1) < RUN_LENGTH:
        run += 1
    return run


class Group(Method):
    """`labels` of the data name the stream of each reading. A time at which a stream is missing is a gap."""

    kind = ChartKind.GROUP
    by_reading = False
    rules = {Panel.LOCATION: BEYOND}
    parameters: tuple[Parameter, ...] = (
        Number(
            "run",
            "times in a row that one stream may lead; from the number of streams unless given",
            low=2.0,
            whole=True,
        ),
    )

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        times = [means_of(row) for row in data]
        streams = sorted({label for row in times for label in row})
        whole = [row for row in times if len(row) == len(streams)]
        if len(streams) < 2 or len(whole) < 2:
            raise TooFewReadingsError(
                "a group chart needs two streams at least, and two times with all of them"
            )
        n = min(len(own) for row in whole for own in row.values())
        means = np.array([[np.mean(row[label]) for label in streams] for row in whole])
        if n > 1:
            ranges = np.array([[np.ptp(row[label][:n]) for label in streams] for row in whole])
            shown = group_chart(means, ranges, n=n)
            center, sigma = shown.center, (shown.ucl - shown.center) / 3.0
        else:
            # A time at which a stream is missing keeps its place: no range reaches over it.
            gap = {label: [math.nan] for label in streams}
            placed = [row if len(row) == len(streams) else gap for row in times]
            columns = np.array([[np.mean(row[label]) for label in streams] for row in placed]).T
            moved = [sigma_from_moving_ranges(np.abs(np.diff(own))).sigma for own in columns]
            center, sigma = float(means.mean()), float(np.mean(moved))
        must_vary(sigma, len(whole))
        run = int(values.get("run", leading_run(len(streams))))
        return Fit(
            kind=self.kind,
            center=center,
            sigma=sigma * math.sqrt(n),
            subgroup_size=float(n * len(streams)),
            n_subgroups=len(whole),
            n_values=float(n * len(streams) * len(whole)),
            own={"streams": streams, "run": run, "sigma_means": sigma},
        )

    def reduce(self, data: SubgroupData) -> Summary:
        """The largest mean, and the smallest on the second panel."""
        means = [float(np.mean(own)) for own in means_of(data).values()] or [math.nan]
        size = float(len(data.values))
        return Summary(max(means), size, size * max(means), min(means))

    def facts(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        return (
            ("Streams", float(len(fit.own["streams"]))),
            ("Signals when one leads in a row", fit.own["run"]),
        )

    def start(self, fit: Fit) -> GroupState:
        reach = 3.0 * fit.own["sigma_means"]
        return GroupState(fit.center - reach, fit.center + reach)

    def step(self, fit: Fit, memory: GroupState, data: SubgroupData) -> tuple[GroupState, Shown]:
        own, streams = means_of(data), fit.own["streams"]
        if any(label not in own for label in streams):
            return self.gap(fit, memory), Shown(details={"why": "not judged: a stream is missing"})
        following, point = memory.update([float(np.mean(own[label])) for label in streams])
        top = Line(point.max_value, fit.center, math.nan, memory.ucl)
        bottom = Line(point.min_value, fit.center, memory.lcl, math.nan)
        hits = []
        for panel, line, leading in (
            (Panel.LOCATION, top, following.max_run),
            (Panel.DISPERSION, bottom, following.min_run),
        ):
            if line.beyond:
                hits.append(RuleHit(Rule.BEYOND_LIMITS, panel, (0,)))
            if leading is not None and leading.length >= fit.own["run"]:
                hits.append(RuleHit(SpecialRule.SAME_STREAM, panel, tuple(range(fit.own["run"]))))
        names = {"largest": streams[point.max_stream], "smallest": streams[point.min_stream]}
        return following, Shown(
            location=top, dispersion=bottom, size=float(len(data.values)), hits=tuple(hits), details=names
        )

    def gap(self, fit: Fit, memory: GroupState) -> GroupState:
        return replace(memory, max_run=None, min_run=None)

    def load(self, data: Mapping[str, Any]) -> GroupState:
        return GroupState.from_dict(data)
