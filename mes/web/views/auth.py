"""Log in, log out, choose the site."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_POST

from lots.models import Membership
from mes.web.site import SESSION_KEY, roles_at, site_of, sites_of


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Username and password do not match. Check both; capital letters count in the password.",
        "inactive": "This account is disabled. Ask an administrator.",
    }


class Login(LoginView):
    template_name = "web/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """Operators begin at the station, everybody else at the line."""
        site = site_of(self.request)
        roles = set(roles_at(self.request, site)) if site is not None else set()
        return resolve_url("web:station" if roles == {Membership.Role.OPERATOR} else "web:line")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_invalid(form)
        if not getattr(self.request, "axes_locked_out", False):
            return answer
        # Its middleware would answer with a bare sentence; this page says the same and what to do.
        self.request.axes_locked_out = False  # type: ignore[attr-defined]
        form.errors.clear()
        form.add_error(
            None,
            "Too many wrong passwords for this user at this terminal. Wait five minutes, or ask an administrator.",
        )
        return self.render_to_response(self.get_context_data(form=form), status=429)


class Logout(LogoutView):
    next_page = "web:login"


@require_POST
def switch_site(request: HttpRequest) -> HttpResponse:
    """Work at another of the person's sites for this session."""
    code = request.POST.get("site", "")
    if not request.user.is_authenticated:
        return redirect("web:login")
    if code not in {site.code for site in sites_of(request)}:
        raise PermissionDenied(f"you have no role at site {code}")
    request.session[SESSION_KEY] = code
    return redirect("web:line")
