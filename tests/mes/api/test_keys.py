from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from lots.models import Source
from tests.support.api import BASE
from tests.support.builders import make_site, make_user

pytestmark = pytest.mark.django_db


def issue(*arguments: str) -> str:
    out = StringIO()
    call_command("issue_api_key", *arguments, stdout=out)
    return out.getvalue().strip()


def status(key: str) -> int:
    return Client().get(f"{BASE}/clock", HTTP_AUTHORIZATION=f"Bearer {key}").status_code


def test_issued_key_opens_and_replaces_the_former_one() -> None:
    site = make_site()
    user = make_user(site, "equipment")
    first = issue(site.code, "MIXER-1", "--user", user.username)
    assert len(first) >= 40 and status(first) == 200
    assert first not in Source.objects.values_list("key_hash", flat=True)
    second = issue(site.code, "MIXER-1", "--user", user.username)
    assert (status(first), status(second)) == (401, 200)
    assert Source.objects.filter(site=site).count() == 1


def test_key_is_not_issued_for_strangers() -> None:
    site, other = make_site(), make_site()
    user = make_user(site, "equipment")
    issue(site.code, "MIXER-1", "--user", user.username)
    for arguments in (
        ("NOWHERE", "MIXER-1", "--user", user.username),
        (site.code, "MIXER-1", "--user", "nobody"),
        (other.code, "MIXER-1", "--user", user.username),
        (site.code, "MIXER-1", "--user", make_user(site, "operator").username),
        (site.code, "MIXER-1", "--user", user.username, "--days", "0"),
    ):
        with pytest.raises(CommandError):
            issue(*arguments)
