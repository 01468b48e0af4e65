"""Sending email over one SMTP connection, and what the answers of the server mean."""

from __future__ import annotations

import smtplib
import time
from contextlib import nullcontext, suppress
from functools import lru_cache
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from compliance.delivery.answers import MAX_ANSWER_LENGTH, Answer
from compliance.delivery.time_limits import ATTEMPT_LIMIT, Watchdog
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

_SERVICE_CLOSES = 421
# The server wants other credentials: our settings are wrong, not the recipient.
_AUTHENTICATION = frozenset({454, 530, 534, 535, 538})


class Mailer:
    """Sends emails one after another over one connection of Django's email backend.

    The connection is opened when it is first needed. If the server has closed it since the
    previous email, it is opened again, once per email. A mailer has to be closed.
    """

    def __init__(self) -> None:
        self._backend: Any = get_connection()
        self._is_open = False
        self._watchdog = Watchdog()

    def send(self, mail: EmailMessage) -> Answer:
        """Send an email that has exactly one recipient.

        It ends within `ATTEMPT_LIMIT`, plus the time that opening a connection takes. Failures of
        the server or the network are answers, not exceptions.
        """
        [recipient] = mail.to
        if not is_address(recipient):
            return Answer(outcome=AttemptOutcome.REFUSED, text="This is not an email address.")
        give_up_at = time.monotonic() + ATTEMPT_LIMIT.total_seconds()
        was_open = self._is_open
        try:
            try:
                self._hand_over(mail, give_up_at)
            except (OSError, smtplib.SMTPException) as error:
                # Servers close connections after some emails, or when idle, and say so only in
                # answer to the next one. If this one was accepted all the same, the recipient
                # gets it twice with the same Message-ID.
                if not (was_open and _has_hung_up(error)):
                    raise
                log.info("mail server closed the connection", error=one_line(str(error)))
                self._disconnect()
                self._hand_over(mail, give_up_at)
        except (OSError, smtplib.SMTPException) as error:
            answer = answer_of(error)
            # After a refused DATA command smtplib leaves the refused email open on the server.
            if answer.is_server_fault or isinstance(error, smtplib.SMTPDataError):
                self._disconnect()
            return answer
        return Answer(outcome=AttemptOutcome.SENT)

    def close(self) -> None:
        """Close the connection for good."""
        self._disconnect()
        self._watchdog.close()

    def _disconnect(self) -> None:
        self._is_open = False
        with suppress(OSError, smtplib.SMTPException):
            self._backend.close()

    def _hand_over(self, mail: EmailMessage, give_up_at: float) -> None:
        self._is_open = True
        self._backend.open()
        seconds = give_up_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("The mail server took too long to accept a connection.")
        # Backends that write to files or memory have no connection.
        connection = getattr(getattr(self._backend, "connection", None), "sock", None)
        with self._watchdog.limit(connection, seconds) if connection else nullcontext():
            self._backend.send_messages([mail])


def answer_of(error: Exception) -> Answer:
    """Return the meaning of an smtplib or network error for the email and the server.

    Only a permanent refusal (5xx) of the recipient or of the email itself counts against the
    message. If the server refuses our sender or our login, the operator has to act; everything else
    may pass.
    """
    is_about_message = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    said: bytes | str
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            [(code, said)] = recipients.values()
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            pass
        case _:
            text = one_line(str(error)) or type(error).__name__
            return Answer(outcome=AttemptOutcome.DEFERRED, text=text, is_server_fault=True)
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    is_server_fault = not is_about_message or code in {_SERVICE_CLOSES, *_AUTHENTICATION}
    is_permanent = code >= 500 and not is_server_fault
    return Answer(
        outcome=AttemptOutcome.REFUSED if is_permanent else AttemptOutcome.DEFERRED,
        text=one_line(f"{code} {text[: 4 * MAX_ANSWER_LENGTH]}")[:MAX_ANSWER_LENGTH],
        is_server_fault=is_server_fault,
    )


@lru_cache(maxsize=1_000)
def is_address(recipient: str) -> bool:
    """Return whether a recipient is one plain email address that every server reads the same way.

    Quoted and encoded local parts are not accepted: servers on the way may decode them to
    another address, or to several.
    """
    try:
        validate_email(recipient)
    except ValidationError:
        return False
    is_encoded = any(mark in recipient for mark in ("=?", '"', "\\"))
    return one_line(recipient) == recipient and not is_encoded


def _has_hung_up(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        # smtplib raises it for a timeout too; a server that is that slow is not tried again.
        return not isinstance(error.__context__, TimeoutError)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == _SERVICE_CLOSES for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == _SERVICE_CLOSES
    return isinstance(error, ConnectionError)
