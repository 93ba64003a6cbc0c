"""Find the specification line that judges a value, and compare: decimal, so that boundaries are exact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from lots.masters import remembered
from lots.models import Characteristic, Lot, Measurement
from lots.steps.base import DataType
from lots.units import written_unit
from quality.models import Judgement, Requirement, Specification, SpecificationLine, TightenedLimits
from quality.plans import limits_kept_since

Verdict = Judgement.Verdict


@remembered(SpecificationLine, Specification, Requirement, Characteristic)
def _lines_of(characteristic_id: int) -> tuple[SpecificationLine, ...]:
    """All lines of the characteristic's specifications, earlier revisions first."""
    return tuple(
        SpecificationLine.objects.filter(specification__characteristic=characteristic_id)
        .select_related("specification__characteristic", "requirement")
        .order_by("revision")
    )


class SpecificationBook:
    """The lines in force at one instant for a set of characteristics."""

    def __init__(self, characteristic_ids: Iterable[int], *, at: datetime) -> None:
        self._lines: dict[tuple[int, int, int | None], list[SpecificationLine]] = {}
        for characteristic_id in set(characteristic_ids):
            for line in _lines_of(characteristic_id):
                spec = line.specification
                if line.effective_at <= at:
                    key = (spec.characteristic_id, spec.product_revision_id, spec.material_id)
                    self._lines.setdefault(key, []).append(line)

    def line_for_lot(self, characteristic_id: int, lot: Lot) -> SpecificationLine | None:
        """The line for the lot's product and material; one without a material serves all materials.

        The newest revision that counts for the lot, or of those in force when its order was opened, where the control
        plan keeps the order's limits.
        """
        if lot.product_revision_id is None:
            return None
        for material in (lot.material_id, None):
            lines = self._lines.get((characteristic_id, lot.product_revision_id, material), ())
            own = [line for line in lines if _counts_for(line, lot)]
            if own:
                return _kept(own, limits_kept_since(lot, characteristic_id))
        return None

    def lines_for_zone(self, characteristic_id: int) -> list[SpecificationLine]:
        """Air serves every product: the newest line of each specification of the characteristic judges it."""
        return [
            lines[-1] for key, lines in sorted(self._lines.items(), key=str) if key[0] == characteristic_id
        ]


def _counts_for(line: SpecificationLine, lot: Lot) -> bool:
    return line.effectivity != SpecificationLine.Effectivity.NEXT_LOT or lot.created_at >= line.effective_at


def _kept(lines: list[SpecificationLine], since: datetime | None) -> SpecificationLine:
    """The newest line, or the newest that was in force at `since`; specified only later, the first one judges."""
    if since is None:
        return lines[-1]
    return next((line for line in reversed(lines) if line.effective_at <= since), lines[0])


def compare(value: Decimal, qualifier: str, lsl: Decimal | None, usl: Decimal | None) -> Verdict:
    """A value on a limit conforms. A censored value is judged only where every value it may stand for agrees."""
    below = lsl is not None and value < lsl
    above = usl is not None and value > usl
    if qualifier == "<":
        # The true value lies below `value`: surely out if even `value` is not above LSL, surely in without one.
        if lsl is not None and value <= lsl:
            return Verdict.VIOLATES
        return Verdict.CONFORMS if lsl is None and not above else Verdict.UNDETERMINED
    if qualifier == ">":
        if usl is not None and value >= usl:
            return Verdict.VIOLATES
        return Verdict.CONFORMS if usl is None and not below else Verdict.UNDETERMINED
    return Verdict.VIOLATES if below or above else Verdict.CONFORMS


def violation_text(
    row: Measurement, line: SpecificationLine, tightened: TightenedLimits | None = None
) -> str:
    """One sentence for people: the value, the limit it violates, the requirement behind it, and what tightened it."""
    limits = tightened or line
    characteristic, requirement = row.characteristic, line.requirement.code
    place = "" if row.position is None else f" at {characteristic.position_kind} {_plain(row.position)}"
    if characteristic.data_type == DataType.PASS_FAIL:
        return f"{characteristic.name}{place}: failed ({requirement})"
    unit = written_unit(characteristic.unit)
    above = limits.usl is not None and row.value >= limits.usl and row.qualifier != "<"
    limit = f"above USL {_plain(limits.usl)}" if above else f"below LSL {_plain(limits.lsl)}"
    value = f"{row.qualifier}{_plain(_shown(row, limits))} {unit}".strip()
    words = f"{characteristic.name} {value}{place} is {limit} {unit}".strip() + f" ({requirement})"
    if tightened is None:
        return words
    original = _plain(line.usl if above else line.lsl)
    return f"{words}, tightened from {original} after the humidity spike in {tightened.spike}"


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


def _shown(row: Measurement, limits: SpecificationLine | TightenedLimits) -> Decimal:
    """A computed value is rounded for the eye, unless rounding would put it on the limit that it violates."""
    if row.formula_version is None:
        return row.value
    rounded = round(row.value, row.characteristic.decimals + 1)
    return row.value if rounded in {limits.lsl, limits.usl} else rounded
