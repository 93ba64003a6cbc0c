"""Issue the API key of a source; it is printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lots.actions.ensure_source import ensure_source, issue_key
from lots.models import Site, User


class Command(BaseCommand):
    help = "Issue the API key of a source, made if it does not exist; a former key stops to work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("site")
        parser.add_argument("source", help="code of the source, such as MIXER-1")
        parser.add_argument("--user", required=True, help="the account whose roles the key has")
        parser.add_argument("--days", type=int, default=365, help="until it expires")

    def handle(self, *args: Any, site: str, source: str, user: str, days: int, **options: Any) -> None:
        if days < 1:
            raise CommandError("--days: at least 1")
        try:
            place, account = Site.objects.get(code=site), User.objects.get(username=user, is_active=True)
        except (Site.DoesNotExist, User.DoesNotExist) as error:
            raise CommandError(f"{error} Check the site code and the user name.") from error
        if not account.memberships.filter(site=place, retired_at__isnull=True).exists():
            raise CommandError(f"{user} has no role at {site}")
        found = ensure_source(place, source, user=account)
        if found.user_id != account.pk:
            raise CommandError(f"source {source} acts as {found.user.username}")
        expires_at = timezone.now() + timedelta(days=days)
        self.stdout.write(issue_key(found, by=account, expires_at=expires_at))
