"""One connection to the mail server, and what its answers mean."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

_SERVICE_CLOSES = 421
# Of what a server says so much is kept.
MOST_KEPT = 1_000
# The server wants us to log in, or otherwise: our settings are wrong, not the recipient.
_ABOUT_LOGGING_IN = frozenset({454, 530, 534, 535, 538})


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How an attempt ended. `is_server_fault`: the next message would fare no better."""

    outcome: AttemptOutcome
    text: str = ""
    is_server_fault: bool = False


_SENT = Answer(outcome=AttemptOutcome.SENT)


class Carrier:
    """Sends mails one after the other over one connection, opened when first needed.

    A connection that the server closed between two mails is opened again, once a mail.
    """

    def __init__(self) -> None:
        self._connection: Any = get_connection()
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def send(self, mail: EmailMessage) -> Answer:
        """Hand a mail to the server. Never raises what the server or the mail gives cause for."""
        [recipient] = mail.to
        if not _is_address(recipient):
            return Answer(outcome=AttemptOutcome.REFUSED, text="This is not a mail address.")
        was_open = self._is_open
        try:
            self._hand_over(mail)
        except (OSError, smtplib.SMTPException) as error:
            # Servers hang up after so many mails or so long a silence, and say so only to the
            # next one. What may have been taken all the same has the same Message-ID.
            if not (was_open and _hung_up(error)):
                return self._answer(error)
            log.info("mail server hung up; connecting again", error=one_line(str(error)))
            self._close()
        else:
            return _SENT
        try:
            self._hand_over(mail)
        except (OSError, smtplib.SMTPException) as error:
            return self._answer(error)
        return _SENT

    def _hand_over(self, mail: EmailMessage) -> None:
        self._connection.open()
        self._is_open = True
        self._connection.send_messages([mail])

    def _answer(self, error: Exception) -> Answer:
        answer = read_answer(error)
        if answer.is_server_fault:
            self._close()
        return answer

    def _close(self) -> None:
        self._is_open = False
        with suppress(OSError, smtplib.SMTPException):
            self._connection.close()


def read_answer(error: Exception) -> Answer:
    """What an error of smtplib, or of the network, says of the message and of the server.

    Only a final refusal (5xx) of the recipient or of the mail itself is held against the message.
    A refusal of our sender or our login is for the operator to mend; everything else may pass.
    """
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            [(code, said)] = recipients.values()
            return _by_code(code, said)
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=said):
            return _deferred(code, said, is_server_fault=True)
        case smtplib.SMTPDataError(smtp_code=code, smtp_error=said):
            return _by_code(code, said)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            return _deferred(code, said, is_server_fault=True)
        case _:
            text = one_line(str(error)) or type(error).__name__
            return Answer(outcome=AttemptOutcome.DEFERRED, text=text, is_server_fault=True)


def _by_code(code: int, said: bytes | str) -> Answer:
    if code == _SERVICE_CLOSES or code in _ABOUT_LOGGING_IN:
        return _deferred(code, said, is_server_fault=True)
    if code < 500:
        return _deferred(code, said, is_server_fault=False)
    return Answer(outcome=AttemptOutcome.REFUSED, text=_said(code, said))


def _deferred(code: int, said: bytes | str, *, is_server_fault: bool) -> Answer:
    return Answer(
        outcome=AttemptOutcome.DEFERRED, text=_said(code, said), is_server_fault=is_server_fault
    )


def _said(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return one_line(f"{code} {text[: 4 * MOST_KEPT]}")[:MOST_KEPT]


def _hung_up(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        # smtplib says the same of a server that does not answer; that one is not asked again.
        return not isinstance(error.__context__, TimeoutError)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == _SERVICE_CLOSES for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == _SERVICE_CLOSES
    return isinstance(error, ConnectionError)


def _is_address(recipient: str) -> bool:
    try:
        validate_email(recipient)
    except ValidationError:
        return False
    # What is coded or quoted would be read otherwise on the way, a second @ included.
    is_coded = any(mark in recipient for mark in ("=?", '"', "\\"))
    return one_line(recipient) == recipient and not is_coded
