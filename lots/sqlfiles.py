"""Migrations whose content is SQL keep it in files beside them: `sql/NAME.sql` and `sql/NAME.down.sql`."""

from __future__ import annotations

from pathlib import Path

from django.db.migrations import RunSQL


def run_sql_file(migration_file: str, name: str) -> RunSQL:
    """A reversible operation from `sql/{name}.sql` and `sql/{name}.down.sql` beside `migration_file`."""
    folder = Path(migration_file).parent / "sql"
    return RunSQL((folder / f"{name}.sql").read_text(), (folder / f"{name}.down.sql").read_text())
