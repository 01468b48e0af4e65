"""One connection to the mail server, and what its answers mean."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Protocol, Self

import structlog
from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

from compliance.delivery.mime import Mail
from compliance.delivery.smtp import SmtpLine
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


class _Line(Protocol):
    """Where mails go one after the other, each in steps."""

    # Whether a mail was begun and its end not handed over.
    is_under_way: bool

    def begin(self, mail: Mail) -> None:
        """Set it off, without waiting."""

    def proceed(self) -> None:
        """Hand over all but the end."""

    def finish(self) -> None:
        """Hand over the end, without waiting. Nothing is taken before that."""

    def conclude(self) -> None:
        """Hear whether it was taken."""

    def close(self) -> None:
        """Let go of the connection, and of what was begun and not finished."""


class _Whole:
    """A backend that takes mails whole."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._mails: list[Mail] = []
        self.is_under_way = False

    def begin(self, mail: Mail) -> None:
        self._mails = [mail]

    def proceed(self) -> None:
        self._backend.open()

    def finish(self) -> None:
        pass

    def conclude(self) -> None:
        self._backend.send_messages(self._mails)

    def close(self) -> None:
        self._backend.close()


class Carrier:
    """Sends mails one after the other over one connection, opened when first needed.

    A connection that the server closed between two mails is opened again, once a mail.
    """

    def __init__(self) -> None:
        backend = get_connection()
        # One that sends in its own way is to be given mails to send.
        is_its_own = any(
            getattr(type(backend), name, None) is not getattr(EmailBackend, name)
            for name in ("send_messages", "_send")
        )
        self._line: _Line = (
            SmtpLine(backend)
            if isinstance(backend, EmailBackend) and not is_its_own
            else _Whole(backend)
        )
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, mail: Mail) -> Answer:
        """Hand a mail to the server. Never raises what the server or the mail gives cause for."""
        answer = self.begin(mail) or self.proceed()
        while answer is None:
            self.finish()
            answer = self.conclude()
        return answer

    def begin(self, mail: Mail) -> Answer | None:
        """Set off a mail, as far as that goes without waiting for the server.

        An answer if the attempt has ended already.
        """
        [recipient] = mail.to
        if not _is_address(recipient):
            return Answer(outcome=AttemptOutcome.REFUSED, text="This is not a mail address.")
        self._mail, self._was_open = mail, self._is_open
        self._line.begin(mail)
        return None

    def proceed(self) -> Answer | None:
        """Hand over all of a mail but its end: the server does not take it before `finish`.

        An answer if the attempt has ended already. Never raises what the server gives cause for.
        """
        self._is_open = True
        try:
            self._line.proceed()
        except (OSError, smtplib.SMTPException) as error:
            return self._once_more() if self._hung_up(error) else self._answer(error)
        return None

    def finish(self) -> None:
        """Hand over the end of the mail that was begun, without waiting for the server."""
        self._line.finish()

    def conclude(self) -> Answer | None:
        """Hear whether the server took the mail. Never raises what it gives cause for.

        No answer if it had closed the connection: the mail was handed over anew then, but for its
        end.
        """
        try:
            self._line.conclude()
        except (OSError, smtplib.SMTPException) as error:
            return self._once_more() if self._hung_up(error) else self._answer(error)
        return _SENT

    def abandon(self) -> None:
        """Leave a mail that was begun and not finished: it is not sent."""
        if self._line.is_under_way:
            self.close()

    def _once_more(self) -> Answer | None:
        return self.begin(self._mail) or self.proceed()

    def close(self) -> None:
        """Take leave of the server. What was begun and not finished is not sent."""
        self._is_open = False
        with suppress(OSError, smtplib.SMTPException):
            self._line.close()

    def _hung_up(self, error: Exception) -> bool:
        """Whether the server only closed the connection since the mail before this one.

        Servers hang up after so many mails or so long a silence, and say so only to the next one.
        What may have been taken all the same has the same Message-ID. Closes our end.
        """
        if not (self._was_open and _hung_up(error)):
            return False
        log.info("mail server hung up; connecting again", error=one_line(str(error)))
        self.close()
        return True

    def _answer(self, error: Exception) -> Answer:
        answer = read_answer(error)
        if answer.is_server_fault:
            self.close()
        return answer


def of_our_fault(error: Exception) -> Answer:
    """What is kept of an attempt that failed on our side."""
    return Answer(outcome=AttemptOutcome.DEFERRED, text=one_line(repr(error))[:MOST_KEPT])


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


@lru_cache(maxsize=1_000)
def _is_address(recipient: str) -> bool:
    try:
        validate_email(recipient)
    except ValidationError:
        return False
    # What is coded or quoted would be read otherwise on the way, a second @ included.
    is_coded = any(mark in recipient for mark in ("=?", '"', "\\"))
    return one_line(recipient) == recipient and not is_coded
