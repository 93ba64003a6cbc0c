"""Requirements down to the values that prove them: gap queries, baseline, re-checks, readiness audits."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from lots.models import Lot
from quality.actions.requirements import (
    RequirementRefused,
    approve_baseline,
    audit_readiness,
    recheck,
    revise_requirement,
)
from quality.actions.sign import SignatureRefused, verify
from quality.models import Baseline, ReadinessAudit, Requirement, RequirementRevision, SpecificationLine
from quality.traceability import Link, Matrix, matrix
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, publish, specify
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
SOLIDS, VISCOSITY = "mixing.solids_pct", "mixing.viscosity_pa_s"
WORDING = {
    "statement": "The solids are 64 to 66 %.",
    "acceptance": "64 to 66 %",
    "source": "handbook 7.1",
    "source_type": "handbook",
}


@pytest.fixture
def plant() -> Plant:
    """Only this plant's own requirements count: the handbook's are set aside."""
    plant = make_plant()
    plant.line = specify(plant, SOLIDS, lsl="64", usl="66")  # type: ignore[attr-defined]
    add_line(plant, SOLIDS, required_count=2)
    publish(plant)
    return plant


@pytest.fixture
def line(plant: Plant) -> SpecificationLine:
    line: SpecificationLine = plant.line  # type: ignore[attr-defined]
    issue(plant, line.requirement)
    return line


def issue(plant: Plant, requirement: Requirement, **changes: str) -> RequirementRevision:
    return revise_requirement(
        requirement,
        WORDING | changes,
        change_reason="first issue",
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
    )


def read(plant: Plant) -> Matrix:
    return matrix(plant.site, at=timezone.now() + timedelta(seconds=1))


def link_of(plant: Plant, line: SpecificationLine) -> Link:
    row = next(row for row in read(plant).rows if row.requirement == line.requirement)
    return row.links[0]


def words_about(plant: Plant, code: str) -> list[str]:
    return [f"{gap.rule}: {gap.words}" for gap in read(plant).gaps if gap.requirement == code]


def measured(plant: Plant, *values: str) -> Lot:
    lot = plant.lot()
    execution = plant.start(lot, "mixing")
    plant.submit([plant.reading(SOLIDS, value, lot) for value in values])
    plant.finish(execution)
    return lot


def test_row_leads_from_requirement_to_evidence(plant: Plant, line: SpecificationLine) -> None:
    for number in range(11):
        measured(plant, f"65.{number:02}", f"64.{90 + number - 5:02}")
    measured(plant, "66.1", "65")
    link = link_of(plant, line)
    assert link.is_collected and not link.suspect
    assert link.share is not None and (link.share.judged, link.share.violating) == (24, 1)
    assert link.last is not None and link.last.verdict == "conforms"
    assert link.ppk is not None and 0.5 < link.ppk < 3
    assert words_about(plant, line.requirement.code) == []


def test_values_of_another_site_are_no_evidence_of_this_one(plant: Plant, line: SpecificationLine) -> None:
    measured(plant, "65", "64.8")
    other = make_plant(product=plant.product)
    add_line(other, SOLIDS, required_count=2)
    publish(other)
    measured(other, "66.5", "64.9", "66.6")
    assert [judgement.verdict for judgement in line.judgements.order_by("-pk")[:2]] == [
        "violates",
        "conforms",
    ]
    link = link_of(plant, line)
    assert link.share is not None and (link.share.judged, link.share.violating) == (2, 0)
    assert link.last is not None and link.last.verdict == "conforms"


def test_requirement_without_wording_or_verification_is_a_gap(plant: Plant) -> None:
    alone = Requirement.objects.create(code="SI-T-ALONE", kind="safety", title="No fire")
    assert words_about(plant, alone.code) == [
        "1: SI-T-ALONE has no statement and no acceptance criterion",
        "1: SI-T-ALONE has no verification method: no specification traces to it",
    ]


def test_specification_that_nothing_collects_is_a_gap(plant: Plant, line: SpecificationLine) -> None:
    other = specify(plant, VISCOSITY, lsl="4", usl="6")
    issue(plant, other.requirement)
    assert [words[:2] for words in words_about(plant, other.requirement.code)] == ["3:"]


def test_revision_makes_what_follows_suspect_until_signed(plant: Plant, line: SpecificationLine) -> None:
    revision = issue(plant, line.requirement, acceptance="64.5 to 65.5 %")
    assert link_of(plant, line).suspect
    assert [words[:2] for words in words_about(plant, line.requirement.code)] == ["4:"]

    def sign(statement: str = "still inside", password: str = PASSWORD) -> None:
        recheck(
            revision,
            line,
            statement=statement,
            site=plant.site,
            user=plant.engineer,
            password=password,
            now=timezone.now(),
        )

    with pytest.raises(RequirementRefused, match="say why"):
        sign(statement=" ")
    with pytest.raises(SignatureRefused):
        sign(password="guess")
    assert link_of(plant, line).suspect
    sign()
    assert not link_of(plant, line).suspect
    with pytest.raises(RequirementRefused, match="re-checked already"):
        sign()
    issue(plant, line.requirement, acceptance="64.6 to 65.4 %")
    assert link_of(plant, line).suspect, "a re-check is of one revision"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"acceptance": " "}, "acceptance: is needed"),
        ({"source_type": "rumour"}, "source_type: one of"),
        ({}, "nothing would change"),
    ],
)
def test_revision_that_says_nothing_is_refused(
    plant: Plant, line: SpecificationLine, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(RequirementRefused, match=message):
        issue(plant, line.requirement, **changes)
    assert line.requirement.revisions.count() == 1


def test_gaps_block_the_baseline(plant: Plant, line: SpecificationLine) -> None:
    def approve() -> Baseline:
        return approve_baseline(plant.site, user=plant.engineer, password=PASSWORD, now=timezone.now())

    with pytest.raises(RequirementRefused, match="gaps: "):
        approve()
    assert not Baseline.objects.exists()


def test_baseline_names_the_revision_of_every_requirement(
    plant: Plant, line: SpecificationLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(plant)
    own = tuple(row for row in whole.rows if row.requirement == line.requirement)
    monkeypatch.setattr("quality.actions.requirements.matrix", lambda site, at: Matrix(own, ()))
    baseline = approve_baseline(plant.site, user=plant.engineer, password=PASSWORD, now=timezone.now())
    assert baseline.content == {line.requirement.code: 1}
    assert verify(baseline.signature, {"number": 1, "requirements": baseline.content})


def test_readiness_audit_lists_recorded_missing_and_out(plant: Plant, line: SpecificationLine) -> None:
    good, short, bad = measured(plant, "65", "65.1"), measured(plant, "65"), measured(plant, "65", "67")
    audit = audit_readiness(plant.site, seed=3, user=plant.engineer, now=timezone.now())
    states = {lot: [control["state"] for control in controls] for lot, controls in audit.findings.items()}
    assert states == {good.code: ["recorded"], short.code: ["missing"], bad.code: ["out"]}
    assert audit.findings[short.code][0]["words"] == "1 of 2 values"
    for _ in range(4):
        measured(plant, "65", "65")
    picked = [
        tuple(audit_readiness(plant.site, seed=seed, user=plant.engineer, now=timezone.now()).findings)
        for seed in (7, 7, *range(10))
    ]
    assert picked[0] == picked[1] and len(set(picked)) > 3
    assert all(len(lots) == 3 for lots in picked)


def test_nothing_to_audit_is_said(plant: Plant) -> None:
    with pytest.raises(RequirementRefused, match="none has finished a step"):
        audit_readiness(plant.site, seed=1, user=plant.engineer, now=timezone.now())


def test_page_filters_exports_and_audits(plant: Plant, line: SpecificationLine) -> None:
    measured(plant, "65", "66.5")
    client = signed_in(plant.engineer)
    url = reverse("web:traceability")
    code = line.requirement.code
    page = client.get(url, {"q": code}).content.decode()
    assert code in page and page.count('<tr><td><a href="/requirements/') == 1
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(client.get(reverse("web:traceability_workbook"), {"q": code}).content)
    )
    rows = book.get_sheet_by_name("Matrix").to_python()
    assert rows[0][0] == "Requirement" and len(rows) == 2
    assert (rows[1][0], rows[1][8], rows[1][9], rows[1][12], rows[1][13]) == (code, 64.0, 66.0, 2.0, 1.0)
    assert len(book.get_sheet_by_name("Gaps").to_python()) == 1 + len(read(plant).gaps)
    client.post(url, {"action": "audit"})
    assert ReadinessAudit.objects.get().seed >= 0
    refused = client.post(url, {"action": "baseline", "password": PASSWORD})
    assert refused.status_code == 422 and "Gaps" in refused.content.decode()


def test_engineer_revises_on_the_page_and_another_rechecks(plant: Plant, line: SpecificationLine) -> None:
    code = line.requirement.code
    editor, checker = signed_in(plant.process_engineer), signed_in(plant.engineer)
    assert "Issue the revision" in editor.get(reverse("web:requirement", args=[code])).content.decode()
    editor.post(
        reverse("web:requirement_revise", args=[code]),
        WORDING | {"acceptance": "tighter", "change_reason": "audit"},
    )
    assert "Suspect" in checker.get(reverse("web:traceability"), {"q": code}).content.decode()
    checker.post(reverse("web:recheck", args=[code, line.pk]), {"statement": "fits", "password": PASSWORD})
    assert "Suspect" not in checker.get(reverse("web:traceability"), {"q": code}).content.decode()
    assert checker.post(reverse("web:requirement_revise", args=[code]), WORDING).status_code == 403
