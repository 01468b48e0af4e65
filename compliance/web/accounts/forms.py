"""Forms of django-allauth, with counted attempts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.forms import ChangePasswordForm as BaseChangePasswordForm
from allauth.account.forms import LoginForm as BaseLoginForm
from allauth.account.forms import ReauthenticateForm as BasePasswordForm
from allauth.account.forms import ResetPasswordForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm as BaseAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as BaseReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import encrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils import timezone

from compliance.domain.people.lockouts import Proof
from compliance.operations.people import lockouts, passwords
from compliance.web.accounts.attempts import attempt_of, counted

# Without a limit, a password could be so long that hashing it keeps the server busy.
_LONGEST_PASSWORD = 1024
_ABOUT_PASSWORDS = (
    "At least 8 characters; not only digits, not a common password, and not similar to your name "
    "or address."
)


class LoginForm(BaseLoginForm):  # type: ignore[misc]  # untyped base of allauth
    """Email address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Email"
        self.fields["password"].help_text = ""  # the page has a link of its own
        self.fields["password"].validators.append(MaxLengthValidator(_LONGEST_PASSWORD))
        self.fields["login"].widget.attrs["autofocus"] = True
        _drop_placeholders(self.fields)


class PasswordLinkForm(ResetPasswordForm):  # type: ignore[misc]  # untyped base of allauth
    """The address to which a password link is sent, if it has an account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _drop_placeholders(self.fields)

    def clean_email(self) -> str:
        """Return the address. Whether it has an account is not looked up."""
        return str(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **_options: Any) -> str:
        """Store the request. What exceeds the limits is dropped without a word."""
        email, now = self.cleaned_data["email"], timezone.now()
        attempt = attempt_of(request, account=email, proof=Proof.LINK_REQUEST)
        if lockouts.count(attempt, as_of=now) is None:
            passwords.request_link(email=email, as_of=now)
        return str(email)


class ChangePasswordForm(BaseChangePasswordForm):  # type: ignore[misc]  # untyped base of allauth
    """The old and the new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = ("Current password", "New password", "Repeat new password")
        for name, label in zip(("oldpassword", "password1", "password2"), labels, strict=True):
            self.fields[name].label = label
        self.fields["password1"].help_text = _ABOUT_PASSWORDS
        _drop_placeholders(self.fields)

    def clean_oldpassword(self) -> str:
        """Check the old password, like a sign-in."""
        with counted(context.request, account=self.user.email, proof=Proof.PASSWORD):
            return str(super().clean_oldpassword())


class AuthenticateForm(BaseAuthenticateForm):  # type: ignore[misc]  # untyped base of allauth
    """The code that completes a sign-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _drop_placeholders(self.fields)

    def clean_code(self) -> str:
        """Check the code, and count it."""
        with counted(context.request, account=self.user.email, proof=Proof.CODE):
            return str(super().clean_code())


class ConfirmPasswordForm(BasePasswordForm):  # type: ignore[misc]  # untyped base of allauth
    """The password that confirms a change of the account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _drop_placeholders(self.fields)


class ReauthenticateForm(BaseReauthenticateForm):  # type: ignore[misc]  # untyped base of allauth
    """The code that confirms a change of the account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _drop_placeholders(self.fields)

    def clean_code(self) -> str:
        """Check the code, and count it."""
        with counted(context.request, account=self.user.email, proof=Proof.CODE):
            return str(super().clean_code())


class AuthenticatorAppForm(ActivateTOTPForm):  # type: ignore[misc]  # untyped base of allauth
    """The code that shows that the app was set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code"
        _drop_placeholders(self.fields)

    def clean_code(self) -> str:
        """Check the code, and count it as used: nobody signs in with it again."""
        code = str(super().clean_code())
        kind, data = Authenticator.Type.TOTP, {"secret": encrypt(self.secret)}
        TOTP(Authenticator(user=self.user, type=kind, data=data)).validate_code(code)
        return code


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # untyped base of allauth
    """The name of a new passkey, and whether it replaces the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alone = self.fields["passwordless"]
        alone.label = "Sign in without a password"
        alone.help_text = (
            "This passkey alone then signs you in. It must check your fingerprint, face or PIN."
        )


def _drop_placeholders(fields: Mapping[str, forms.Field]) -> None:
    """Remove the placeholders, which repeat the labels."""
    for field in fields.values():
        field.widget.attrs.pop("placeholder", None)
