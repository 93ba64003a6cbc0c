"""What the adhesion coupons of a roll say, and where to look when they peel."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from lots.models import Lot, Measurement
from lots.queries import current_measurements, valid_measurements
from lots.science.adhesion import Peel, adhesion_cause
from quality.models import Judgement

GRADE, VERDICT = "coating.peel_grade", "coating.adhesion"
OF_THICKNESS = ("coating.thickness_um", "coating.areal_loading_mg_cm2")


@dataclass(frozen=True)
class Adhesion:
    """`passed` is None where there are too few coupons to tell; `look_at` is empty unless it failed."""

    coupons: tuple[str, ...]
    passed: bool | None
    look_at: str


def adhesion_of(roll: Lot) -> Adhesion | None:
    """None where no coupon was tested."""
    rows = valid_measurements([roll.pk]).filter(characteristic__code__in=(GRADE, VERDICT))
    grades: dict[object, int] = {}
    passed = None
    for code, position, value in rows.order_by("measured_at", "id").values_list(
        "characteristic__code", "position", "value"
    ):
        if code == VERDICT:
            passed = value == 1
        else:
            grades[position] = int(value)
    if not grades and passed is None:
        return None
    words = tuple(_words(grades[position]) for position in sorted(grades, key=str))
    look_at = "" if passed is not False else adhesion_cause(thickness_in_window=not _thickness_violates(roll))
    return Adhesion(words, passed, look_at)


def _words(grade: int) -> str:
    return Peel(grade).name.lower().replace("_", " ") if grade in tuple(Peel) else f"grade {grade}"


def _thickness_violates(roll: Lot) -> bool:
    rows = Measurement.objects.filter(lot_id=roll.pk, characteristic__code__in=OF_THICKNESS)
    violates = Judgement.objects.filter(
        lot_id=roll.pk, measurement_id=OuterRef("id"), verdict=Judgement.Verdict.VIOLATES
    )
    return current_measurements(rows).filter(Exists(violates)).exists()
