"""A mail as the lines that a mail server is given.

Django would make the same of it. But it looks for places to fold headers that need no folding, and
compares each line with a boundary that is random anyway, and that took most of the time of sending.
"""

from __future__ import annotations

import quopri
import re
import secrets
from email import message_from_bytes
from email.generator import BytesGenerator
from email.header import Header
from email.message import EmailMessage
from email.policy import Policy, compat32
from email.utils import formataddr, formatdate, getaddresses, parseaddr
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any, Self

from django.core.mail import BadHeaderError, EmailMultiAlternatives

# RFC 5322, 2.1.1: what a line should not exceed, and what no line may.
_LONG, _TOO_LONG = 78, 998
_BLANK = re.compile(r"\s")


class Mail(EmailMultiAlternatives):
    """A mail to one recipient: plain text, with alternatives or without."""

    def made(self) -> Self:
        """The mail, its lines made and kept."""
        _ = self.lines
        return self

    @cached_property
    def lines(self) -> bytes:
        """The mail as it then is, its lines ended by CRLF.

        Raises:
            BadHeaderError: a header has a line break.
        """
        [recipient] = self.to
        headers = {
            "Subject": self.subject,
            "From": _mailbox(self.from_email),
            "To": bare_address(recipient),
            "Date": formatdate(),
            **self.extra_headers,
            "MIME-Version": "1.0",
        }
        head = "".join(_header(name, value) for name, value in headers.items()).encode("ascii")
        texts = [_text("plain", str(self.body))]
        texts += [_text("html", str(content)) for content, _ in self.alternatives]
        if len(texts) == 1:
            return head + texts[0]
        boundary = secrets.token_hex(16).encode()
        kind = b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n' % boundary
        parts = b"".join(b"--%b\r\n%b\r\n" % (boundary, text) for text in texts)
        return b"%b%b%b--%b--\r\n" % (head, kind, parts, boundary)

    def message(self, *, policy: Policy[Any] | None = None) -> _Message:
        """The mail in the terms of the standard library, for who keeps it or hands it on."""
        chosen: Policy[Any] = policy or compat32
        made: _Message = message_from_bytes(self.lines, _class=_Message, policy=chosen)
        return made


class _Message(EmailMessage):
    def as_bytes(
        self, unixfrom: bool = False, policy: Policy[Any] | None = None, *, linesep: str = "\n"
    ) -> bytes:
        """The lines; backends of Django's say how they are to end."""
        lines = BytesIO()
        BytesGenerator(lines, mangle_from_=False, policy=policy).flatten(self, unixfrom, linesep)
        return lines.getvalue()


@lru_cache(maxsize=1_000)
def bare_address(address: str) -> str:
    """The address without a name, its domain as the domain name system has it.

    Raises:
        ValueError: it is none, or several; a name with a comma has to be quoted.
    """
    found = [bare for _, bare in getaddresses([address]) if bare]
    if len(found) != 1:
        raise ValueError(
            f"One address is needed, with quotes around a name with a comma: {address!r}"
        )
    local, at, domain = found[0].rpartition("@")
    return f"{local}{at}{domain if domain.isascii() else domain.encode('idna').decode()}"


@lru_cache(maxsize=10)
def _mailbox(address: str) -> str:
    return formataddr((parseaddr(address)[0], bare_address(address)))


def _header(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise BadHeaderError(f"{name} has a line break: {value!r}")
    if value.isascii():
        if len(name) + len(value) + 2 <= _LONG:
            return f"{name}: {value}\r\n"
        if len(value) < _TOO_LONG and not _BLANK.search(value):
            return f"{name}:\r\n {value}\r\n"
    charset = "us-ascii" if value.isascii() else "utf-8"
    folded = Header(value, charset, header_name=name).encode(linesep="\r\n")
    return f"{name}: {folded}\r\n"


def _text(subtype: str, text: str) -> bytes:
    lines = text.encode().splitlines()
    body = b"\r\n".join(lines) + b"\r\n"
    encoding = b"7bit" if body.isascii() else b"8bit"
    if max(map(len, lines), default=0) > _TOO_LONG:
        body, encoding = quopri.encodestring(body), b"quoted-printable"
    return b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n\r\n%b' % (
        subtype.encode(),
        encoding,
        body,
    )
