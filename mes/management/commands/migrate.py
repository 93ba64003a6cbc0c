"""Django's `migrate`, run as the owner of the tables."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate


class Command(migrate.Command):
    """`manage.py migrate` uses the `owner` connection; the application's role may not change tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> str | None:
        if options["database"] != "owner":
            raise CommandError(
                "only the tables' owner may migrate: leave --database out, and set DATABASE_OWNER_URL "
                "where the database is not the embedded one"
            )
        return super().handle(*args, **options)
