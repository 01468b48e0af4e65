"""Emails about a user's own account. They are sent immediately and bypass the outbox.

All functions raise `Invalid` if the mail server cannot be reached, or refuses the email.
"""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

from django.conf import settings

from compliance.delivery import links
from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import plain_mail
from compliance.domain.phrases import counted
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import AttemptOutcome

_RESET = "/account/password/reset/"


def send_invitation(*, to: str, path: str) -> None:
    """Send a new user the link with which they choose their first password."""
    _send(
        to,
        "Your Pacta account",
        "An administrator has created an account for you in Pacta, which tracks whether agreements "
        "are kept. Follow this link to choose your password. You sign in with this email address.",
        links.url(path),
        f"The link works once, within {_link_lifetime()}. If it has expired, request another one:",
        links.url(_RESET),
        "If you did not expect this email, you can ignore it.",
    )


def send_password_link(*, to: str, path: str) -> None:
    """Send a link with which the owner of an account chooses a new password."""
    _send(
        to,
        "Choose a new password for Pacta",
        "Follow this link to choose a new password for your Pacta account:",
        links.url(path),
        f"The link works once, within {_link_lifetime()}. If you did not expect this email, you "
        "can ignore it: your password will not change.",
    )


def send_address_change(*, to: str, new_address: str, changed_by: str) -> None:
    """Notify the former or the new address of an account that the account has a new address."""
    _send(
        to,
        "The address of your Pacta account was changed",
        f"{changed_by} changed the address of your Pacta account to {new_address}. If you did not "
        "ask for this, contact an administrator.",
    )


def send_address_link(*, to: str, path: str) -> None:
    """Send the link with which the owner of an account confirms its new address."""
    _send(
        to,
        "Confirm the new address of your Pacta account",
        "Follow this link to use this address for your Pacta account:",
        links.url(path),
        "The link works for a day. If you did not expect this email, you can ignore it.",
    )


def send_address_taken(*, to: str) -> None:
    """Tell the owner of an address that it already has an account."""
    _send(
        to,
        "This address already has a Pacta account",
        "Someone tried to use this address for another Pacta account. Nothing was changed. If this "
        "was you, sign in with this address, or ask an administrator.",
    )


def send_address_request(*, to: str, new_address: str) -> None:
    """Notify the current address of an account that a change to another was requested."""
    _send(
        to,
        "A new address was requested for your Pacta account",
        f"Your Pacta account will use the address {new_address} once it is confirmed there. If you "
        "did not request this, set a new password now. That cancels the request:",
        links.url(_RESET),
    )


def send_security_notice(*, to: str, change: str, address: str) -> None:
    """Notify the owner of an account of a change that affects how they sign in.

    Args:
        change: a sentence that says what was changed.
        address: the IP address from which it was changed.
    """
    _send(
        to,
        "Your Pacta account was changed",
        f"{change} The change was made from the IP address {address}.",
        "If this was not you, set a new password and notify an administrator:",
        links.url(_RESET),
    )


def _link_lifetime() -> str:
    return counted(settings.PASSWORD_RESET_TIMEOUT // 86_400, "day")


def _send(to: str, subject: str, *paragraphs: str) -> None:
    mail = plain_mail(to=to, subject=subject, paragraphs=paragraphs, name=uuid4().hex)
    with closing(Mailer()) as mailer:
        answer = mailer.send(mail)
    if answer.outcome is not AttemptOutcome.SENT:
        raise refusal("", f"The email to {to} could not be sent ({answer.text[:200]}).")
