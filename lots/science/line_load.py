"""How large a line is: cells a day, cycler channels, records a second, web."""

from __future__ import annotations

from dataclasses import dataclass

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class LineLoad:
    """Good cells a year and a day, channels of formation, records a second written by them."""

    cells_per_year: float
    cells_per_day: float
    channels: float
    records_per_second: float


def line_load(
    *,
    gwh_per_year: float,
    cell_wh: float,
    days: float = 365.0,
    cell_yield: float = 1.0,
    formation_h: float = 97.0,
    channel_use: float = 0.9,
    record_every_s: float = 10.0,
) -> LineLoad:
    """Load of a line that makes `gwh_per_year` of cells of `cell_wh`.

    With a yield below one, the figures are of cells started. Channels are those in use divided by `channel_use`.

    Raises:
        ValueError: a value is not above zero, or a share above one.
    """
    for name, value in (
        ("gwh_per_year", gwh_per_year),
        ("cell_wh", cell_wh),
        ("days", days),
        ("formation_h", formation_h),
        ("record_every_s", record_every_s),
    ):
        if not value > 0:
            raise ValueError(f"{name} must be above zero")
    for name, share in (("cell_yield", cell_yield), ("channel_use", channel_use)):
        if not 0 < share <= 1:
            raise ValueError(f"{name} must lie above 0 and at most at 1")
    per_year = gwh_per_year * 1e9 / cell_wh / cell_yield
    per_day = per_year / days
    running = per_day * formation_h / 24.0
    return LineLoad(per_year, per_day, running / channel_use, running / record_every_s)
