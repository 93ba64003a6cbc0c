"""Who may do what. The table is written by hand from the roles' duties, not derived from the matrix it checks."""

from __future__ import annotations

import pytest
from django.utils import timezone

from lots.models import Membership
from quality.permissions import MATRIX, Action, NotPermitted, may, require
from tests.support.builders import make_site, make_user

pytestmark = pytest.mark.django_db

ROLES = (
    "operator",
    "quality_engineer",
    "process_engineer",
    "reviewer",
    "administrator",
    "equipment",
    "auditor",
)
# One column per role, in that order.
EXPECTED = {
    "view": "yes yes yes yes yes yes yes",
    "record measurements": "yes yes yes no no yes no",
    "correct measurements": "yes yes yes no no no no",
    "correct what a lot was made from": "no yes no no no no no",
    "start and finish steps": "yes no yes no no yes no",
    "place a hold": "yes yes yes no no no no",
    "record calibrations": "no yes yes no no no no",
    "receive deliveries and open them": "yes no yes no no yes no",
    "answer shift checklists": "yes no yes no no no no",
    "plan gauge studies": "no yes yes no no no no",
    "sign gauge studies": "no yes yes yes no no no",
    "widen or narrow a containment": "no yes no no no no no",
    "dispose of held material": "no yes no no no no no",
    "work on nonconformances": "no yes yes no no no no",
    "close nonconformances": "no yes no yes no no no",
    "freeze and decide acceptance plans": "no yes no no no no no",
    "release lots": "no yes no yes no no no",
    "build evidence packages": "no yes yes yes no no no",
    "sign evidence packages": "no yes no yes no no no",
    "pack and ship released lots": "yes yes no no no no no",
    "exclude points of a chart": "no yes yes no no no no",
    "assign the cause of a signal": "no yes yes no no no no",
    "ask for a longer shelf life": "no yes yes no no no no",
    "sign a longer shelf life": "no yes no yes no no no",
    "ask for deviations": "no yes yes no no no no",
    "sign deviations": "no yes yes yes no no no",
    "lift stops of a stream": "no yes no no no no no",
    "end tightened sampling": "no yes yes no no no no",
    "resume discontinued acceptance sampling": "no yes no no no no no",
    "freeze control limits": "no yes yes no no no no",
    "edit products, recipes and specifications": "no no yes no no no no",
    "re-check links of revised requirements": "no yes yes no no no no",
    "approve the requirements baseline": "no yes no yes no no no",
    "run readiness audits": "no yes no yes no no yes",
    "approve specifications": "no yes yes yes no no no",
    "write the safety chain": "no yes yes no no no no",
    "draft control plans": "no yes yes no no no no",
    "approve control plans": "no yes yes no no no no",
    "publish a control plan": "no no yes no no no no",
    "import instrument files": "yes yes yes no no yes no",
    "set the clock of a simulated site": "no no no no yes yes no",
    "manage users": "no no no no yes no no",
}
CELLS = [
    (action, role, answer == "yes")
    for action, row in EXPECTED.items()
    for role, answer in zip(ROLES, row.split(), strict=True)
]


def test_the_table_names_every_role_and_action() -> None:
    assert set(ROLES) == set(Membership.Role.values)
    assert set(EXPECTED) == {action.value for action in Action} == {action.value for action in MATRIX}


@pytest.mark.parametrize(("action", "role", "allowed"), CELLS, ids=lambda value: str(value))
def test_a_role_may_do_what_the_table_says(action: str, role: str, allowed: bool) -> None:
    site = make_site()
    user = make_user(site, role)
    assert may(user, site, Action(action)) is allowed
    elsewhere = make_site()
    with pytest.raises(NotPermitted, match=f"at {elsewhere.code}; ask a"):
        require(user, elsewhere, Action(action))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_has_ended_and_a_closed_account_may_nothing(role: str) -> None:
    site = make_site()
    left, closed = make_user(site, role), make_user(site, role)
    Membership.objects.filter(user=left).update(retired_at=timezone.now())
    closed.is_active = False
    closed.save(update_fields=["is_active"])
    for action in Action:
        assert not may(left, site, action)
        assert not may(closed, site, action)
