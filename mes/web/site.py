"""Which site a person works at, and the frame that every page runs in: signed in, at a site, in its time zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone

from lots.clock import site_time
from lots.models import Membership, Site, User
from quality.permissions import Action, NotPermitted, may, require

SESSION_KEY = "halite_site"
P = ParamSpec("P")


class SiteRequest(HttpRequest):
    """A request of a signed-in member of a site. `now` is real time, `site_now` the site's clock in its zone."""

    user: User
    site: Site  # type: ignore[assignment] # the stubs know Django's own sites, which are not installed
    now: datetime
    site_now: datetime


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The person's current memberships, site by site; one query a request."""
    known: list[Membership] | None = getattr(request, "_halite_memberships", None)
    if known is None:
        known = list(
            Membership.objects.filter(
                user=request.user.pk, retired_at__isnull=True, site__retired_at__isnull=True
            )
            .select_related("site")
            .order_by("site__code", "role")
        )
        request._halite_memberships = known  # type: ignore[attr-defined]
    return known


def sites_of(request: HttpRequest) -> list[Site]:
    """The sites where the person has a role."""
    return list({membership.site.pk: membership.site for membership in memberships_of(request)}.values())


def site_of(request: HttpRequest) -> Site | None:
    """The site the person works at: the one chosen in this session, else the first. None without any."""
    sites = sites_of(request)
    chosen = request.session.get(SESSION_KEY)
    return next((site for site in sites if site.code == chosen), sites[0] if sites else None)


def roles_at(request: HttpRequest, site: Site) -> list[Membership.Role]:
    return [Membership.Role(m.role) for m in memberships_of(request) if m.site_id == site.pk]


def local_now(site: Site, now: datetime) -> datetime:
    """The site's clock in the site's time zone."""
    return site_time(site, now).astimezone(ZoneInfo(site.time_zone))


def _to_login(request: HttpRequest) -> HttpResponse:
    """Send to the login page; a request of htmx is told to leave the page, not to paste the login into it."""
    if "HX-Request" not in request.headers:
        return redirect_to_login(request.get_full_path())
    back = request.headers.get("HX-Current-URL") or resolve_url("web:line")
    answer = HttpResponse(status=200)
    answer["HX-Redirect"] = redirect_to_login(_path_of(back))["Location"]
    return answer


def _path_of(url: str) -> str:
    """Path and query of an address: where to go back to must stay inside Halite."""
    rest = url.split("://", 1)[-1]
    return "/" + rest.split("/", 1)[1] if "/" in rest else "/"


def site_page(
    action: Action = Action.VIEW,
    *,
    posts: Sequence[Action] = (),
) -> Callable[
    [Callable[Concatenate[SiteRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Frame of a page: who is not signed in goes to the login, who may not do `action` gets 403 with the reason.

    `posts`: a page that anybody may see and that does these; who may do none of them sends nothing to it.
    """

    def decorate(
        view: Callable[Concatenate[SiteRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def framed(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            site = site_of(request)
            if site is None:
                raise PermissionDenied(
                    f"{request.user.get_username()} has no role at any site; ask an administrator for one"
                )
            entered: Any = request
            entered.site, entered.now = site, timezone.now()
            entered.site_now = local_now(site, entered.now)
            with timezone.override(ZoneInfo(site.time_zone)):
                try:
                    require(entered.user, site, action)
                    if posts and request.method == "POST":
                        allowed = next((one for one in posts if may(entered.user, site, one)), posts[0])
                        require(entered.user, site, allowed)
                    return view(entered, *args, **kwargs)
                except NotPermitted as refusal:
                    raise PermissionDenied(str(refusal)) from refusal

        return cast(Callable[Concatenate[HttpRequest, P], HttpResponseBase], framed)

    return decorate
