"""Password links. Users choose their own passwords; nobody else can."""

from __future__ import annotations

from django.contrib.auth.tokens import default_token_generator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from compliance.delivery import account_mails
from compliance.domain.problems import refusal
from compliance.models import User


def send_link(*, user: User) -> None:
    """Mail a user a link with which they, and nobody else, choose a new password.

    The link is Django's: it works once, for PASSWORD_RESET_TIMEOUT seconds. It expires when the
    password or the address changes, or when the user signs in. Until it is used, the current
    password stays valid.

    Raises:
        Invalid: the account is not active, or the mail cannot be sent.
    """
    if not user.is_active:
        raise refusal("", f"The account of {user} is not active: activate it first.")
    account_mails.send_password_link(to=user.email, path=_path(user))


def _path(user: User) -> str:
    identifier = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/password/{identifier}/{default_token_generator.make_token(user)}/"
