"""Users of the demo line, their roles, and the sources through which they submit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password

from lots.models import Membership, Site, Source, User
from mes.demo.credentials import DEMO_PASSWORD

PEOPLE_FILE = Path(__file__).with_name("people.json")
Role = Membership.Role


@dataclass(frozen=True)
class Account:
    """A login of the demo. A machine has no password; `key` says that its source gets an API key."""

    username: str
    name: str
    role: str
    machine: bool
    key: bool

    @property
    def source_code(self) -> str:
        return self.username if self.machine else f"terminal-{self.username}"


def accounts(plant: dict[str, Any]) -> list[Account]:
    """Operators and machine operators of the plant file, then the people and machines of `people.json`."""
    listed = json.loads(PEOPLE_FILE.read_text(encoding="utf-8"))
    operators = [
        Account(
            username=row["username"],
            name=row["name"],
            role=Role.OPERATOR if row["shift"] else Role.EQUIPMENT,
            machine=row["shift"] is None,
            key=True,
        )
        for row in plant["operators"]
    ]
    others = [
        Account(row["username"], row["name"], row["role"], machine, row["key"])
        for kind, machine in (("people", False), ("machines", True))
        for row in listed[kind]
    ]
    return operators + others


def load_people(site: Site, listed: list[Account]) -> dict[str, User]:
    """Users by name, with membership and source. An existing user keeps the password."""
    return {account.username: _load(site, account) for account in listed}


def _load(site: Site, account: Account) -> User:
    first, _, last = account.name.partition(" ")
    user = User.objects.filter(username=account.username).first()
    if user is None:
        user = User.objects.create(
            username=account.username,
            first_name=first,
            last_name=last,
            password=make_password(None if account.machine else DEMO_PASSWORD),
        )
    Membership.objects.get_or_create(user=user, site=site, role=account.role)
    Source.objects.get_or_create(
        site=site,
        code=account.source_code,
        defaults={
            "name": account.name if account.machine else f"Terminal of {account.name}",
            "user": user,
        },
    )
    return user
