"""Signatures: the password again, and bound to the content (I11)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from lots.models import User
from quality.actions.sign import SignatureRefused, canonical, sign, verify
from quality.models import Signature
from tests.support.builders import PASSWORD, make_site, make_user

pytestmark = pytest.mark.django_db
CONTENT = {
    "decision": "release",
    "holds": [1, 2],
    "at": datetime(2026, 1, 1, tzinfo=UTC),
    "n": Decimal("1.50"),
}


@pytest.fixture
def engineer() -> User:
    return make_user(make_site(), "quality_engineer")


def signed(user: User, *, password: str = PASSWORD) -> Signature:
    return sign(
        user=user,
        password=password,
        meaning="Disposition: Release",
        record_kind="disposition",
        record_id="1,2",
        content=CONTENT,
        now=timezone.now(),
    )


def test_signature_names_the_signer_and_verifies(engineer: User) -> None:
    signature = signed(engineer)
    assert (signature.signer, signature.printed_name) == (engineer, engineer.printed_name)
    assert verify(signature, CONTENT)
    assert verify(signature, dict(reversed(CONTENT.items())))  # order is not content


@pytest.mark.parametrize(
    "change", [{"decision": "scrap"}, {"holds": [2, 1]}, {"holds": [1]}, {"n": Decimal("1.51")}, {"extra": 1}]
)
def test_changed_content_does_not_verify(engineer: User, change: dict[str, object]) -> None:
    assert not verify(signed(engineer), CONTENT | change)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper()])
def test_wrong_password_signs_nothing(engineer: User, password: str) -> None:
    with pytest.raises(SignatureRefused):
        signed(engineer, password=password)
    assert not Signature.objects.exists()


def test_disabled_account_signs_nothing(engineer: User) -> None:
    engineer.is_active = False
    engineer.save(update_fields=["is_active"])
    with pytest.raises(SignatureRefused):
        signed(engineer)


def test_account_disabled_meanwhile_signs_nothing(engineer: User) -> None:
    """The caller's object may be older than the decision to disable the account."""
    User.objects.filter(pk=engineer.pk).update(is_active=False)
    with pytest.raises(SignatureRefused):
        signed(engineer)


def test_password_changed_meanwhile_is_what_counts(engineer: User) -> None:
    fresh = User.objects.get(pk=engineer.pk)
    fresh.set_password("another password 2")
    fresh.save(update_fields=["password"])
    with pytest.raises(SignatureRefused):
        signed(engineer)


def test_signature_is_never_changed(engineer: User) -> None:
    signature = signed(engineer)
    with pytest.raises(DatabaseError), transaction.atomic():
        Signature.objects.filter(pk=signature.pk).update(record_hash=b"x")


def test_canonical_bytes_keep_numbers_apart_from_text() -> None:
    assert canonical({"a": 1}) != canonical({"a": "1"})
    assert canonical({"a": None}) != canonical({"a": ""})


def test_a_password_cannot_be_guessed_at_a_signature(engineer: User) -> None:
    other = make_user(make_site(), "quality_engineer")
    for _ in range(10):
        with pytest.raises(SignatureRefused, match="not your password"):
            signed(engineer, password="a guess")
    with pytest.raises(SignatureRefused, match="wait 5 minutes"):
        signed(engineer)
    assert Signature.objects.count() == 0
    assert signed(other).signer == other  # nobody else is kept out


def test_a_right_password_forgets_the_wrong_ones(engineer: User) -> None:
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(SignatureRefused):
                signed(engineer, password="a slip")
        assert signed(engineer).signer == engineer
