"""Pages of evidence packages: asked for, followed, signed, downloaded by an auditor, invisible to another site."""

from __future__ import annotations

import pytest
from django.urls import reverse

from mes import packages
from quality.models import EvidencePackage
from quality.package.offline_verifier import seal_problem
from tests.support.builders import PASSWORD, Plant, make_site, make_user
from tests.support.packaged import built, documented_lot, package_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return package_plant()


def test_list_without_packages_says_what_to_do(plant: Plant) -> None:
    page = signed_in(plant.engineer).get(reverse("web:packages"))
    assert "No package yet" in page.content.decode() and "Of a cell lot" in page.content.decode()
    auditor = signed_in(make_user(plant.site, "auditor"))
    assert "Of a cell lot" not in auditor.get(reverse("web:packages")).content.decode()


def test_package_is_asked_for_followed_signed_and_downloaded(plant: Plant) -> None:
    lot = documented_lot(plant)
    client = signed_in(plant.engineer)
    refused = client.post(reverse("web:packages"), {"lot": "NONE"})
    assert refused.status_code == 422 and "NONE is not known" in refused.content.decode()
    answer = client.post(reverse("web:packages"), {"lot": lot.code})
    package = EvidencePackage.objects.get()
    url = reverse("web:package", args=[package.pk])
    assert answer.url == url
    waiting = client.get(url).content.decode()
    assert "A worker builds it" in waiting and 'hx-trigger="every 2s"' in waiting
    fragment = client.get(url, headers={"HX-Request": "true"})
    assert "HX-Redirect" not in fragment and "<nav" not in fragment.content.decode()
    assert client.get(reverse("web:package_archive", args=[package.pk])).status_code == 404
    packages.build_package(package.pk, now=package.created_at)
    assert client.get(url, headers={"HX-Request": "true"})["HX-Redirect"] == url
    ready = client.get(url).content.decode()
    assert "four checks of the data hold" in ready and "every 2s" not in ready
    wrong = client.post(url, {"password": "guess"})
    assert wrong.status_code == 422 and "Nothing was signed" in wrong.content.decode()
    assert client.post(url, {"password": PASSWORD}).status_code == 302
    assert "It can be handed out" in client.get(url).content.decode()
    auditor = signed_in(make_user(plant.site, "auditor"))
    fetched = auditor.get(reverse("web:package_archive", args=[package.pk]))
    assert fetched["Content-Disposition"] == f'attachment; filename="{package.code}.zip"'
    assert seal_problem(fetched.content) == ""
    assert "Signed" in auditor.get(reverse("web:packages")).content.decode()


def test_what_is_missing_stands_on_the_page_and_another_site_sees_nothing(plant: Plant) -> None:
    package = built(plant, documented_lot(plant, curves=False, decided=False))
    url = reverse("web:package", args=[package.pk])
    page = signed_in(plant.engineer).get(url).content.decode()
    assert "What keeps it from being signed" in page and "no cycler file is kept" in page
    assert "Your password" not in page
    stranger = signed_in(make_user(make_site(), "quality_engineer"))
    for other in (url, reverse("web:package_archive", args=[package.pk])):
        assert stranger.get(other).status_code == 404
    assert package.code not in stranger.get(reverse("web:packages")).content.decode()


def test_pages_need_few_queries(plant: Plant, django_assert_max_num_queries: object) -> None:
    package = built(plant, documented_lot(plant))
    client = signed_in(plant.engineer)
    for url in (reverse("web:packages"), reverse("web:package", args=[package.pk])):
        with django_assert_max_num_queries(20):  # type: ignore[operator]
            assert client.get(url).status_code == 200
