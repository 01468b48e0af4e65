"""A mail handed over to an SMTP server in two parts: all but its end, and the end.

The server has taken nothing before it is told that the mail has ended (RFC 5321, 4.1.1.4 and
4.5.4.1), so what must be settled before that can be settled while the mail is on its way.
"""

from __future__ import annotations

import re
import smtplib
import socket
from contextlib import suppress

from django.core.mail.backends.smtp import EmailBackend

from compliance.delivery.mime import Mail, bare_address

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_OK, _WILL_FORWARD, _SEND_IT, _SERVICE_CLOSES = 250, 251, 354, 421


class SmtpLine:
    """Django's connection to an SMTP server. Opened when first needed."""

    def __init__(self, backend: EmailBackend) -> None:
        self._backend = backend
        self._is_under_way = False

    def begin(self, mail: Mail) -> None:
        """Hand over a mail to one recipient, up to the dot that would end it.

        Raises:
            SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError: the server will not have it,
                and can be given another.
            SMTPException, OSError: the server cannot be reached, or not be talked to any more.
        """
        data = mail.lines
        [recipient] = mail.to
        server = self._server()
        options = [f"size={len(data)}"] if server.has_extn("size") else []
        code, said = server.mail(bare_address(mail.from_email), options)
        if code != _OK:
            _leave(server, code)
            raise smtplib.SMTPSenderRefused(code, said, mail.from_email)
        code, said = server.rcpt(bare_address(recipient))
        if code not in {_OK, _WILL_FORWARD}:
            _leave(server, code)
            raise smtplib.SMTPRecipientsRefused({recipient: (code, said)})
        code, said = server.docmd("data")
        if code != _SEND_IT:
            _leave(server, code)
            raise smtplib.SMTPDataError(code, said)
        self._is_under_way = True
        server.send(_LEADING_DOT.sub(b"..", data))

    def finish(self) -> None:
        """End the mail that was begun.

        Raises:
            SMTPDataError: the server does not take it, and can be given another.
            SMTPException, OSError: whether the server took it cannot be known.
        """
        server = self._server()
        self._is_under_way = False
        server.send(b".\r\n")
        code, said = server.getreply()
        if code != _OK:
            _leave(server, code)
            raise smtplib.SMTPDataError(code, said)

    def close(self) -> None:
        """Take leave of the server; of what was begun and not finished it has taken nothing."""
        if self._is_under_way:
            self._is_under_way = False
            # A QUIT would be a line of the mail, and wait for an answer.
            self._server().close()
        self._backend.close()

    def _server(self) -> smtplib.SMTP:
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


def _leave(server: smtplib.SMTP, code: int) -> None:
    """Leave a mail that was refused, so that the next can be begun."""
    if code == _SERVICE_CLOSES:
        server.close()
        return
    with suppress(smtplib.SMTPServerDisconnected):
        server.rset()
