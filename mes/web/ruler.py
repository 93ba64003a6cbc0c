"""A roll as a ruler: metres along it, lanes across; what holds it, what signalled, what was made from where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from lots.models import GenealogyLink, HoldLot, Lot
from spc.engine.special_rules import rule_named
from spc.models import Signal

WIDTH = 1000.0  # user units of the drawing
LANE_HEIGHT = 30.0
MARKS = 500  # of each kind: more would lie on top of each other
ROLLS_DEEP = 6  # rolls between the one drawn and a cell: slit, cut, spliced, wound anew


@dataclass(frozen=True)
class Stretch:
    """A rectangle on the ruler. `x`, `y`, `width` and `height` in user units; metres in words."""

    x: float
    y: float
    width: float
    height: float
    words: str
    code: str = ""
    key: int = 0
    held: bool = False


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True)
class Ruler:
    """All that the drawing of a roll needs; `left_out` counts consumed stretches that are not drawn.

    `cells` are those made through other rolls, at the metres of this one; cells made of it directly are `taken`.
    """

    length_mm: int
    lanes: int
    height: float
    ticks: tuple[Tick, ...]
    taken: tuple[Stretch, ...]
    cells: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    signals: tuple[Stretch, ...]
    left_out: int

    @property
    def box_height(self) -> int:
        """Of the drawing: the lanes, and room above for the heads of signals."""
        return round(self.height) + 18


def ruler_of(lot: Lot) -> Ruler | None:
    """None for a lot without a metre axis. Five queries, and one for each generation of rolls made from it."""
    if lot.length_mm is None:
        return None
    lanes = lot.lanes or 1
    scale = WIDTH / lot.length_mm
    height = lanes * LANE_HEIGHT
    links = GenealogyLink.objects.filter(parent=lot, parent_from_mm__isnull=False, voided_at__isnull=True)
    drawn = list(links.select_related("child").order_by("parent_from_mm")[: MARKS + 1])
    cells = list(_cells(drawn[:MARKS], lanes, scale))
    held_children = set(
        HoldLot.objects.filter(
            lot__in=[*(link.child_id for link in drawn), *(part.key for part in cells)],
            disposition_id__isnull=True,
        ).values_list("lot_id", flat=True)
    )
    left_out = links.count() - MARKS if len(drawn) > MARKS else 0
    return Ruler(
        length_mm=lot.length_mm,
        lanes=lanes,
        height=height,
        ticks=tuple(_ticks(lot.length_mm)),
        taken=tuple(_taken(link, lanes, scale, link.child_id in held_children) for link in drawn[:MARKS]),
        cells=tuple(replace(part, held=part.key in held_children) for part in cells),
        held=tuple(_held(lot, lot.length_mm, scale, height)),
        signals=tuple(_signals(lot, lot.length_mm, scale, height)),
        left_out=left_out,
    )


def _ticks(length_mm: int) -> Iterable[Tick]:
    """About ten ticks at round metres."""
    metres = length_mm / 1000
    step = next(
        s
        for power in range(-3, 7)
        for s in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if metres / s <= 12
    )
    for number in range(int(metres / step) + 1):
        yield Tick(number * step * 1000 * WIDTH / length_mm, f"{number * step:g}")


def _taken(link: GenealogyLink, lanes: int, scale: float, held: bool) -> Stretch:
    assert link.parent_from_mm is not None and link.parent_to_mm is not None
    first, last = link.lane_from or 1, link.lane_to or lanes
    where = f"{link.parent_from_mm / 1000:g} to {link.parent_to_mm / 1000:g} m"
    across = "" if link.lane_from is None else f", lane {first}" + (f" to {last}" if last != first else "")
    give = f" ± {link.uncertainty_mm / 1000:g} m" if link.uncertainty_mm else ""
    return Stretch(
        x=link.parent_from_mm * scale,
        y=(first - 1) * LANE_HEIGHT,
        width=max(1.0, (link.parent_to_mm - link.parent_from_mm) * scale),
        height=(last - first + 1) * LANE_HEIGHT,
        words=f"{link.child.code}: {where}{give}{across}",
        code=link.child.code,
        held=held,
    )


@dataclass(frozen=True)
class _Placed:
    """A roll made from the drawn one: its metres are `offset + scale * x` for x in `from_mm..to_mm` of that."""

    offset: Decimal
    scale: Decimal
    from_mm: Decimal
    to_mm: Decimal
    first_lane: int
    last_lane: int


def _cells(links: Iterable[GenealogyLink], lanes: int, scale: float) -> Iterable[Stretch]:
    """What has no metres of its own and was made of rolls that were made of this one; at most MARKS of them."""
    placed: dict[int, list[_Placed]] = defaultdict(list)
    for link in links:
        if link.child.length_mm is not None and link.parent_from_mm is not None:
            whole = _Placed(
                offset=Decimal(0),
                scale=Decimal(1),
                from_mm=Decimal(0),
                to_mm=Decimal(link.parent_to_mm or 0),
                first_lane=link.lane_from or 1,
                last_lane=link.lane_to or lanes,
            )
            placed[link.child_id] += _carried(link, whole)
    drawn = 0
    for _ in range(ROLLS_DEEP):
        rows = GenealogyLink.objects.filter(
            parent__in=list(placed), parent_from_mm__isnull=False, voided_at__isnull=True
        )
        made = [
            (link, place)
            for link in rows.select_related("child", "parent").order_by("id")[: 2 * MARKS]
            for roll in placed[link.parent_id]
            for place in _carried(link, roll)
        ]
        placed = defaultdict(list)
        for link, place in made:
            if link.child.length_mm is not None:
                placed[link.child_id].append(place)
            elif drawn < MARKS:
                drawn += 1
                yield _cell(link, place, scale)
        if not placed:
            return


def _carried(link: GenealogyLink, roll: _Placed) -> list[_Placed]:
    """Where the link's child lies on the drawn roll; nothing where it took none of the part that came from there."""
    assert link.parent_from_mm is not None and link.parent_to_mm is not None
    low, high = sorted((at - roll.offset) / roll.scale for at in (link.parent_from_mm, link.parent_to_mm))
    start, end = max(low, roll.from_mm), min(high, roll.to_mm)
    offset = link.child_offset_mm + link.scale * roll.offset
    return [replace(roll, offset=offset, scale=link.scale * roll.scale, from_mm=start, to_mm=end)] * (
        start < end
    )


