"""The guided investigation on its page, and the decision tree in the 8D report."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from mes.documents.eight_d import eight_d_content
from mes.documents.pdf import render
from quality.cases import case_view
from quality.investigation import CHECKS, EVIDENCE
from tests.support.builders import PASSWORD
from tests.support.guide import Guide, guide_of_a_signal
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def guide() -> Guide:
    return guide_of_a_signal()


def test_report_tells_the_tree_and_can_be_drawn(guide: Guide) -> None:
    guide.to_the_branch()
    guide.retest()
    guide.report("refutes")
    guide.branch("C")
    content = eight_d_content(case_view(guide.case))
    tree = content["tree"]
    assert [branch["status"] for branch in tree["branches"]] == ["refuted", "needs more evidence"]
    assert tree["branches"][0]["retests"][0]["result"]["content"]["outcome"] == "refutes"
    assert "plan a re-test" in tree["next"] and tree["signed"]
    assert render("eight_d", content, link="https://halite.example/1/").startswith(b"%PDF")


def test_page_guides_from_the_signature_to_the_control(guide: Guide) -> None:
    client = signed_in(guide.charted.plant.engineer)
    url = reverse("web:investigation", args=[guide.case.pk])
    first = client.get(url).content.decode()
    assert "name the last three good lots" in first and f'value="{guide.codes[-1]}"' in first
    refused = client.post(url, {"kind": "signature", "statement": "x", "good": ["A"], "bad": "B"})
    assert refused.status_code == 422 and "Nothing was recorded" in refused.content.decode()

    def post(kind: str, **fields: Any) -> str:
        return client.post(url, {"kind": kind} | fields, follow=True).content.decode()

    page = post("signature", statement="6.5 Pa.s", good=guide.codes[-4:-1], bad=guide.codes[-1])
    assert "Blocks the diagnosis" in page
    checks = {f"ok-{name}": "yes" for name in CHECKS} | {f"found-{name}": "fine" for name in CHECKS}
    assert "record evidence 1" in post("integrity", password=PASSWORD, **checks)
    for part in EVIDENCE:
        page = post("observation", part=part, found="seen", reference="file 1")
    assert "choose the branch" in page
    assert "plan a re-test" in post("branch", branch="B", because="arc is up", against="mass is right")
    page = post(
        "retest",
        lot=guide.codes[-1],
        variable=["rest", ""],
        before=["1 h", ""],
        after=["3 h", ""],
        kept="all",
        expected="arc falls",
        falsifier="arc stays",
    )
    assert "carry out the re-test" in page
    assert "write the diagnosis" in post("retest_result", outcome="confirms", found="arc fell by half")
    assert "The case has no corrective action yet" in post("diagnosis", statement="trapped gas")
    action = guide.act()
    assert "Diagnosed and tied to a control" in post("control_link", action=str(action.pk))
    assert "trapped gas" in client.get(reverse("web:case", args=[guide.case.pk])).content.decode()
    assert client.post(url, {"kind": "no-such"}).status_code == 422


def test_verification_offers_the_chart_of_the_case_and_no_other_by_itself(guide: Guide) -> None:
    client = signed_in(guide.charted.plant.engineer)
    own = client.get(reverse("web:case", args=[guide.case.pk])).content.decode()
    assert "choose the chart that shows it" not in own
    made = client.post(reverse("web:lot_case", args=[guide.codes[0]]), {"title": "dent"}, follow=True)
    other = made.content.decode()
    assert "choose the chart that shows it" in other and "has frozen limits" in other
