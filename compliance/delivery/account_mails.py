"""Mails about a user's own account, sent at once and outside of the outbox."""

from __future__ import annotations

from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from compliance.domain.phrases import counted
from compliance.domain.problems import refusal

_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def send_password_link(*, to: str, path: str) -> None:
    """Mail a link with which the owner of an account chooses a password.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the mail.
    """
    days = counted(settings.PASSWORD_RESET_TIMEOUT // 86_400, "day")
    _send(
        to=to,
        subject="Choose your password for Pacta",
        body=(
            "Follow this link to choose the password of your Pacta account:\n\n"
            f"{settings.SITE_URL}{path}\n\n"
            f"The link works once, and for {days}. If you did not expect it, ignore this mail:\n"
            "your account stays as it is.\n"
        ),
    )


def send_address_change(*, to: str, new_address: str, changed_by: str) -> None:
    """Tell the former address of an account that the account has another address now.

    Raises:
        Invalid: the mail server cannot be reached, or refuses the mail.
    """
    _send(
        to=to,
        subject="The address of your Pacta account was changed",
        body=(
            f"{changed_by} changed the address of your Pacta account to {new_address}.\n"
            "If you did not ask for this, tell another administrator.\n"
        ),
    )


def _send(*, to: str, subject: str, body: str) -> None:
    message = EmailMessage(subject=subject, body=body, to=[to], headers=dict(_HEADERS))
    try:
        message.send()
    except (OSError, SMTPException, ValueError) as error:
        # ValueError: the address has a line break.
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise refusal("", f"The mail to {to} could not be sent ({reason}).") from error
