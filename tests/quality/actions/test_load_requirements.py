"""Loading requirements."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from quality.actions.load_requirements import REQUIREMENTS, load_requirements
from quality.actions.load_table import LoadRefused, read_table
from quality.models import Requirement, RequirementRevision

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
GIVEN_BY_THE_HANDBOOK = {"SI-MFG-02", "SI-MFG-04"}

pytestmark = pytest.mark.django_db


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """The table with one text replaced."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "requirements.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_every_row_becomes_a_requirement_with_a_testable_criterion() -> None:
    assert load_requirements(now=NOW) == len(read_table(REQUIREMENTS)) == Requirement.objects.count()
    assert not RequirementRevision.objects.filter(acceptance="").exists()
    assert not RequirementRevision.objects.filter(source="").exists()


def test_conflicting_thickness_requirements_stay_two() -> None:
    load_requirements(now=NOW)
    criteria = {
        code: Requirement.objects.get(code=code).revisions.get().acceptance
        for code in ("SI-MFG-04", "SI-MFG-05", "SI-CELL-12", "SI-CELL-13")
    }
    assert "± 10 µm" in criteria["SI-MFG-04"]
    assert "± 5 µm" in criteria["SI-MFG-05"]
    assert criteria["SI-CELL-12"].startswith("2.2 V")
    assert criteria["SI-CELL-13"].startswith("2.0 V")


def test_identifiers_of_our_own_say_so() -> None:
    load_requirements(now=NOW)
    ours = RequirementRevision.objects.filter(rationale__contains="Identifier assigned by Halite")
    codes = set(ours.values_list("requirement__code", flat=True))
    assert codes == set(Requirement.objects.values_list("code", flat=True)) - GIVEN_BY_THE_HANDBOOK


def test_loading_again_issues_no_revision() -> None:
    load_requirements(now=NOW)
    before = RequirementRevision.objects.count()
    load_requirements(now=NOW)
    assert RequirementRevision.objects.count() == before


def test_a_changed_criterion_is_a_new_revision_and_the_old_one_stays(tmp_path: Path) -> None:
    load_requirements(now=NOW)
    load_requirements(edited(tmp_path, "30 % ≤ porosity ≤ 35 %", "31 % ≤ porosity ≤ 34 %"), now=NOW)
    revisions = Requirement.objects.get(code="SI-MFG-06").revisions.order_by("number")
    assert [(r.number, r.acceptance) for r in revisions] == [
        (1, "30 % ≤ porosity ≤ 35 %"),
        (2, "31 % ≤ porosity ≤ 34 %"),
    ]


def test_an_identifier_is_not_given_to_something_else(tmp_path: Path) -> None:
    load_requirements(now=NOW)
    with pytest.raises(LoadRefused, match=r"SI-MFG-06 is stored with title .* take the next free one"):
        load_requirements(edited(tmp_path, ",Cathode porosity,", ",Anode porosity of another sort,"), now=NOW)


def test_an_empty_criterion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        LoadRefused, match="SI-MFG-06 needs a statement, an acceptance criterion and a source"
    ):
        load_requirements(edited(tmp_path, "30 % ≤ porosity ≤ 35 %", ""), now=NOW)


def test_an_issued_revision_cannot_be_edited() -> None:
    load_requirements(now=NOW)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        RequirementRevision.objects.filter(requirement__code="SI-MFG-06").update(acceptance="anything")
