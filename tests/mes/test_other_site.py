"""Every page and every operation, found by the URL resolver, with objects of one site and a person of another.

Whoever adds a door names the object that it opens, or the test fails: no door can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from lots.models import AuditEvent, Gauge, Hold, HoldLot, Lot, Measurement, Membership, StepExecution, Zone
from lots.science.humidity_events import ChecklistItem
from mes.api.router import api
from quality.actions.extend_life import request_extension
from quality.actions.open_case import open_case
from quality.actions.receive import Stated
from quality.models import (
    CasePhoto,
    ControlPlanLine,
    ControlPlanRevision,
    Defect,
    Deviation,
    EvidencePackage,
    GaugeStudy,
    Nonconformance,
    Release,
    ShelfLifeExtension,
    StreamStop,
    Tightening,
)
from spc.models import Chart, Point, Signal
from tests.support.api import ApiClient, reading
from tests.support.builders import PASSWORD, Plant, make_plant, publish
from tests.support.cluster import Database
from tests.support.web import signed_in
from tests.support.worked import worked_plant

pytestmark = pytest.mark.django_db

# What one company shares between its sites; the pages show the person's own site beside it.
SHARED = {
    "requirement": "requirements are the company's",
    "requirement_revise": "requirements are the company's",
    "recheck": "requirements are the company's",
    "specification": "specifications belong to a product revision",
    "specification_revise": "specifications belong to a product revision",
    "specification_approve": "specifications belong to a product revision",
    "delivery": "materials are the company's; what arrives is the person's own site's",
    "receiving_rule": "materials are the company's",
    "safety": "products are the company's",
}
# Pages without an object whose answer is no page of the site.
NOT_A_PAGE = {"login", "logout", "switch_site", "specification_new", "requirement_new"}
SHARED_OPERATIONS = {"/api/v1/specifications/{specification_id}", "/api/v1/clock"}
# Pages of raw records, which this plant's lot has none of.
RECORDS = tuple(
    f"lot_{kind}{data}" for kind in ("thickness", "drying", "vacuum", "dose") for data in ("", "_data")
)
# Operations whose body names nothing of a site, and the one that is tested by itself.
ABOUT_NOTHING = {("post", "/receipts"), ("post", "/submissions/bulk")}
# Raw records and files: their bodies are tested beside their readers.
OF_READERS = {("post", "/lots/{code}/records"), ("post", "/lots/{code}/files"), ("get", "/records/{record}")}
REFUSED = {403, 404}


@pytest.fixture(scope="module")
def ours(module_database: Database) -> Plant:
    plant = worked_plant()
    signal = Signal.objects.filter(chart__stream__plan__site=plant.site, firing__isnull=False).latest("pk")
    stream = {
        "site": plant.site,
        "firing": signal.firing,
        "chart": signal.chart,
        "characteristic": signal.chart.stream.plan.characteristic,
        "step": signal.chart.stream.plan.characteristic.step,
    }
    StreamStop.objects.create(**stream, reason="burr", stopped_at=timezone.now())
    Tightening.objects.create(**stream, factor=2, good_needed=5, opened_at=timezone.now())
    open_case(plant.site, title="burr", lot=_lot(plant), user=plant.engineer, now=timezone.now())
    drum = plant.lot("T-RAW", quantity=10, expires_at=timezone.now() + timedelta(days=1))
    request_extension(
        drum,
        [Stated("water", "20", "[ppm]")],
        ends_at=timezone.now() + timedelta(days=10),
        reason="as new",
        user=plant.process_engineer,
        now=timezone.now(),
    )
    return plant


@pytest.fixture(scope="module")
def theirs(module_database: Database) -> Plant:
    """Another site; its operator has every role there."""
    plant = make_plant()
    publish(plant)
    for role in Membership.Role.values:
        Membership.objects.get_or_create(user=plant.operator, site=plant.site, role=role)
    return plant


def _lot(plant: Plant) -> Lot:
    run = StepExecution.objects.filter(
        lot__site=plant.site, finished_at__isnull=True, route_step__step__code="mixing"
    ).latest("pk")
    return run.lot


def objects_of(plant: Plant) -> dict[str, dict[str, object]]:
    """Name of a page → the object of the plant that its address names."""
    site = plant.site
    lot, hold = _lot(plant).code, Hold.objects.filter(site=site).latest("pk").pk
    chart = Chart.objects.get(stream__plan__site=site)
    signal = Signal.objects.filter(chart=chart).latest("pk").pk
    point = Point.objects.filter(chart=chart).latest("pk").pk
    case = Nonconformance.objects.filter(site=site).latest("pk").pk
    revision = ControlPlanRevision.objects.filter(plan__site=site).latest("pk").pk
    line = ControlPlanLine.objects.filter(revision=revision).latest("pk").pk
    value = Measurement.objects.filter(site=site).latest("id")
    package = EvidencePackage.objects.get(site=site).pk
    of_lot = {
        key: {"code": lot}
        for key in (
            *("station_lot", "station_start", "station_report", "station_record", "station_judge"),
            *("station_finish", "station_container", "lot", "lot_genealogy", "lot_audit", "lot_trace"),
            *("lot_release", "lot_acceptance", "lot_label", "lot_formation", "lot_formation_data"),
            *("lot_hold", "lot_case", "lot_opened", "lot_inputs", "station_reshape"),
            *RECORDS,
        )
    }
    of_hold = {key: {"key": hold} for key in ("hold", "containment", "hold_recount", "hold_case")}
    of_chart = {
        key: {"key": chart.pk}
        for key in ("chart", "chart_data", "chart_table", "chart_finds", "chart_freeze", "capability")
    }
    of_case = {
        key: {"key": case}
        for key in ("case", "case_commonality", "case_report", "investigation", "post_mortem")
    }
    of_plan = {
        key: {"key": revision}
        for key in ("plan", "plan_workbook", "plan_upload", "plan_new_line", "plan_approve", "plan_order")
    }
    extension = _extension(plant)
    return {
        **of_lot,
        **of_hold,
        **of_chart,
        **of_case,
        **of_plan,
        "certificate": {"key": Release.objects.filter(site=site).latest("pk").pk},
        "correct": {"submission": value.submission.uuid, "sequence": value.sequence},
        "chart_point": {"key": chart.pk, "point": point},
        "chart_exclude": {"key": chart.pk, "point": point},
        "chart_cause": {"key": chart.pk, "signal": signal},
        "signal_case": {"key": signal},
        "defect_case": {"key": Defect.objects.filter(site=site).latest("pk").pk},
        "plan_line": {"key": revision, "line": line},
        "gauge": {"key": Gauge.objects.filter(site=site).latest("pk").pk},
        "gauge_study_plan": {"key": Gauge.objects.filter(site=site).latest("pk").pk},
        "gauge_study": {"key": GaugeStudy.objects.filter(gauge__site=site).latest("pk").pk},
        "gauge_study_sheet": {"key": GaugeStudy.objects.filter(gauge__site=site).latest("pk").pk},
        "zone": {"key": Zone.objects.filter(site=site).latest("pk").pk},
        "case_photo": {"key": CasePhoto.objects.filter(case__site=site).latest("pk").pk},
        "deviation_ask": {"code": lot, "gate": "incoming", "characteristic": "mixing.viscosity_pa_s"},
        "deviation_sign": {"key": Deviation.objects.filter(site=site).latest("pk").pk},
        "shelf_life": {"code": extension.lot.code},
        "shelf_life_sign": {"code": extension.lot.code, "key": extension.pk},
        "stop_lift": {"key": StreamStop.objects.get(site=site).pk},
        "sampling_resume": {"key": sampling_line(plant)},
        "tightening_end": {"key": Tightening.objects.get(site=site).pk},
        "package": {"key": package},
        "package_archive": {"key": package},
    }


def pages() -> Iterator[tuple[str, bool]]:
    """Name of every page, and whether its address names an object."""

    def walk(found: list[URLPattern | URLResolver], namespace: str) -> Iterator[tuple[str, bool]]:
        for one in found:
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, one.namespace or namespace)
            elif namespace == "web":
                yield str(one.name), bool(one.pattern.converters)

    yield from walk(get_resolver().url_patterns, "")


def test_every_page_that_names_an_object_stands_on_a_list(ours: Plant) -> None:
    named = {name for name, has_object in pages() if has_object}
    assert named == objects_of(ours).keys() | SHARED.keys(), "say which object the new page opens"


def test_pages_about_objects_of_another_site_do_not_exist(ours: Plant, theirs: Plant) -> None:
    stranger, own = signed_in(theirs.operator), signed_in(ours.engineer)
    events = AuditEvent.objects.count()
    opened = set()
    for name, names in objects_of(ours).items():
        url = reverse(f"web:{name}", kwargs=names)
        for method in ("get", "post"):
            answer = getattr(stranger, method)(url)
            if answer.status_code != 405:
                assert answer.status_code in REFUSED, (method, url, answer.status_code)
                opened.add(name)
    assert opened == objects_of(ours).keys()
    assert AuditEvent.objects.count() == events
    # The same addresses do open for somebody of the site, so that the refusals above are the site's.
    refused = {
        name
        for name, names in objects_of(ours).items()
        if own.get(reverse(f"web:{name}", kwargs=names)).status_code == 404
    }
    assert refused <= {"package_archive", "case_photo", *RECORDS}  # this plant keeps no files


def test_pages_without_an_object_show_nothing_of_another_site(ours: Plant, theirs: Plant) -> None:
    stranger = signed_in(theirs.operator)
    codes = set(Lot.objects.filter(site=ours.site).values_list("code", flat=True))
    codes |= {"burr", EvidencePackage.objects.get(site=ours.site).code}
    seen = 0
    for name in {name for name, has_object in pages() if not has_object} - NOT_A_PAGE:
        answer = stranger.get(reverse(f"web:{name}"))
        if answer.status_code == 405:
            continue
        assert answer.status_code == 200, name
        words = set(re.findall(r"[\w-]+", answer.content.decode(errors="replace")))
        assert not words & codes, (name, words & codes)
        seen += 1
    assert seen >= 15


def _extension(plant: Plant) -> ShelfLifeExtension:
    return ShelfLifeExtension.objects.filter(lot__site=plant.site).latest("pk")


def sampling_line(plant: Plant) -> int:
    return (
        ControlPlanLine.objects.exclude(sampling="").filter(revision__plan__site=plant.site).latest("pk").pk
    )


def operations(plant: Plant) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """(method, path of the description) → path with an object of the plant, and a body that is otherwise right."""
    site, lot = plant.site, _lot(plant)
    chart = Chart.objects.get(stream__plan__site=site).pk
    signal = Signal.objects.filter(chart=chart).latest("pk").pk
    value = Measurement.objects.filter(site=site).latest("id")
    member = HoldLot.objects.filter(hold__site=site, disposition_id__isnull=True).latest("pk").pk
    package = EvidencePackage.objects.get(site=site)
    study = GaugeStudy.objects.filter(gauge__site=site).latest("pk").pk
    stop, tightening = StreamStop.objects.get(site=site).pk, Tightening.objects.get(site=site).pk
    deviation = Deviation.objects.filter(site=site).latest("pk").pk
    extension = _extension(plant)
    drum = f"/lots/{extension.lot.code}/shelf-life"
    roll = plant.lot("T-ROLL", quantity=100, length_mm=100_000, lanes=1).code
    other = plant.lot("T-ROLL", quantity=100, length_mm=100_000, lanes=1).code
    values = [reading(lot, "mixing.solids_pct", "65", "%")]
    taking = {"parent": plant.raw().code, "quantity": 1}
    child = {"code": "NEW", "material": "T-SLURRY", "inputs": [taking]}
    checks = {item.value: True for item in ChecklistItem}
    signed = {"password": PASSWORD}
    zone = Zone.objects.filter(site=site).latest("pk").code
    group = package.lot.code if package.lot else ""
    limits = dict.fromkeys(("capacity_min_ah", "efficiency_min_pct", "resistance_max_mohm"), "1")
    limits = {**limits, "sample_size": 1}
    return {
        ("get", "/lots/{code}"): (f"/lots/{lot.code}", {}),
        ("get", "/lots/{code}/trace"): (f"/lots/{lot.code}/trace", {}),
        ("get", "/lots/{code}/records"): (f"/lots/{lot.code}/records", {}),
        ("get", "/lots/{code}/dose"): (f"/lots/{lot.code}/dose", {}),
        ("get", "/lots/{code}/gate"): (f"/lots/{lot.code}/gate", {}),
        ("get", "/lots/{code}/acceptance"): (f"/lots/{group}/acceptance", {}),
        ("get", "/stops/{stop_id}"): (f"/stops/{stop}", {}),
        ("post", "/stops/{stop_id}/lift"): (f"/stops/{stop}/lift", {"reason": "new blade", **signed}),
        ("get", "/tightenings/{tightening_id}"): (f"/tightenings/{tightening}", {}),
        ("post", "/tightenings/{tightening_id}/end"): (
            f"/tightenings/{tightening}/end",
            {"reason": "stable", **signed},
        ),
        ("post", "/sampling/{line_id}/resume"): (
            f"/sampling/{sampling_line(plant)}/resume",
            {"reason": "new seam", **signed},
        ),
        ("get", "/lots/{code}/gates"): (f"/lots/{lot.code}/gates", {}),
        ("post", "/lots/{code}/deviations"): (
            f"/lots/{lot.code}/deviations",
            {
                "gate": "incoming",
                "characteristic": "mixing.viscosity_pa_s",
                "reason": "spare",
                "expires_at": (timezone.now() + timedelta(days=1)).isoformat(),
            },
        ),
        ("get", "/deviations/{deviation_id}"): (f"/deviations/{deviation}", {}),
        ("post", "/deviations/{deviation_id}/signature"): (f"/deviations/{deviation}/signature", signed),
        ("get", "/products/{code}/safety"): (f"/products/{plant.product.product.code}/safety", {}),
        ("post", "/lots/{code}/safety"): (f"/lots/{lot.code}/safety?criterion=CR-1&value=3.7", {}),
        ("post", "/lots/{code}/acceptance"): (f"/lots/{group}/acceptance", limits),
        ("post", "/lots/{code}/acceptance/decision"): (f"/lots/{group}/acceptance/decision", signed),
        ("get", "/charts/{chart_id}"): (f"/charts/{chart}", {}),
        ("get", "/charts/{chart_id}/capability"): (f"/charts/{chart}/capability", {}),
        ("get", "/gauge-studies/{study_id}"): (f"/gauge-studies/{study}", {}),
        ("get", "/packages/{package_id}"): (f"/packages/{package.uuid}", {}),
        ("get", "/packages/{package_id}/archive"): (f"/packages/{package.uuid}/archive", {}),
        ("get", "/lots/{code}/shelf-life"): (drum, {}),
        ("post", "/lots/{code}/shelf-life"): (
            drum,
            {
                "ends_at": (timezone.now() + timedelta(days=20)).isoformat(),
                "reason": "as new",
                "values": [{"name": "water", "value": "21", "unit": "[ppm]"}],
            },
        ),
        ("post", "/lots/{code}/shelf-life/{number}/sign"): (f"{drum}/{extension.pk}/sign", signed),
        ("post", "/lots/{code}/open"): (f"/lots/{lot.code}/open", {}),
        ("post", "/submissions"): ("/submissions", {"readings": values}),
        ("post", "/submissions/{submission}/measurements/{sequence}/correction"): (
            f"/submissions/{value.submission.uuid}/measurements/{value.sequence}/correction",
            {"reason": "mistyped", "value": "1"},
        ),
        ("post", "/lots"): ("/lots", {"lots": [child]}),
        ("post", "/consumptions"): ("/consumptions", {**taking, "child": lot.code}),
        ("post", "/rolls/rewind"): ("/rolls/rewind", {"roll": roll, "code": "NEW"}),
        ("post", "/rolls/splice"): ("/rolls/splice", {"rolls": [roll, other], "code": "NEW"}),
        ("post", "/rolls/cut"): (
            "/rolls/cut",
            {"roll": roll, "pieces": [{"code": "NEW", "from_mm": 0, "to_mm": 100_000}]},
        ),
        ("post", "/steps/start"): ("/steps/start", {"lots": [lot.code], "step": "mixing"}),
        ("post", "/steps/finish"): ("/steps/finish", {"lots": [lot.code], "step": "mixing"}),
        ("post", "/containers/open"): ("/containers/open", {"lot": lot.code, "zone": zone}),
        ("post", "/containers/close"): ("/containers/close", {"lot": lot.code}),
        ("post", "/reports/steps"): (
            "/reports/steps",
            {"lots": [lot.code], "step": "mixing", "reason": "offline"},
        ),
        ("post", "/reports/production"): ("/reports/production", {"lots": [child], "reason": "offline"}),
        ("post", "/signals/{signal_id}/cause"): (f"/signals/{signal}/cause", {"cause": "blade"}),
        ("post", "/holds"): ("/holds", {"lots": [{"lot": lot.code}], "reason": "wrong"}),
        ("post", "/dispositions"): (
            "/dispositions",
            {"holds": [member], "decision": "release", "reason": "checked", **signed},
        ),
        ("post", "/packages"): ("/packages", {"lot": package.lot.code if package.lot else ""}),
        ("post", "/packages/{package_id}/signature"): (f"/packages/{package.uuid}/signature", signed),
        ("post", "/charts/{chart_id}/freeze"): (f"/charts/{chart}/freeze", {"reason": "stable", **signed}),
        ("post", "/zones/{code}/checks"): (f"/zones/{zone}/checks", {"answers": checks}),
    }


def test_operations_on_objects_of_another_site_are_refused(ours: Plant, theirs: Plant) -> None:
    stranger, own = ApiClient(theirs.site, theirs.operator), ApiClient(ours.site, ours.engineer)
    doors = operations(ours)
    described = {
        (method, path.removeprefix("/api/v1"))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
        if path not in SHARED_OPERATIONS and (method == "post" or "{" in path)
    }
    assert described - ABOUT_NOTHING - OF_READERS == doors.keys(), "say what the new operation is about"
    held, lots = HoldLot.objects.count(), Lot.objects.filter(site=ours.site).count()
    for (method, _), (path, body) in doors.items():
        answer = stranger.get(path) if method == "get" else stranger.post(path, body, key=f"s{hash(path)}")
        # A body that names what is not there is refused in the words of its action, with nothing done.
        expected = {404} if "{" in _ else {404, 409, 422}
        assert answer.status_code in expected, (path, answer.status_code, answer.content)
    assert (HoldLot.objects.count(), Lot.objects.filter(site=ours.site).count()) == (held, lots)
    for (method, _), (path, body) in doors.items():
        answer = own.get(path) if method == "get" else own.post(path, body, key=f"o{hash(path)}")
        if not path.endswith("/archive"):
            assert answer.status_code not in {400, 404, 422}, (path, answer.content)


def test_bulk_submissions_about_another_site_are_refused_one_by_one(ours: Plant, theirs: Plant) -> None:
    values = [reading(_lot(ours), "mixing.solids_pct", "65", "%")]
    stranger = ApiClient(theirs.site, theirs.operator)
    before = Measurement.objects.count()
    stranger.post("/submissions/bulk", {"submissions": [{"key": "b-1", "readings": values}]})
    assert Measurement.objects.count() == before


def test_lists_of_operations_show_nothing_of_another_site(ours: Plant, theirs: Plant) -> None:
    stranger = ApiClient(theirs.site, theirs.operator)
    for path, methods in api.get_openapi_schema()["paths"].items():
        if (
            "get" in methods
            and "{" not in path
            and path not in SHARED_OPERATIONS | {"/api/v1/specifications"}
        ):
            assert stranger.get(path.removeprefix("/api/v1")).json()["items"] == [], path


def test_nobody_opens_a_page_without_an_account(ours: Plant) -> None:
    for name, names in objects_of(ours).items():
        url = reverse(f"web:{name}", kwargs=names)
        for method in ("get", "post"):
            answer = getattr(Client(), method)(url)
            assert answer.status_code == 405 or answer.url.startswith("/login/"), (method, url)
