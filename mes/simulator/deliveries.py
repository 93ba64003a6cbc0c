"""What arrives at the line, raw lots with the papers of their suppliers, and what is made ready: electrolyte, foil."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from mes.simulator import events as e
from mes.simulator.schedule import Agenda, Step
from mes.simulator.side_readings import collector_prep, electrolyte_batch
from mes.simulator.waiting import Left

DEMO = Path(__file__).resolve().parents[1] / "demo"
SALT, ELECTROLYTE = "SALT-NAPF6", "ELECTROLYTE"
FOIL, PREPARED = "AL-FOIL", "FOIL-PREPARED"
# After the incoming inspection refused it, until the next delivery is due.
DELIVERED_AGAIN, MOST_AGAIN = timedelta(hours=4), 5
PREPARING = timedelta(minutes=30)
SALT_KG_PER_KG = 0.17
AGE_D = (10, 40)  # days between manufacture and delivery


@dataclass(frozen=True)
class Item:
    """A value of a certificate as good suppliers state it."""

    name: str
    unit: str
    typical: float
    sd: float
    decimals: int


class Deliveries:
    """Pushes a delivery of every material at once; later steps ask `code` for the lot that they draw on."""

    def __init__(self, agenda: Agenda, per_delivery: int) -> None:
        self._a = agenda
        self._per_delivery = per_delivery

    def code(self, material: str, pair: int) -> str:
        """The delivery that a pair draws on."""
        return self._a.code(material, pair // self._per_delivery)

    def foil(self, electrode: str, pair: int) -> str:
        """The prepared foil of a roll."""
        return self._a.code(f"F{electrode[0].upper()}", pair)

    def prepare(self, at: datetime, electrode: str, pair: int) -> None:
        """Clean and treat the foil of one roll, to be ready `at`."""
        self._a.push(at, lambda t: self._prepare(t, electrode, pair), before_seal=True)

    def _prepare(self, at: datetime, electrode: str, pair: int) -> Step | None:
        delivered, code = self.code(FOIL, pair), self.foil(electrode, pair)
        if self._a.left("", delivered):
            self._awaited(code)
            return None
        length_m = float(self._a.settings.roll_length_m)
        head: Any = self._a.head(at, at - PREPARING, "coating", code, None)
        event = e.FoilPrepared(
            **head,
            material=PREPARED,
            quantity=length_m,
            consumed=(e.Consumed(delivered, length_m),),
            record=collector_prep(self._a.streams, electrode, pair, at),
        )
        return Step(event, lambda: self._a.link(code, (delivered,)), lambda: self._a.drop(code))

    def arrive(self, at: datetime, pair: int, quantities: dict[str, tuple[float, str]]) -> None:
        """Material → quantity and unit; each arrives as a lot of its own, in this order."""
        for material, (quantity, unit) in quantities.items():
            event = partial(self._event, pair=pair, material=material, quantity=quantity, unit=unit)
            self._a.push(at, event, before_seal=True)

    def _event(
        self, at: datetime, pair: int, material: str, quantity: float, unit: str, again: int = MOST_AGAIN
    ) -> Step | None:
        code = self.code(material, pair)
        head: Any = self._a.head(at, at, "", code, None)
        if material == ELECTROLYTE:
            salt = self.code(SALT, pair)
            if self._a.left("", salt):
                self._awaited(code)
                return None
            taken = e.Consumed(salt, round(SALT_KG_PER_KG * quantity, 3))
            record = electrolyte_batch(self._a.streams, pair // self._per_delivery, quantity, at)
            made = e.ElectrolyteMade(
                **head, material=material, quantity=round(quantity, 1), consumed=(taken,), record=record
            )
            return Step(made, lambda: self._a.link(code, [salt]), lambda: self._a.drop(code))
        papers = self._papers(at, pair, material)
        received = e.RawLotReceived(
            **head, material=material, quantity=round(quantity, 1), unit=unit, papers=papers
        )

        def refused() -> None:
            self._awaited(code)
            if again:
                event = partial(self._event, pair=pair, material=material, quantity=quantity, unit=unit)
                self._a.push(at + DELIVERED_AGAIN, partial(event, again=again - 1), before_seal=True)

        return Step(received, lambda: None, refused)

    def _awaited(self, code: str) -> None:
        """Not there yet: who draws on it waits."""
        self._a.drop(code)
        self._a.wait(Left("", [code], None))

    def _papers(self, at: datetime, pair: int, material: str) -> e.Papers:
        number = pair // self._per_delivery
        rng = self._a.streams.of(f"papers {material}", number)
        age = timedelta(days=int(rng.integers(*AGE_D)))
        stated = []
        for item in items(material):
            value = item.typical + item.sd * float(rng.standard_normal())
            stated.append((item.name, f"{value:.{item.decimals}f}", item.unit))
        return e.Papers(
            supplier=suppliers()[material],
            supplier_lot=f"{material[:4]}-{int(rng.integers(10**6)):06d}",
            manufactured_date=(at - age).date().isoformat(),
            certificate=tuple(stated),
        )


@cache
def suppliers() -> dict[str, str]:
    """Material → who delivers it in the demo."""
    return {row["material"]: row["supplier"] for row in _rows("incoming.csv")}


@cache
def items(material: str) -> tuple[Item, ...]:
    """What the certificate of a material states."""
    return tuple(
        Item(row["name"], row["unit"], float(row["typical"]), float(row["sd"]), int(row["decimals"]))
        for row in _rows("certificates.csv")
        if row["material"] == material
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
