"""What the shell of every page shows: the site, its clock, the role, and how much is held or waits."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from lots.models import Membership, Site
from lots.queries import held_lots
from mes.web.site import local_now, roles_at, site_of, sites_of
from mes.web.waiting import waiting_count


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Counts are asked for only by templates that show the shell.

    Without a signed-in member of a site there is only the site's name, if there is but one, for the login page.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"site": cache(_only_site)}
    site = site_of(request)
    if site is None:
        return {}
    roles = roles_at(request, site)
    return {
        "site": site,
        "sites": sites_of(request),
        "site_now": local_now(site, timezone.now()),
        "role_label": ", ".join(role.label for role in roles),
        "held_count": cache(held_lots(site.pk).count),
        "waiting_url": _where_it_waits(roles),
        "waiting_count": cache(lambda: waiting_count(site, roles)),
        "nav": getattr(request.resolver_match, "url_name", ""),
    }


def _where_it_waits(roles: list[Membership.Role]) -> str:
    """Lots wait for operators, holds and signals for everybody who reviews."""
    if set(roles) == {Membership.Role.OPERATOR}:
        return f"{reverse('web:lots')}?state=waiting"
    return reverse("web:review")


def _only_site() -> Site | None:
    sites = list(Site.objects.filter(retired_at__isnull=True)[:2])
    return sites[0] if len(sites) == 1 else None
