"""The page behind a password link: its holder chooses the password of their account."""

from __future__ import annotations

from typing import Any

from axes.utils import reset
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from compliance.models import User
from compliance.web.pages import not_a_link, page


class SetPasswordView(PasswordResetConfirmView):
    """GET shows the form, POST sets the password. Neither signs anybody in.

    Django moves the token from the address into the session first, so that no Referer holds it.
    """

    def get_user(self, uidb64: str) -> Any:
        """Return the user whom the link names, or None; an inactive one may set no password."""
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        """Store the password, and forget failed sign-ins with the one before."""
        response = super().form_valid(form)
        reset(username=form.user.get_username())
        return response

    def get_success_url(self) -> str:
        """Return the address of the page that says so."""
        return reverse("password-set")

    def render_to_response(self, context: dict[str, Any], **_options: Any) -> HttpResponse:
        """Return the form, or the page for a link that does not work."""
        if not self.validlink:
            return not_a_link(self.request)
        return page(
            self.request,
            "Choose your password",
            template="web/password.html",
            form=context["form"],
            email=context["form"].user.email,
        )


def password_set(request: HttpRequest) -> HttpResponseBase:
    """Say that the password is set."""
    return page(
        request,
        "Your password is set",
        lines=["You can sign in with it now. Other sessions and API tokens of yours have ended."],
        link=reverse("admin:index"),
        link_text="Sign in",
    )
