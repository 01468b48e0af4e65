"""Password links. Users choose their own passwords; nobody else can."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from compliance.delivery import account_mails
from compliance.domain.problems import Invalid, refusal
from compliance.models import PasswordLinkRequest, User

log = structlog.get_logger(__name__)

# How long a requested link may wait for the mail server.
_PATIENCE = timedelta(hours=1)
# The most links that one run sends, so that it cannot delay alerts for long.
_MOST = 50


class _Links(PasswordResetTokenGenerator):
    """Django's links, which end with the sessions of the user as well."""

    def _make_hash_value(self, user: AbstractBaseUser, timestamp: int) -> str:
        assert isinstance(user, User)
        return f"{super()._make_hash_value(user, timestamp)}:{user.session_epoch}"


LINKS = _Links()


def send_link(*, user: User) -> None:
    """Mail a user a link with which they, and nobody else, choose a new password.

    It works once, for PASSWORD_RESET_TIMEOUT seconds. It expires when the password or the address
    changes, when the account is deactivated, or when the user signs in. Until it is used, the
    current password stays valid.

    Raises:
        Invalid: the account is not active or no person's, or the email cannot be sent.
    """
    if not user.is_active:
        raise refusal("", f"The account of {user} is not active: activate it first.")
    if user.is_service_account:
        raise refusal("", f"{user} is a service account, which cannot sign in.")
    is_new = user.last_login is None and not user.has_usable_password()
    send = account_mails.send_invitation if is_new else account_mails.send_password_link
    send(to=user.email, path=_path(user))


def request_link(*, email: str, as_of: datetime) -> None:
    """Store a request for a password link. It is the same for known and unknown addresses."""
    PasswordLinkRequest.objects.create(email=email[:254], requested_at=as_of)


def send_requested_links(
    *, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False
) -> None:
    """Send the password links that people have requested; the delivery worker calls it.

    A request is deleted when its link was sent, when there is no such account, or when it is too
    old. While the mail server is down, requests wait.
    """
    PasswordLinkRequest.objects.filter(requested_at__lt=as_of - _PATIENCE).delete()
    for pk in PasswordLinkRequest.objects.order_by("pk").values_list("pk", flat=True)[:_MOST]:
        if is_stopping():
            return
        with transaction.atomic():
            _send_requested_link(pk)


def _send_requested_link(pk: int) -> None:
    waiting = PasswordLinkRequest.objects.select_for_update(skip_locked=True)
    request = waiting.filter(pk=pk).first()
    if request is None:
        return
    people = User.objects.filter(is_active=True, is_service_account=False)
    user = people.filter(email__iexact=request.email).first()
    try:
        if user is not None:
            send_link(user=user)
    except Invalid as error:
        log.warning("password link not sent", error=str(error))
    else:
        request.delete()


def _path(user: User) -> str:
    identifier = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/password/{identifier}/{LINKS.make_token(user)}/"
