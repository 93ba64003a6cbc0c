"""Requirements: wording and source, the way down to values and holds, and rivals side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.models import Hold, MaterialDefinition
from quality.models import Requirement, RequirementRevision, Specification, SpecificationLine
from tests.support.builders import LONG_AGO, make_plant
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def charted() -> ChartedPlant:
    charted = frozen_plant()
    RequirementRevision.objects.create(
        requirement=charted.line.requirement,
        number=1,
        statement="The slurry coats without streaks.",
        acceptance="viscosity 2 to 8 Pa.s",
        rationale="A coater needs it.",
        source_type="literature",
        source="A paper, 2020",
        change_reason="first",
        issued_at=timezone.now(),
    )
    return charted


@pytest.fixture
def client(charted: ChartedPlant) -> Client:
    return signed_in(charted.plant.engineer)


def address(charted: ChartedPlant) -> str:
    return reverse("web:requirement", args=[charted.line.requirement.code])


def rival(charted: ChartedPlant) -> SpecificationLine:
    """Another requirement that sets other limits on the same characteristic, for one material."""
    own = charted.line.specification
    other = Specification.objects.create(
        characteristic=own.characteristic,
        product_revision=own.product_revision,
        material=MaterialDefinition.objects.get(code="T-SLURRY"),
    )
    requirement = Requirement.objects.create(code="SI-T-RIVAL", kind="performance", title="Narrower")
    return SpecificationLine.objects.create(
        specification=other,
        revision=1,
        lsl=3,
        usl=7,
        requirement=requirement,
        source_type="handbook",
        source="A handbook",
        effective_at=LONG_AGO,
        change_reason="first",
    )


def test_list_filters_by_words_type_and_source(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    code = charted.line.requirement.code
    with django_assert_max_num_queries(12):
        page = client.get(reverse("web:requirements"), {"q": "streaks"}).content.decode()
    assert code in page
    assert "Literature" in page
    page = client.get(reverse("web:requirements"), {"q": "streaks", "source": "handbook"}).content.decode()
    assert "No requirement matches" in page


def test_page_shows_wording_source_and_everything_below(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    lot = charted.measure("9.5")
    client.get(address(charted))  # roles and the plan in force are remembered from here on
    with django_assert_max_num_queries(24):
        page = client.get(address(charted)).content.decode()
    for words in (
        "coats without streaks",
        "viscosity 2 to 8 Pa.s",
        "A paper, 2020",
        "Violates",
        "Conforms",
        lot.code,
    ):
        assert words in page, words
    hold = Hold.objects.get(source=Hold.Source.DEFECT, site=charted.plant.site)
    assert reverse("web:hold", args=[hold.pk]) in page
    assert reverse("web:plan", args=[charted.plant.plan.pk]) in page


def test_rival_requirements_stand_side_by_side(client: Client, charted: ChartedPlant) -> None:
    before = client.get(address(charted)).content.decode()
    assert "SI-T-RIVAL" not in before
    rival(charted)
    page = client.get(address(charted)).content.decode()
    assert "They are not merged" in page
    assert "SI-T-RIVAL" in page
    assert "LSL 3 " in page
    assert page.count("LSL 2 ") == 2  # among the rivals and as its own line


def test_another_site_sees_the_requirement_and_none_of_our_material(charted: ChartedPlant) -> None:
    lot = charted.measure("9.5")
    stranger = signed_in(make_plant().engineer)
    page = stranger.get(address(charted)).content.decode()
    assert "coats without streaks" in page
    assert lot.code not in page


def test_unknown_requirement_does_not_exist(client: Client) -> None:
    assert client.get(reverse("web:requirement", args=["SI-NO-1"])).status_code == 404


def test_a_requirement_is_written_and_a_specification_derived_from_it() -> None:
    plant = make_plant()
    client = signed_in(plant.process_engineer)
    wording = {
        "code": "si-mfg-77",
        "kind": "manufacturing",
        "title": "Solids of the slurry",
        "statement": "The coater gets what it needs.",
        "acceptance": "64 to 66 %",
        "source_type": "handbook",
        "source": "3.4",
    }
    url = reverse("web:requirement_new")
    for name, wrong, words in (
        ("code", "MFG", "Capitals, digits and hyphens"),
        ("kind", "other", "One of performance"),
        ("title", " ", "Title is needed"),
        ("acceptance", "", "Acceptance is needed"),
    ):
        refused = client.post(url, wording | {name: wrong})
        assert refused.status_code == 422 and words in refused.content.decode(), name
    assert not Requirement.objects.filter(code="SI-MFG-77").exists()
    written = client.post(url, wording)
    assert written.url == reverse("web:requirement", args=["SI-MFG-77"])
    page = client.get(written.url).content.decode()
    assert "no limit follows from it yet" in page and "?requirement=SI-MFG-77" in page
    assert "never used again" in client.post(url, wording).content.decode()
    assert RequirementRevision.objects.get(requirement__code="SI-MFG-77").number == 1
    limits = {
        "characteristic": "mixing.solids_pct",
        "product": str(plant.product.pk),
        "lsl": "64",
        "usl": "66",
        "unit": "%",
        "severity": "must",
        "requirement": "SI-MFG-77",
        "source_type": "handbook",
        "source": "3.4",
        "effectivity": "now",
        "change_reason": "first issue",
    }
    drafted = client.post(reverse("web:specification_new"), limits)
    draft = client.get(drafted.url)
    assert draft.status_code == 200 and "another person than" in draft.content.decode()


def test_who_may_not_write_requirements_is_not_offered_to(charted: ChartedPlant) -> None:
    client = signed_in(charted.plant.engineer)
    assert "New requirement" not in client.get(reverse("web:requirements")).content.decode()
    assert client.get(reverse("web:requirement_new")).status_code == 403


def test_a_revised_requirement_shows_what_changed_and_asks_for_a_recheck(
    client: Client, charted: ChartedPlant
) -> None:
    assert "suspect" not in client.get(address(charted)).content.decode()
    RequirementRevision.objects.create(
        requirement=charted.line.requirement,
        number=2,
        statement="The slurry coats without streaks.",
        acceptance="viscosity 3 to 7 Pa.s",
        rationale="A coater needs it.",
        source_type="literature",
        source="A paper, 2020",
        change_reason="narrower",
        issued_at=timezone.now(),
    )
    page = client.get(address(charted)).content.decode()
    assert "suspect until somebody re-checks the limits" in page
    assert "Acceptance: <s>viscosity 2 to 8 Pa.s</s> &rarr; <b>viscosity 3 to 7 Pa.s</b>" in page
    assert page.count("<s>") == 1, "what stayed the same is not repeated"
