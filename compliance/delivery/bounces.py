"""Mails that come back: what a delivery status notification (RFC 3464) says of a mail of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import chain

from compliance.delivery.carrier import MOST_KEPT
from compliance.domain.phrases import one_line

_FAILED = re.compile(r"\s*failed\b", re.IGNORECASE)
# 4 too: `failed` says that nothing will be tried any more, as when the time has run out (4.4.7).
_NOT_DELIVERED = re.compile(r"\s*([45]\.\d{1,3}\.\d{1,3})\b")
# A report has two or three of these. Each makes the email package look at every line once more, and
# hundreds would keep it busy for minutes.
_BOUNDARY = re.compile(rb"boundary[*\d]*\s*=", re.IGNORECASE)
_MOST_BOUNDARIES = 10
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_NO_REPORT = "There is no delivery report in this mail."


class NoBounce(ValueError):
    """A mail that marks nobody. The sentence says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """A report that a mail will never arrive: what was said of it, by address in lower case."""

    message_id: str
    answers: Mapping[str, str]


def read(mail: bytes) -> Bounce:
    """The bounce that a mail is. Who wrote it is not known: it may be anybody's invention.

    Raises:
        NoBounce: it reports no final failure of any mail.
    """
    try:
        if len(_BOUNDARY.findall(mail)) > _MOST_BOUNDARIES:
            raise NoBounce(_NO_REPORT)
        return _read(message_from_bytes(mail))
    except NoBounce:
        raise
    except Exception as error:  # of what is no mail the email package makes errors of every kind
        sentence = "This is no mail that can be read."
        raise NoBounce(sentence) from error


def _read(mail: Message) -> Bounce:
    parts = _within(mail)
    reports = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    if not reports:
        raise NoBounce(_NO_REPORT)
    answers: dict[str, str] = {}
    for block in chain.from_iterable(map(_within, reports)):
        status = _NOT_DELIVERED.match(_said(block, "Status"))
        if status is None or not _FAILED.match(_said(block, "Action")):
            continue
        answer = _after_type(_said(block, "Diagnostic-Code")) or status[1]
        for name in ("Original-Recipient", "Final-Recipient"):
            address = _after_type(_said(block, name)).strip("<>").lower()
            if address:
                answers[address] = answer[:MOST_KEPT]
    if not answers:
        sentence = "This delivery report tells of no final failure."
        raise NoBounce(sentence)
    found = (_MESSAGE_ID.search(_said(returned, "Message-ID")) for returned in _returned(parts))
    message_id = next((each[0] for each in found if each), None)
    if message_id is None:
        sentence = "This delivery report does not say which mail it is about."
        raise NoBounce(sentence)
    return Bounce(message_id=message_id, answers=answers)


def _within(part: Message) -> list[Message]:
    return [each for each in part.get_payload() if isinstance(each, Message)]


def _returned(parts: Iterable[Message]) -> Iterable[Message]:
    """Our mail, or its headers alone, as the report sends it back."""
    for part in parts:
        match part.get_content_type():
            case "message/rfc822":
                yield from _within(part)
            case "text/rfc822-headers":
                headers = part.get_payload(decode=True)
                if isinstance(headers, bytes):
                    yield message_from_bytes(headers)


def _said(block: Message, name: str) -> str:
    return one_line(str(block.get(name, "")))


def _after_type(field: str) -> str:
    """`rfc822; a@example.org` and `smtp; 550 no such` begin with the type of what follows."""
    before, semicolon, after = field.partition(";")
    return (after if semicolon else before).strip()
