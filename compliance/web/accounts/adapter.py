"""How django-allauth signs people in to Pacta, and what it mails them."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac

from compliance.delivery import account_mails
from compliance.domain.people.lockouts import Proof
from compliance.domain.problems import Invalid
from compliance.models import User
from compliance.queries.people import second_factors
from compliance.web.accounts.attempts import Failed, counted, remember_device
from config.client_addresses import client_address

log = structlog.get_logger(__name__)

_CHANGES = {
    "account/email/password_changed": "The password was changed.",
    "account/email/password_set": "A password was set.",
    "mfa/email/totp_activated": "An authenticator app was added.",
    "mfa/email/totp_deactivated": "The authenticator app was removed.",
    "mfa/email/webauthn_added": "A passkey was added.",
    "mfa/email/webauthn_removed": "A passkey was removed.",
    "mfa/email/recovery_codes_generated": "New recovery codes were generated.",
    "socialaccount/email/account_connected": "Sign-in with an identity provider was connected.",
    "socialaccount/email/account_disconnected": "Sign-in with an identity provider was removed.",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped base of allauth
    """Accounts belong to people whom administrators invited, and are named by their address."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The email address or the password is wrong.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "The password is wrong.",
    }

    def is_open_for_signup(self, *_: Any, **__: Any) -> bool:
        """Return False: administrators create the accounts."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address of the client, as reported by a trusted proxy."""
        return client_address(request) or "127.0.0.1"

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Return the user with these credentials, or None.

        An account that is not active is refused like a wrong password.
        """
        user = None
        with counted(request, account=credentials.get("email", ""), proof=Proof.PASSWORD):
            user = authenticate(request, **credentials)
            if user is None:
                raise Failed
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Return whether this is the password of the user who is signed in."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return bool(found == user)

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Return whether users must prove again who they are. A sign-in counts for five minutes."""
        records = get_authentication_records(self.request, self.request.user)
        if records and time.time() - records[-1]["at"] < REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(app=app, **options))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return how a user can prove who they are; without a password, by signing in again."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        again = {"id": "again", "description": "Sign in again", "url": reverse("account_logout")}
        return found or [again]

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        """Return the response that completes a sign-in, and mark the browser as known."""
        response: HttpResponse = super().post_login(request, user, **options)
        remember_device(response, account=user.email)
        return response

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        *_args: Any,
        email: str | None = None,
        **_options: Any,
    ) -> None:
        """Notify the owner of a change of their account. If that fails, the change stays."""
        try:
            account_mails.send_security_notice(
                to=email or user.email,
                change=_CHANGES.get(template_prefix, "A setting of your account was changed."),
                address=self.get_client_ip(self.request),
            )
        except Invalid as error:
            log.error("owner not notified", change=template_prefix, error=str(error))


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # untyped base of allauth
    """Second factors."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": "You need a second factor. Add another before you remove "
        "this one.",
        "cannot_generate_recovery_codes": "Add a second factor first.",
        "incorrect_code": "The code is wrong.",
    }

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 -- allauth's
        """Return the name that is suggested for a new passkey."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"

    def encrypt(self, text: str) -> str:
        """Encrypt a secret, so that a copy of the database alone does not reveal it."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret that `encrypt` has encrypted, also with a former SECRET_KEY."""
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether the owner keeps a second factor, or needs none."""
        user = authenticator.user
        others = second_factors.factors(user).exclude(pk=authenticator.pk)
        return not second_factors.is_required(user) or others.exists()


def _cipher() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [salted_hmac("pacta.mfa", "key", secret=each, algorithm="sha256") for each in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(each.digest())) for each in keys])
