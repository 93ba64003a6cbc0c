"""Loading specifications: nothing is judged against an untraced number."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lots.models import ProductRevision
from mes.demo.load import LoadedDemo
from quality.actions.load_specifications import SPECIFICATIONS, load_specifications
from quality.actions.load_table import LoadRefused, read_table
from quality.models import ProcessWindow, SourceType, SpecificationLine
from tests.support.demo import LOADED_AT

NOW = LOADED_AT

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def product(demo: LoadedDemo) -> ProductRevision:
    return ProductRevision.objects.get(product__code="SIB-20", revision="A")


def line(code: str, material: str | None = None) -> SpecificationLine:
    """The newest line of a characteristic's specification."""
    lines = SpecificationLine.objects.filter(
        specification__characteristic__code=code, specification__material__code=material
    )
    return lines.order_by("-revision")[0]


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = SPECIFICATIONS.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "specifications.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("code", "material", "lsl", "usl", "requirement", "source_type"),
    [
        ("calendering.porosity_pct", "ROLL-CATHODE", "30", "35", "SI-MFG-06", SourceType.HANDBOOK),
        ("calendering.porosity_pct", "ROLL-ANODE", "40", "50", "SI-MFG-07", SourceType.COMPUTED),
        ("coating.areal_loading_mg_cm2", "ROLL-CATHODE", "26.4", "27.2", "SI-MFG-11", SourceType.LITERATURE),
        ("filling.retained_mass_g", None, "58.7", "61.3", "SI-CELL-19", SourceType.COMPUTED),
        ("dry_room.frost_point_c", None, None, "-40", "SI-MFG-16", SourceType.LITERATURE),
        ("formation.fce_pct", None, "80", None, "SI-CELL-10", SourceType.LITERATURE),
        ("formation.final_ce_pct", None, "99.0", None, "SI-CELL-09", SourceType.HANDBOOK),
    ],
)
def test_limits_trace_to_their_requirement_and_source(
    product: ProductRevision,
    code: str,
    material: str | None,
    lsl: str | None,
    usl: str | None,
    requirement: str,
    source_type: SourceType,
) -> None:
    found = line(code, material)
    assert found.lsl == (None if lsl is None else Decimal(lsl))
    assert found.usl == (None if usl is None else Decimal(usl))
    assert (found.requirement.code, found.source_type) == (requirement, source_type)


def test_conflicting_thickness_limits_trace_to_their_own_requirements(product: ProductRevision) -> None:
    before, after = (
        line("coating.thickness_um", "ROLL-CATHODE"),
        line("calendering.thickness_um", "ROLL-CATHODE"),
    )
    assert (before.requirement.code, before.usl - before.lsl) == ("SI-MFG-04", 20)
    assert (after.requirement.code, after.usl - after.lsl) == ("SI-MFG-05", 10)


def test_a_limit_is_never_better_founded_than_its_windows(product: ProductRevision) -> None:
    """From strong to weak; a window's spread may be weaker than its limits, so spreads do not count."""
    order = [
        SourceType.HANDBOOK,
        SourceType.REAL_DATA,
        SourceType.LITERATURE,
        SourceType.COMPUTED,
        SourceType.ASSUMPTION,
    ]
    windows = {window.number: window for window in ProcessWindow.objects.all()}
    for row in read_table(SPECIFICATIONS):
        for number in row["windows"].split():
            window = windows[int(number)]
            if "; sd" not in window.source_type_text:
                assert order.index(SourceType(row["source_type"])) >= order.index(
                    SourceType(window.source_type)
                ), row["characteristic"]


def test_loading_again_adds_no_line(product: ProductRevision) -> None:
    before = SpecificationLine.objects.count()
    assert load_specifications(product, effective_at=NOW) == before
    assert SpecificationLine.objects.count() == before


def test_a_changed_limit_is_a_new_line_from_its_day_on(product: ProductRevision, tmp_path: Path) -> None:
    later = NOW + timedelta(days=1)
    path = edited(
        tmp_path,
        "calendering.porosity_pct,ROLL-CATHODE,33,30,35",
        "calendering.porosity_pct,ROLL-CATHODE,33,31,35",
    )
    load_specifications(product, path, effective_at=later)
    newest = line("calendering.porosity_pct", "ROLL-CATHODE")
    assert (newest.revision, newest.lsl, newest.effective_at) == (2, Decimal(31), later)
    assert newest.specification.lines.get(revision=1).lsl == Decimal(30)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",must,SI-MFG-06,", ",must,,", "needs a characteristic and a requirement"),
        (",must,SI-MFG-06,", ",must,SI-MFG-99,", "requirement 'SI-MFG-99' is not known"),
        (",33,30,35,must,SI-MFG-06", ",33,,,must,SI-MFG-06", "has neither LSL nor USL"),
        (",SI-MFG-06,handbook,", ",SI-MFG-06,hearsay,", "needs a source and its type"),
    ],
)
def test_an_untraced_limit_is_refused(
    product: ProductRevision, tmp_path: Path, old: str, new: str, message: str
) -> None:
    before = SpecificationLine.objects.count()
    with pytest.raises(LoadRefused, match=message):
        load_specifications(product, edited(tmp_path, old, new), effective_at=NOW)
    assert SpecificationLine.objects.count() == before
