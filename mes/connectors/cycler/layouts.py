"""Text exports of cyclers as data: which columns make a layout, and what each column means.

A column is named by the instrument's own heading, in lower case without spaces. Readings become seconds, volts,
amperes, ampere hours and °C by `scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Clock(StrEnum):
    """How a time column is written."""

    NUMBER = "number"
    H_M_S = "h:m:s"  # also with days before it: "1d 02:03:04.5"


class CurrentSign(StrEnum):
    SIGNED = "signed"  # positive on charge
    BY_STATE = "by state"  # a magnitude; the state column tells the direction


@dataclass(frozen=True)
class Column:
    heading: str
    scale: float = 1.0


@dataclass(frozen=True)
class Layout:
    """One export. `counters` are capacity counters: charge and discharge, or one for both.

    `net_counter` is a single signed count that goes up and down. `dates` are patterns of the date column.
    """

    name: str
    time: Column
    voltage: Column
    current: Column
    time_clock: Clock = Clock.NUMBER
    step: str = ""
    cycle: str = ""
    state: str = ""
    step_time: Column | None = None
    counters: tuple[Column, ...] = ()
    net_counter: Column | None = None
    temperature: str = ""
    date: str = ""
    dates: tuple[str, ...] = ()
    sign: CurrentSign = CurrentSign.SIGNED
    charge_states: frozenset[str] = frozenset()
    discharge_states: frozenset[str] = frozenset()

    def required(self) -> frozenset[str]:
        """Headings without which a file is not of this layout."""
        needed = [self.time.heading, self.voltage.heading, self.current.heading]
        needed += [column.heading for column in self.counters]
        needed += [heading for heading in (self.step, self.cycle, self.state) if heading]
        needed += [self.net_counter.heading] if self.net_counter else []
        return frozenset(needed)


def normal(heading: str) -> str:
    """A heading as layouts name it."""
    return "".join(heading.lower().replace("\ufeff", "").replace('"', "").split())


_MILLI = 1e-3
_HOUR = 3600.0

LAYOUTS: tuple[Layout, ...] = (
    *(
        Layout(
            name="Arbin csv",
            time=Column(f"test{gap}time(s)"),
            step_time=Column(f"step{gap}time(s)"),
            voltage=Column("voltage(v)"),
            current=Column("current(a)"),
            counters=(Column(f"charge{gap}capacity(ah)"), Column(f"discharge{gap}capacity(ah)")),
            step=f"step{gap}index",
            cycle=f"cycle{gap}index",
            temperature="aux_temperature_1(c)",
            date=f"date{gap}time",
            dates=("%m/%d/%Y %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"),
        )
        for gap in ("", "_")
    ),
    *(
        Layout(
            name="Maccor text",
            time=Column(time),
            step_time=Column(step_time),
            time_clock=clock,
            voltage=Column("volts"),
            current=Column("amps"),
            counters=(Column("amp-hr"),),
            step="step",
            cycle="cyc#",
            state="state",
            date="dpttime",
            dates=("%m/%d/%Y %H:%M:%S%.f",),
            sign=CurrentSign.BY_STATE,
            charge_states=frozenset({"C"}),
            discharge_states=frozenset({"D"}),
        )
        for time, step_time, clock in (
            ("testtime", "steptime", Clock.H_M_S),
            ("test(sec)", "step(sec)", Clock.NUMBER),
        )
    ),
    Layout(
        name="Maccor csv",
        time=Column("testtime(sec)"),
        step_time=Column("steptime(sec)"),
        voltage=Column("voltage"),
        current=Column("current"),
        counters=(Column("capacity"),),
        step="step",
        cycle="cyclec",
        temperature="temp1",
        date="dpttime",
        dates=("%d-%b-%y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S%.f"),
    ),
    Layout(
        name="PEC csv",
        time=Column("totaltime(seconds)"),
        step_time=Column("steptime(seconds)"),
        voltage=Column("voltage(mv)", _MILLI),
        current=Column("current(ma)", _MILLI),
        counters=(Column("chargecapacity(mah)", _MILLI), Column("dischargecapacity(mah)", _MILLI)),
        step="step",
        cycle="cycle",
        date="realtime",
        dates=("%m/%d/%Y %H:%M:%S%.f",),
    ),
    Layout(
        name="Novonix csv",
        time=Column("runtime(h)", _HOUR),
        step_time=Column("steptime(h)", _HOUR),
        voltage=Column("potential(v)"),
        current=Column("current(a)"),
        net_counter=Column("capacity(ah)"),
        step="stepnumber",
        cycle="cyclenumber",
        temperature="temperature(°c)",
        date="dateandtime",
        dates=("%Y-%m-%d %H:%M:%S%.f",),
    ),
    *(
        Layout(
            name="Neware csv",
            time=Column(total),
            step_time=Column("time"),
            time_clock=Clock.H_M_S,
            voltage=Column("voltage(v)"),
            current=Column(f"current({prefix}a)", scale),
            counters=(Column(f"chg.cap.({prefix}ah)", scale), Column(f"dchg.cap.({prefix}ah)", scale)),
            step="stepindex",
            cycle="cycleindex",
            date="date",
            dates=("%Y-%m-%d %H:%M:%S%.f",),
        )
        for total in ("cumulativetime", "totaltime")
        for prefix, scale in (("", 1.0), ("m", _MILLI))
    ),
    Layout(
        name="Bitrode csv",
        time=Column("time(s)"),
        step_time=Column("steptime(s)"),
        voltage=Column("voltage(v)"),
        current=Column("current(a)"),
        counters=(Column("capacity(ah)"),),
        step="step",
        cycle="cycle",
        state="mode",
        sign=CurrentSign.BY_STATE,
        charge_states=frozenset({"CHRG"}),
        discharge_states=frozenset({"DCHG"}),
    ),
    *(
        Layout(
            name="BioLogic mpt",
            time=Column("time/s"),
            voltage=Column(voltage),
            current=Column(current, _MILLI),
            net_counter=Column("(q-qo)/ma.h", _MILLI),
        )
        for voltage in ("ewe/v", "ecell/v")
        for current in ("<i>/ma", "i/ma")
    ),
    Layout(
        name="Battery Data Format csv",
        time=Column("testtime/s"),
        voltage=Column("voltage/v"),
        current=Column("current/a"),
    ),
    Layout(
        name="Battery Data Format csv",
        time=Column("test_time_second"),
        voltage=Column("voltage_volt"),
        current=Column("current_ampere"),
    ),
    Layout(
        name="Arduino battery tester csv",
        time=Column("time", _MILLI),
        voltage=Column("voltage"),
        current=Column("current"),
        step="step",
        state="mode",
    ),
)

# Columns that a layout may hold beyond what makes it: used where present.
OPTIONAL_STEP = ("ns", "stepcount/1", "step_count", "stepindex/1", "step_index")
OPTIONAL_CYCLE = ("cyclecount/1", "cycle_count", "cycle_dimensionless", "cyclenumber")
OPTIONAL_TEMPERATURE = (
    "ambienttemperature/degc",
    "ambient_temperature_celsius",
    "surfacetemperaturet1/degc",
)
# Seconds since 1970, UTC, as the Battery Data Format means them.
UNIX_TIME = ("unixtime/s", "unix_time_second")
OPTIONAL_COUNTERS = (
    ("chargingcapacity/ah", "dischargingcapacity/ah"),
    ("charging_capacity_ah", "discharging_capacity_ah"),
)
