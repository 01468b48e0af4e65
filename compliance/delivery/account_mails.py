"""Emails about a user's own account. They are sent immediately and bypass the outbox."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

from django.conf import settings

from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import render_plain_mail
from compliance.domain.phrases import counted
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import AttemptOutcome


def send_password_link(*, to: str, path: str) -> None:
    """Send a link with which the owner of an account chooses a password.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    days = counted(settings.PASSWORD_RESET_TIMEOUT // 86_400, "day")
    _send(
        to=to,
        subject="Choose your password for Pacta",
        body=(
            "Follow this link to choose the password of your Pacta account:\n\n"
            f"{settings.SITE_URL}{path}\n\n"
            f"The link works once, within {days}. If you did not expect this email, you can\n"
            "ignore it: your account will not change.\n"
        ),
    )


def send_address_change(*, to: str, new_address: str, changed_by: str) -> None:
    """Notify the former or the new address of an account that the account has a new address.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    _send(
        to=to,
        subject="The address of your Pacta account was changed",
        body=(
            f"{changed_by} changed the address of your Pacta account to {new_address}.\n"
            "If you did not ask for this, contact an administrator.\n"
        ),
    )


def send_address_link(*, to: str, path: str) -> None:
    """Send the link with which the owner of an account confirms its new address.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    _send(
        to=to,
        subject="Confirm the new address of your Pacta account",
        body=(
            "Follow this link to use this address for your Pacta account:\n\n"
            f"{settings.SITE_URL}{path}\n\n"
            "The link works for a day. If you did not expect this email, you can ignore it.\n"
        ),
    )


def send_address_taken(*, to: str) -> None:
    """Tell the owner of an address that it already has an account.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    _send(
        to=to,
        subject="This address already has a Pacta account",
        body=(
            "Someone tried to use this address for another Pacta account. Nothing was changed.\n"
            "If this was you, sign in with this address, or ask an administrator.\n"
        ),
    )


def send_address_request(*, to: str, new_address: str) -> None:
    """Notify the current address of an account that a change to another was requested.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    _send(
        to=to,
        subject="A new address was requested for your Pacta account",
        body=(
            f"Your Pacta account will use the address {new_address} once it is confirmed there.\n"
            "If you did not request this, set a new password now. That cancels the request:\n\n"
            f"{settings.SITE_URL}/account/password/reset/\n"
        ),
    )


def send_security_notice(*, to: str, change: str, address: str) -> None:
    """Notify the owner of an account of a change that affects how they sign in.

    Args:
        change: a sentence that says what was changed.
        address: the IP address from which it was changed.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the email.
    """
    _send(
        to=to,
        subject="Your Pacta account was changed",
        body=(
            f"{change}\nThe change was made from the IP address {address}.\n\n"
            "If this was not you, set a new password and notify an administrator:\n\n"
            f"{settings.SITE_URL}/account/password/reset/\n"
        ),
    )


def _send(*, to: str, subject: str, body: str) -> None:
    mail = render_plain_mail(subject=subject, body=body, recipient=to, name=uuid4().hex)
    with closing(Mailer()) as mailer:
        answer = mailer.send(mail)
    if answer.outcome is not AttemptOutcome.SENT:
        raise refusal("", f"The email to {to} could not be sent ({answer.text[:200]}).")
