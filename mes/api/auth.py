"""Who calls: a source with its API key, or a person with their session."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.security import APIKeyCookie, HttpBearer

from lots.actions.ensure_source import ensure_personal_source, hash_key
from lots.models import Site, Source, User
from mes.web.site import site_of, sites_of
from quality.permissions import Action, require


@dataclass(frozen=True)
class Caller:
    """The user behind a request and the one site that the request sees and changes."""

    user: User
    site: Site
    own_source: Source | None = None

    @property
    def source(self) -> Source:
        """The source that idempotency keys belong to; a person's is made when it is first needed."""
        return self.own_source or ensure_personal_source(self.user, self.site)


def source_of_key(key: str) -> Source:
    """The source with this key. Raises AuthenticationError with the reason."""
    # The lookup compares hashes, so its timing tells nothing about the key.
    source = Source.objects.select_related("site", "user").filter(key_hash=hash_key(key)).first()
    if source is None:
        raise AuthenticationError(message="the API key is not known")
    if source.retired_at is not None or source.site.retired_at is not None:
        raise AuthenticationError(message=f"source {source.code} or its site is retired")
    if source.key_expires_at is not None and source.key_expires_at <= timezone.now():
        raise AuthenticationError(message=f"the API key of {source.code} has expired; ask for a new one")
    if not source.user.is_active:
        raise AuthenticationError(message="the account of this API key is disabled")
    return source


def _unused(request: HttpRequest) -> HttpResponse:
    """The view that Django's check asks about; it carries no exemption."""
    return HttpResponse()


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, answering with its reason and not with a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


class ApiKey(HttpBearer):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        source = source_of_key(token)
        require(source.user, source.site, Action.VIEW)
        return Caller(source.user, source.site, source)


class Session(APIKeyCookie):
    """The browser's session; changes need the CSRF token. `X-Halite-Site` names another site than the page's."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self) -> None:
        super().__init__(csrf=False)  # ninja's own check renders the page for browsers; see below

    def __call__(self, request: HttpRequest) -> Caller | None:
        if not request.user.is_authenticated:
            return None  # no session: 401, not a complaint about its CSRF token
        refused = _CsrfCheck(_unused).process_view(request, _unused, (), {})
        if refused is not None:
            raise AuthorizationError(message=f"{refused} Send the CSRF token in the header X-CSRFToken.")
        caller: Caller | None = super().__call__(request)
        return caller

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        user = request.user
        assert isinstance(user, User)
        site = _site_of(request)
        require(user, site, Action.VIEW)
        return Caller(user, site)


def _site_of(request: HttpRequest) -> Site:
    """The site named in the header, else the one chosen in the session, else the person's first."""
    wanted = request.headers.get("X-Halite-Site")
    if wanted is None:
        site = site_of(request)
    else:
        site = next((site for site in sites_of(request) if site.code == wanted), None)
    if site is None:
        raise AuthorizationError(message="you have no role at this site; ask an administrator")
    return site


def caller_of(request: HttpRequest) -> Caller:
    """The authenticated caller of an API request."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller
