"""The page on which the holder of a password link chooses the password of their account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from compliance.domain.people.lockouts import Proof
from compliance.models import User
from compliance.operations.people import lockouts, passwords
from compliance.web.accounts.attempts import attempt_of, remember_device
from compliance.web.pages import invalid_link, page


class SetPasswordView(PasswordResetConfirmView):
    """Shows the form; on POST sets the password. Neither signs the user in.

    Django first moves the token from the URL into the session, so that no Referer contains it.
    """

    token_generator = passwords.LINKS

    def get_user(self, uidb64: str) -> Any:
        """Return the user of the link, or None if there is none or the account is inactive."""
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def get_form(self, form_class: Any = None) -> SetPasswordForm[User]:
        """Return the form, with labels as on the page of the account."""
        form = super().get_form(form_class)
        form.fields["new_password2"].label = "Repeat new password"
        return form

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        """Store the password, clear failed sign-ins, and mark the browser as known."""
        response = super().form_valid(form)
        email = form.user.get_username()
        lockouts.unlock(attempt_of(self.request, account=email, proof=Proof.PASSWORD))
        remember_device(response, account=email)
        return response

    def get_success_url(self) -> str:
        """Return the URL of the page that confirms it."""
        return reverse("password-set")

    def render_to_response(self, context: dict[str, Any], **_options: Any) -> HttpResponse:
        """Return the form, or the page for an invalid link."""
        if not self.validlink:
            return invalid_link(self.request)
        return page(
            self.request,
            "Choose your password",
            template="web/password.html",
            form=context["form"],
            email=context["form"].user.email,
        )


def password_set(request: HttpRequest) -> HttpResponseBase:
    """Confirm that the password is set."""
    return page(
        request,
        "Your password is set",
        lines=["You can sign in with it now. Your other sessions and your API tokens have ended."],
        link=reverse("admin:index"),
        link_text="Sign in",
    )
