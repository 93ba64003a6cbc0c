"""Which database role does what: only the owner migrates."""

from __future__ import annotations

from typing import Any


class OwnerMigrates:
    """The application's role may not change tables, so migrations never run under it."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        # The aliases are two roles in one database.
        return True
