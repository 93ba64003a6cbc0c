"""Who may use which door: every page and operation that takes a POST, role by role.

The tables are written by hand from the roles' duties. A refusal comes before anything in the request is looked at,
so that an empty or a right body makes no difference to who is not permitted.
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.models import AuditEvent, MaterialDefinition, Membership
from mes.api.router import api
from quality.models import Requirement, Specification, SpecificationDraft
from tests.mes.test_other_site import OF_READERS, objects_of, operations, ours, pages
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_user
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
__all__ = ["ours"]  # the fixture of a plant that has worked

LETTERS = {
    "o": "operator",
    "q": "quality_engineer",
    "p": "process_engineer",
    "r": "reviewer",
    "a": "administrator",
    "e": "equipment",
    "u": "auditor",
}
# Doors of the person, not of a site.
OWN = {"login", "logout", "switch_site"}
# Which roles are let in; o q p r a e u as above.
PAGES = {
    "case": "qp",
    "case_commonality": "qp",
    "chart_cause": "qp",
    "chart_exclude": "qp",
    "chart_freeze": "qp",
    "containment": "q",
    "correct": "oqp",
    "defect_case": "qp",
    "delivery": "ope",
    "deviation_ask": "qp",
    "deviation_sign": "qpr",
    "gauge": "qp",
    "gauge_study": "oqpre",
    "gauge_study_plan": "qp",
    "hold": "q",
    "hold_case": "qp",
    "investigation": "qp",
    "lot_acceptance": "q",
    "lot_begin": "ope",
    "lot_case": "qp",
    "lot_hold": "oqp",
    "lot_opened": "ope",
    "shelf_life": "qp",
    "shelf_life_sign": "qr",
    "lot_inputs": "q",
    "lot_release": "oq",  # packing; releasing is below
    "package": "qr",
    "packages": "qpr",
    "plan_approve": "qp",
    "plan_line": "qp",
    "plan_new_line": "qp",
    "plan_order": "p",
    "plan_upload": "qp",
    "post_mortem": "qp",
    "receiving_rule": "p",
    "recheck": "qp",
    "requirement_new": "p",
    "requirement_revise": "p",
    "safety": "qp",
    "sampling_resume": "q",
    "signal_case": "qp",
    "specification_approve": "qpr",
    "specification_new": "p",
    "specification_revise": "p",
    "station_container": "oqpe",
    "station_finish": "ope",
    "station_judge": "oqpe",
    "station_record": "oqpe",
    "station_report": "ope",
    "station_reshape": "ope",
    "station_start": "ope",
    "station_terminal": "oqpraeu",
    "stop_lift": "q",
    "tightening_end": "qp",
    "traceability": "qr",
    "upload": "oqpe",
    "zone": "op",
}
# Pages with more than one act: what the form says, and who may.
ACTS = {
    ("lot_release", "action", "release"): "qr",
    ("lot_release", "action", "pack"): "oq",
    ("lot_release", "action", "ship"): "oq",
    ("case", "kind", "closure"): "qr",
    ("case", "kind", "why"): "qp",
    ("gauge_study", "action", "sign"): "qpr",
    ("package", "action", "sign"): "qr",
    ("traceability", "action", "audit"): "qru",
}
OPERATIONS = {
    "/stops/{stop_id}/lift": "q",
    "/tightenings/{tightening_id}/end": "qp",
    "/sampling/{line_id}/resume": "q",
    "/lots/{code}/deviations": "qp",
    "/deviations/{deviation_id}/signature": "qpr",
    "/lots/{code}/safety": "qp",
    "/lots/{code}/acceptance": "q",
    "/lots/{code}/acceptance/decision": "q",
    "/lots/{code}/open": "ope",
    "/submissions": "oqpe",
    "/submissions/{submission}/measurements/{sequence}/correction": "oqp",
    "/lots": "ope",
    "/consumptions": "ope",
    "/rolls/rewind": "ope",
    "/rolls/splice": "ope",
    "/rolls/cut": "ope",
    "/steps/start": "ope",
    "/steps/finish": "ope",
    "/containers/open": "oqpe",
    "/containers/close": "oqpe",
    "/reports/steps": "ope",
    "/reports/production": "ope",
    "/signals/{signal_id}/cause": "qp",
    "/holds": "oqp",
    "/dispositions": "q",
    "/packages": "qpr",
    "/packages/{package_id}/signature": "qr",
    "/charts/{chart_id}/freeze": "qp",
    "/zones/{code}/checks": "op",
    "/lots/{code}/files": "oqpe",
    "/lots/{code}/records": "oqpe",
    "/receipts": "ope",
    "/lots/{code}/shelf-life": "qp",
    "/lots/{code}/shelf-life/{number}/sign": "qr",
    "/clock": "ae",
}
# Answers each reading by itself: who may not record finds every one refused inside (tests/mes/api/test_submissions.py).
ONE_BY_ONE = {"/submissions/bulk"}


def addresses(plant: Plant) -> dict[str, str]:
    """Name of every page → its address with an object of the plant."""
    requirement = Requirement.objects.filter(revisions__isnull=False).earliest("pk")
    specification = Specification.objects.filter(product_revision=plant.product).earliest("pk")
    line = specification.lines.earliest("pk")
    shared: dict[str, dict[str, object]] = {
        "requirement": {"code": requirement.code},
        "requirement_revise": {"code": requirement.code},
        "recheck": {"code": line.requirement.code, "line": line.pk},
        "specification": {"key": specification.pk},
        "specification_revise": {"key": specification.pk},
        "specification_approve": {"key": SpecificationDraft.objects.latest("pk").pk},
        "safety": {"code": plant.product.product.code},
        "delivery": {"material": MaterialDefinition.objects.get(code="T-RAW").code},
        "receiving_rule": {"material": "T-RAW"},
    }
    known = {**objects_of(plant), **shared}
    return {name: reverse(f"web:{name}", kwargs=known.get(name, {})) for name, _ in pages()}


def people(plant: Plant) -> dict[str, Client]:
    return {letter: signed_in(make_user(plant.site, role)) for letter, role in LETTERS.items()}


def test_the_letters_name_every_role() -> None:
    assert sorted(LETTERS.values()) == sorted(Membership.Role.values)


def test_pages_take_a_post_only_from_the_roles_of_the_table(ours: Plant) -> None:
    clients, doors = people(ours), addresses(ours)
    found, outside = {}, Client()
    for name, url in doors.items():
        if name in OWN:
            continue
        answers = {letter: client.post(url).status_code for letter, client in clients.items()}
        if set(answers.values()) == {405}:
            continue
        assert outside.post(url).status_code in {302, 403}, name
        found[name] = "".join(letter for letter, status in answers.items() if status != 403)
        assert 500 not in answers.values(), name
    assert found == PAGES, "say here who may use the new page"


def test_each_act_of_a_page_is_for_the_roles_of_the_table(ours: Plant) -> None:
    clients, doors = people(ours), addresses(ours)
    found = {
        act: "".join(
            letter
            for letter, client in clients.items()
            if client.post(doors[act[0]], {act[1]: act[2]}).status_code != 403
        )
        for act in ACTS
    }
    assert found == ACTS


def test_operations_take_a_post_only_from_the_roles_of_the_table(ours: Plant) -> None:
    described = {
        path.removeprefix("/api/v1")
        for path, methods in api.get_openapi_schema()["paths"].items()
        if "post" in methods
    }
    assert described - ONE_BY_ONE == OPERATIONS.keys(), "say here who may use the new operation"
    doors = {path: door for (method, path), door in operations(ours).items() if method == "post"}
    lot = doors["/holds"][1]["lots"][0]["lot"]
    kept = {
        "kind": "mass",
        "started_at": timezone.now().isoformat(),
        "gauge": "G",
        "columns": {"time_min": [0, 1], "mass_g": [2, 1]},
    }
    receipt = dict.fromkeys(("label_matches", "packaging_intact", "certificate_matches"), True) | {
        "code": "D-1",
        "material": "T-RAW",
        "quantity": "1",
        "supplier": "S",
        "supplier_lot": "S-1",
    }
    doors |= {path: (path.replace("{code}", lot), {}) for _, path in OF_READERS if path in OPERATIONS}
    doors["/lots/{code}/records"] = (f"/lots/{lot}/records", kept)
    doors["/receipts"] = ("/receipts", receipt)
    doors["/clock"] = ("/clock", {"site_time": "2026-01-01T00:00:00+00:00"})
    callers = {letter: ApiClient(ours.site, make_user(ours.site, role)) for letter, role in LETTERS.items()}
    found = {}
    for path in OPERATIONS:
        url, body = doors[path]
        let_in = ""
        for letter, caller in callers.items():
            answer = caller.post(url, body, key=f"{letter}{abs(hash(url))}")
            refused = answer.status_code == 403 and answer.json()["code"] == "not_permitted"
            assert answer.status_code < 500, (path, answer.content)
            let_in += "" if refused else letter
        found[path] = let_in
    assert found == OPERATIONS


def test_a_refused_post_leaves_nothing(ours: Plant) -> None:
    auditor, doors = signed_in(make_user(ours.site, "auditor")), addresses(ours)
    events = AuditEvent.objects.count()
    for name, letters in PAGES.items():
        if "u" not in letters:
            assert auditor.post(doors[name], {"password": "x", "reason": "x"}).status_code == 403, name
    assert AuditEvent.objects.count() == events
