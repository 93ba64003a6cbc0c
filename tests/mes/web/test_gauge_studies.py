"""Gauge studies as people plan, read, upload, correct and sign them, and as machines read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.models import Characteristic, Gauge
from quality.actions.gauge_study import StudyPlan, plan_study, record_readings
from quality.models import GaugeStudy
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_line, make_gauge, make_plant, publish, specify
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]

THICKNESS = "calendering.thickness_um"
PLAN = {
    "design": "crossed",
    "characteristic": THICKNESS,
    "parts": "P1\r\nP2\r\nP3",
    "operators": "Ann\r\nBo",
    "trials": "2",
}


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, THICKNESS, lsl="210", usl="220")
    return plant


@pytest.fixture
def gauge(plant: Plant) -> Gauge:
    return make_gauge(plant, Characteristic.objects.get(code=THICKNESS).gauge_kind)


@pytest.fixture
def engineer(plant: Plant) -> Client:
    return signed_in(plant.process_engineer)


@pytest.fixture
def operator(plant: Plant) -> Client:
    return signed_in(plant.operator)


def planned(plant: Plant, gauge: Gauge, plan: StudyPlan | None = None) -> GaugeStudy:
    return plan_study(
        gauge,
        Characteristic.objects.get(code=THICKNESS),
        plan or StudyPlan("crossed", ["P1", "P2", "P3"], ["Ann", "Bo"], 2),
        seed=7,
        user=plant.process_engineer,
        now=timezone.now(),
    )


def value_of(study: GaugeStudy, run: int) -> str:
    return f"{213 + 2 * study.parts.index(study.order[run][0]) + 0.01 * (-1) ** run:.2f}"


def read_all(plant: Plant, study: GaugeStudy) -> None:
    values = {run: value_of(study, run) for run in range(len(study.order))}
    record_readings(study, values, user=plant.operator, now=timezone.now())


def url(study: GaugeStudy) -> str:
    return reverse("web:gauge_study", args=[study.pk])


def upload(client: Client, study: GaugeStudy, text: str | bytes) -> Any:
    raw = text.encode() if isinstance(text, str) else text
    return client.post(url(study), {"action": "upload", "file": SimpleUploadedFile("sheet.csv", raw)})


def test_engineer_plans_and_the_operator_reads_one_after_the_other(
    plant: Plant, gauge: Gauge, engineer: Client, operator: Client
) -> None:
    made = engineer.post(reverse("web:gauge_study_plan", args=[gauge.pk]), PLAN)
    study = GaugeStudy.objects.get()
    assert made["Location"] == url(study)
    part, name, _ = study.order[0]
    page = operator.get(url(study)).content.decode()
    assert "Reading 1 of 12" in page and f"<dd>{part}</dd>" in page and f"<dd>{name}</dd>" in page
    assert operator.post(url(study), {"action": "read", "run": "0", "value": "213.4"}).status_code == 302
    page = operator.get(url(study)).content.decode()
    assert "Reading 2 of 12" in page
    assert "213.4" not in page.replace("Reading 1 of 12 taken.", "")  # nobody reads towards an earlier value


def test_refusals_keep_what_was_entered(
    plant: Plant, gauge: Gauge, engineer: Client, operator: Client
) -> None:
    refused = engineer.post(reverse("web:gauge_study_plan", args=[gauge.pk]), PLAN | {"trials": "1"})
    assert refused.status_code == 422
    assert (
        "needs at least 2 trials, got 1" in refused.content.decode()
        and "P1\r\nP2\r\nP3" in refused.content.decode()
    )
    study = planned(plant, gauge)
    refused = operator.post(url(study), {"action": "read", "run": "0", "value": "thick"})
    assert refused.status_code == 422
    assert (
        "&#x27;thick&#x27; is not a number" in refused.content.decode()
        and 'value="thick"' in refused.content.decode()
    )
    assert operator.post(url(study), {"action": "read", "run": "5", "value": "1"}).status_code == 422
    assert operator.post(url(study), {"action": "read", "run": "x", "value": "1"}).status_code == 422
    assert not study.readings.exists()


def test_operator_may_not_plan(operator: Client, gauge: Gauge) -> None:
    assert operator.get(reverse("web:gauge_study_plan", args=[gauge.pk])).status_code == 403


def test_sheet_goes_out_and_comes_back_filled_in(plant: Plant, gauge: Gauge, operator: Client) -> None:
    study = planned(plant, gauge)
    address = reverse("web:gauge_study_sheet", args=[study.pk])
    lines = operator.get(address).content.decode().splitlines()
    assert lines[0] == "run,part,operator,trial,value" and len(lines) == 13
    filled = [lines[0], *(line + value_of(study, run) for run, line in enumerate(lines[1:]))]
    assert upload(operator, study, "\r\n".join(filled)).status_code == 302
    assert study.readings.count() == 12
    again = operator.get(address).content.decode().splitlines()
    assert again[1].endswith(value_of(study, 0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda rows: [rows[0].replace("value", "reading"), *rows[1:]],
            "row 1 must name the columns .* value is missing",
        ),
        (
            lambda rows: [rows[0], rows[1] + "thick", *rows[2:]],
            "row 2, column value: &#x27;thick&#x27; is not a number",
        ),
        (
            lambda rows: [rows[0], "99" + rows[1][1:] + "1", *rows[2:]],
            "row 2, column run: &#x27;99&#x27; is not between 1 and 12",
        ),
        (
            lambda rows: [rows[0], "1,PX" + rows[1][4:] + "1", *rows[2:]],
            "row 2, column part: &#x27;PX&#x27;, but run 1 is",
        ),
        (lambda rows: [rows[0], rows[1] + "1", rows[1] + "2"], "row 3, column run: run 1 stands twice"),
        (lambda rows: [rows[0], "1,P1"], "row 2: 2 columns, row 1 names 5"),
        (lambda rows: [rows[0], rows[2] + "1"], "reading 1 comes next"),
        (lambda rows: rows, "no row has a value"),
        (lambda rows: [], "row 1 must name the columns"),
    ],
)
def test_sheet_with_errors_is_refused_by_row_and_column_and_nothing_is_taken(
    plant: Plant, gauge: Gauge, operator: Client, change: Callable[[list[str]], list[str]], words: str
) -> None:

    study = planned(plant, gauge)
    rows = operator.get(reverse("web:gauge_study_sheet", args=[study.pk])).content.decode().splitlines()
    answer = upload(operator, study, "\n".join(change(rows)))
    assert answer.status_code == 422
    assert re.search(words, answer.content.decode(), re.IGNORECASE)
    assert not study.readings.exists()


def test_sheet_with_semicolons_and_a_mark_of_order_is_read_and_other_files_are_not(
    plant: Plant, gauge: Gauge, operator: Client
) -> None:
    study = planned(plant, gauge)
    rows = operator.get(reverse("web:gauge_study_sheet", args=[study.pk])).content.decode().splitlines()
    assert upload(operator, study, b"\xff\xfe\x00run").status_code == 422
    assert operator.post(url(study), {"action": "upload"}).status_code == 422
    text = "\n".join([rows[0], rows[1] + "213.0"]).replace(",", ";")
    assert upload(operator, study, "\ufeff" + text).status_code == 302
    assert study.readings.get().value == "213.0"


def test_report_shows_components_verdict_and_its_source_and_is_signed(
    plant: Plant, gauge: Gauge, engineer: Client, django_assert_max_num_queries: Queries
) -> None:
    study = planned(plant, gauge)
    read_all(plant, study)
    quality = signed_in(plant.engineer)
    quality.get(url(study))
    with django_assert_max_num_queries(14):
        page = quality.get(url(study)).content.decode()
    for words in (
        "Gauge R&amp;R",
        "Repeatability",
        "Part × operator",
        "distinct categories",
        "AIAG",
        "% tolerance",
    ):
        assert words in page
    assert page.count("<halite-plot") == 3
    assert "Acceptable, not signed" in page
    refused = engineer.post(url(study), {"action": "sign", "password": PASSWORD})
    assert refused.status_code == 422 and "Somebody else signs" in refused.content.decode()
    assert quality.post(url(study), {"action": "sign", "password": "guess"}).status_code == 422
    assert quality.post(url(study), {"action": "sign", "password": PASSWORD}).status_code == 302
    page = quality.get(url(study)).content.decode()
    assert plant.engineer.printed_name in page and "A reading was wrong" not in page


def test_wrong_reading_is_superseded_on_the_page_and_struck_out(
    plant: Plant, gauge: Gauge, engineer: Client
) -> None:
    study = planned(plant, gauge)
    read_all(plant, study)
    sent = {"action": "supersede", "run": "2", "value": "214.2", "reason": "burr under the anvil"}
    assert engineer.post(url(study), sent).status_code == 302
    page = engineer.get(url(study)).content.decode()
    assert f"<s>{value_of(study, 2)}</s>" in page and "burr under the anvil" in page


def test_list_of_studies_has_pages(
    plant: Plant, gauge: Gauge, engineer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mes.web.views.gauge_studies.STUDIES_A_PAGE", 1)
    older, newer = planned(plant, gauge), planned(plant, gauge)
    listing = reverse("web:gauge_studies")
    first = engineer.get(listing).content.decode()
    assert url(newer) in first and url(older) not in first and 'href="?page=2"' in first
    assert url(older) in engineer.get(listing, {"page": "2"}).content.decode()


def test_gauge_page_list_and_plan_show_the_study(plant: Plant, gauge: Gauge, engineer: Client) -> None:
    line = add_line(plant, THICKNESS, gauge_kind=gauge.kind)
    publish(plant)
    plan_page = reverse("web:plan", args=[line.revision_id])
    assert "no gauge study" in engineer.get(plan_page).content.decode()
    assert "None yet" in engineer.get(reverse("web:gauge", args=[gauge.pk])).content.decode()
    study = planned(plant, gauge)
    read_all(plant, study)
    signed_in(plant.engineer).post(url(study), {"action": "sign", "password": PASSWORD})
    assert "no gauge study" not in engineer.get(plan_page).content.decode()
    for name, arguments in (("gauge", [gauge.pk]), ("gauges", []), ("gauge_studies", [])):
        page = engineer.get(reverse(f"web:{name}", args=arguments)).content.decode()
        assert url(study) in page and "Acceptable" in page, name


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            StudyPlan("nested", ["P1", "P2"], ["A", "B"], 2),
            ("Readings by operator", "The worse of the shares"),
        ),
        (
            StudyPlan("bias", ["P1"], ["A"], 10, {"P1": "215"}),
            (
                "Readings in their order",
                "interval of the bias holds zero.",
                "Not acceptable, not signed",
                "&lt; 0.0001",
            ),
        ),
        (
            StudyPlan("linearity", ["P1", "P2"], ["A"], 3, {"P1": "214", "P2": "216"}),
            ("Bias over the range", "95 % band, upper", "over the whole range."),
        ),
        (
            StudyPlan("stability", ["P1"], ["A"], 12),
            (
                "Readings and their limits",
                "Moving ranges and their limits",
                "UCL 214",
                'Occasions</dt><dd class="numbers">12<',
            ),
        ),
        (
            StudyPlan("stability", ["P1"], ["A", "B"], 12),
            ("Means of the occasions and their limits", "LCL 213"),
        ),
    ],
)
def test_every_design_has_a_report(
    plant: Plant, gauge: Gauge, engineer: Client, plan: StudyPlan, words: tuple[str, ...]
) -> None:
    study = planned(plant, gauge, plan)
    values = {n: f"{213 + int(run[0][-1]) + n % 3 / 10}" for n, run in enumerate(study.order)}
    record_readings(study, values, user=plant.operator, now=timezone.now())
    page = engineer.get(url(study))
    assert page.status_code == 200
    for each in words:
        assert each in page.content.decode(), each


def test_who_may_not_sign_reads_who_does(plant: Plant, gauge: Gauge, operator: Client) -> None:
    study = planned(plant, gauge)
    assert "or reviewer signs it" not in operator.get(url(study)).content.decode()
    read_all(plant, study)
    page = operator.get(url(study)).content.decode()
    assert "or reviewer signs it" in page and "sign-password" not in page


def test_attribute_study_is_read_with_two_buttons(plant: Plant, gauge: Gauge, operator: Client) -> None:
    known = {"P1": "pass", "P2": "fail"}
    study = planned(plant, gauge, StudyPlan("attribute", list(known), ["A"], 1, known))
    assert 'value="pass"' in operator.get(url(study)).content.decode()
    for run, (part, _, _) in enumerate(study.order):
        operator.post(url(study), {"action": "read", "run": str(run), "value": known[part]})
    assert "Kappa of A with the reference" in operator.get(url(study)).content.decode()


def test_api_lists_and_reads_studies_of_its_own_site_only(plant: Plant, gauge: Gauge) -> None:
    study = planned(plant, gauge)
    client = ApiClient(plant.site, plant.engineer)
    (listed,) = client.get("/gauge-studies", gauge=gauge.code).json()["items"]
    assert (listed["id"], listed["verdict"], listed["tolerance"]) == (study.pk, None, "10")
    assert client.get("/gauge-studies", characteristic="mixing.solids_pct").json()["items"] == []
    body = client.get(f"/gauge-studies/{study.pk}").json()
    assert body["result"] is None and body["problem"] == "12 of 12 readings are missing"
    read_all(plant, study)
    body = client.get(f"/gauge-studies/{study.pk}").json()
    assert [[run["part"], run["operator"], run["trial"]] for run in body["runs"]] == [
        list(run) for run in study.order
    ]
    assert body["runs"][0]["value"] == value_of(study, 0)
    assert (
        body["result"]["verdict"] == "acceptable" and body["result"]["components"][0]["name"] == "Gauge R&R"
    )
    stranger = make_plant()
    other = ApiClient(stranger.site, stranger.engineer)
    assert other.get("/gauge-studies").json()["items"] == []
    assert other.get(f"/gauge-studies/{study.pk}").status_code == 404
    assert signed_in(stranger.engineer).get(url(study)).status_code == 404
    assert (
        signed_in(stranger.engineer).get(reverse("web:gauge_study_sheet", args=[study.pk])).status_code == 404
    )