def _cell(link: GenealogyLink, place: _Placed, scale: float) -> Stretch:
    start, end = float(place.from_mm), float(place.to_mm)
    return Stretch(
        x=start * scale,
        y=(place.first_lane - 1) * LANE_HEIGHT + LANE_HEIGHT / 4,
        width=max(1.0, (end - start) * scale),
        height=(place.last_lane - place.first_lane + 0.5) * LANE_HEIGHT,
        words=f"{link.child.code}, by way of {link.parent.code}: {start / 1000:g} to {end / 1000:g} m",
        code=link.child.code,
        key=link.child_id,
    )


def _held(lot: Lot, length_mm: int, scale: float, height: float) -> Iterable[Stretch]:
    members = HoldLot.objects.filter(lot=lot, disposition_id__isnull=True).select_related("hold")
    for member in members.order_by("id")[:MARKS]:
        start = member.from_mm or 0
        end = member.to_mm or length_mm
        yield Stretch(
            x=start * scale,
            y=0,
            width=max(2.0, (end - start) * scale),
            height=height,
            words=f"held {start / 1000:g} to {end / 1000:g} m: {member.hold.reason}",
            key=member.hold_id,
        )


def _signals(lot: Lot, length_mm: int, scale: float, height: float) -> Iterable[Stretch]:
    """A mark at the metre of a reading; a bar above the whole roll for a value of all of it. The newest first."""
    rows = (
        Signal.objects.filter(point__subgroup__members__lot_id=lot.pk, point__replaced_at__isnull=True)
        .order_by("-id")
        .values_list(
            "chart_id",
            "point_id",
            "chart__stream__plan__characteristic__name",
            "point__subgroup__members__roll_position_mm",
            "rule",
        )
        .distinct()[:MARKS]
    )
    rules: dict[tuple[int, int, str, int | None], set[str]] = defaultdict(set)
    for chart_id, point_id, name, position, rule in rows:
        rules[chart_id, point_id, name, position].add(rule_named(rule).label)
    for (chart_id, point_id, name, position), labels in rules.items():
        where = "whole roll" if position is None else f"{position / 1000:g} m"
        yield Stretch(
            x=0 if position is None else min(position, length_mm) * scale,
            y=-10,
            width=WIDTH if position is None else 3,
            height=6 if position is None else height + 10,
            words=f"{name}, {where}: {'; '.join(sorted(labels))}",
            code=str(point_id),
            key=chart_id,
        )
