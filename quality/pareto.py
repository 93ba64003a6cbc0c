"""Which defects there are most of: by characteristic, step, equipment and shift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from lots.models import Measurement, Shift, Site
from quality.models import Defect

LARGEST = 20_000  # newest defects looked at


@dataclass(frozen=True)
class Bar:
    """A bar of the chart: its share of the largest, and the share of all up to and with it, in per cent."""

    name: str
    count: int
    width_pct: float
    cumulative_pct: float


def pareto(names: Iterable[str]) -> list[Bar]:
    """Bars, the most frequent first; names alike in number stand in their alphabetical order."""
    counts = Counter(names)
    total, done = sum(counts.values()), 0
    bars: list[Bar] = []
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered:
        done += count
        bars.append(Bar(name, count, 100 * count / ordered[0][1], 100 * done / total))
    return bars


def defect_paretos(site: Site, *, since: datetime | None = None) -> dict[str, list[Bar]]:
    """Title → bars over the site's defects since an instant of its clock (None: all); four queries."""
    defects = Defect.objects.filter(site=site)
    if since is not None:
        defects = defects.filter(found_at__gte=since)
    rows = list(defects.select_related("characteristic__step", "judgement").order_by("-id")[:LARGEST])
    machines = dict(
        Measurement.objects.filter(
            id__in=[row.judgement.measurement_id for row in rows],
            received_at__in={row.judgement.measurement_received_at for row in rows},
        ).values_list("id", "equipment__code")
    )
    shifts = list(Shift.objects.filter(site=site).order_by("starts"))
    zone = ZoneInfo(site.time_zone)
    return {
        "Characteristic": pareto(row.characteristic.name for row in rows),
        "Step": pareto(row.characteristic.step.name for row in rows),
        "Equipment": pareto(machines.get(row.judgement.measurement_id) or "none" for row in rows),
        "Shift": pareto(shift_of(row.found_at.astimezone(zone).time(), shifts) for row in rows),
    }


def shift_of(at: time, shifts: Iterable[Shift]) -> str:
    """The shift that the time of day falls into; one that ends before it starts crosses midnight."""
    for shift in shifts:
        inside = (
            shift.starts <= at < shift.ends
            if shift.starts < shift.ends
            else at >= shift.starts or at < shift.ends
        )
        if inside:
            return shift.name
    return "outside of shifts"
