"""A mail handed over to an SMTP server in steps: its envelope, its lines, and its end.

The server has taken nothing before it is told that the mail has ended (RFC 5321, 4.1.1.4 and
4.5.4.1), so what must be settled before that can be settled while the mail is on its way.
"""

from __future__ import annotations

import smtplib
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.mail.backends.smtp import EmailBackend

from compliance.delivery.mime import Mail, bare_address

_OK, _WILL_FORWARD, _SEND_IT, _SERVICE_CLOSES = 250, 251, 354, 421


class SmtpLine:
    """Django's connection to an SMTP server. Opened when first needed."""

    def __init__(self, backend: EmailBackend) -> None:
        self._backend = backend
        self._envelope: _Dialogue | None = None
        self._failure: Exception | None = None
        self.is_under_way = False

    def begin(self, mail: Mail) -> None:
        """Set off a mail to one recipient, as far as that goes without waiting for the server."""
        self._mail, self._envelope, self._failure = mail, None, None
        server = self._backend.connection
        if server is not None:
            with self._noticed_later():
                self._set_off(server)

    def proceed(self) -> None:
        """Hand over the mail that was begun, up to the dot that would end it.

        Raises:
            SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError: the server will not have it,
                and can be given another.
            SMTPException, OSError: the server cannot be reached, or not be talked to any more.
        """
        self._notice()
        envelope = self._envelope or self._set_off(self._opened())
        code, said = envelope.reply()
        if code != _OK:
            self._leave(code, envelope)
            raise smtplib.SMTPSenderRefused(code, said, self._mail.from_email)
        code, said = envelope.reply()
        if code not in {_OK, _WILL_FORWARD}:
            self._leave(code, envelope)
            raise smtplib.SMTPRecipientsRefused({self._mail.to[0]: (code, said)})
        code, said = envelope.reply()
        if code != _SEND_IT:
            self._leave(code, envelope)
            raise smtplib.SMTPDataError(code, said)
        envelope.server.send(_dots_doubled(self._mail.lines))

    def finish(self) -> None:
        """Hand over the end of the mail that was begun, without waiting for the server."""
        self.is_under_way = False
        with self._noticed_later():
            self._begun().server.send(b".\r\n")

    def conclude(self) -> None:
        """Hear whether the server took the mail.

        Raises:
            SMTPDataError: it does not, and can be given another.
            SMTPException, OSError: whether it did cannot be known.
        """
        self._notice()
        envelope = self._begun()
        code, said = envelope.server.getreply()
        if code != _OK:
            self._leave(code, envelope)
            raise smtplib.SMTPDataError(code, said)

    def close(self) -> None:
        """Take leave of the server; of what was begun and not finished it has taken nothing."""
        if self.is_under_way and self._backend.connection is not None:
            # A QUIT would be a line of the mail, and wait for an answer.
            self._backend.connection.close()
        self.is_under_way = False
        self._backend.close()

    def _opened(self) -> smtplib.SMTP:
        is_new = self._backend.open()
        server = self._backend.connection
        assert server is not None, "only a backend that fails silently has none"
        if is_new:
            assert server.sock is not None, "it was opened just now"
            # The end is a segment of its own. As a rule it would wait until the server has
            # acknowledged the one before, some 40 ms.
            server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            server.ehlo_or_helo_if_needed()
        return server

    @contextmanager
    def _noticed_later(self) -> Iterator[None]:
        """A connection that is lost is for the next step to notice, which waits for the server."""
        try:
            yield
        except (OSError, smtplib.SMTPException) as error:
            self._failure = error

    def _notice(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _begun(self) -> _Dialogue:
        assert self._envelope is not None, "a mail was begun"
        return self._envelope

    def _set_off(self, server: smtplib.SMTP) -> _Dialogue:
        """Say as much of the envelope as the server takes at once."""
        size = f" SIZE={len(self._mail.lines)}" if server.has_extn("size") else ""
        [recipient] = self._mail.to
        envelope = _Dialogue(
            server,
            f"MAIL FROM:<{bare_address(self._mail.from_email)}>{size}",
            f"RCPT TO:<{bare_address(recipient)}>",
            "DATA",
        )
        self.is_under_way = True
        envelope.begin()
        self._envelope = envelope
        return envelope

    def _leave(self, code: int, envelope: _Dialogue) -> None:
        """Leave a mail that was refused, so that the next can be begun."""
        self.is_under_way = False
        try:
            # With 354 it waits for the lines of a mail to nobody.
            is_fit = code != _SERVICE_CLOSES and _SEND_IT not in envelope.unheard()
            if is_fit:
                envelope.server.rset()
        except (OSError, smtplib.SMTPException):
            is_fit = False
        if not is_fit:
            envelope.server.close()
            self._backend.connection = None


def _dots_doubled(lines: bytes) -> bytes:
    """The lines, none of which is the dot that would end the mail (RFC 5321, 4.5.2)."""
    doubled = lines.replace(b"\n.", b"\n..")
    return b"." + doubled if doubled.startswith(b".") else doubled


class _Dialogue:
    """Commands to a server, and what it says to them.

    All are said at once to a server that takes them so (RFC 2920), and to another each after the
    reply to the one before.
    """

    def __init__(self, server: smtplib.SMTP, *commands: str) -> None:
        if any(mark in command for command in commands for mark in "\r\n"):
            raise ValueError(f"A command to a mail server is one line: {commands!r}")
        self.server = server
        self._unsaid = deque(f"{command}\r\n" for command in commands)
        self._unanswered = 0

    def begin(self) -> None:
        """Say as many as the server takes before its first reply."""
        self._say(len(self._unsaid) if self.server.has_extn("pipelining") else 1)

    def reply(self) -> tuple[int, bytes]:
        """What the server says to the next command."""
        if not self._unanswered:
            self._say(1)
        self._unanswered -= 1
        return self.server.getreply()

    def unheard(self) -> list[int]:
        """The codes of what else it says to the commands that were said."""
        codes = [self.server.getreply()[0] for _ in range(self._unanswered)]
        self._unanswered = 0
        return codes

    def _say(self, count: int) -> None:
        self.server.send("".join(self._unsaid.popleft() for _ in range(count)))
        self._unanswered += count
