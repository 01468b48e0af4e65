"""Bounces: delivery status notifications (RFC 3464) about email that we sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import chain

from compliance.domain.phrases import one_line

_FAILED = re.compile(r"\s*failed\b", re.IGNORECASE)
# Codes 4.x.x count too: the action `failed` means that there is no further attempt (as in 4.4.7).
_NOT_DELIVERED = re.compile(r"\s*([45]\.\d{1,3}\.\d{1,3})\b")
# The email package scans every line again for each boundary. Hundreds of boundaries would take
# minutes; a genuine report has two or three.
_BOUNDARY = re.compile(rb"boundary[*\d]*\s*=", re.IGNORECASE)
_MAX_BOUNDARIES = 10
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_MAX_ANSWER_LENGTH = 1_000
_NO_REPORT = "This email does not contain a delivery report."


class NoBounce(ValueError):
    """An email that does not report a bounce. The message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """A report that an email will never arrive. `answers` is by address in lower case."""

    message_id: str
    answers: Mapping[str, str]


def read(mail: bytes) -> Bounce:
    """Return the bounce that an email reports. Anybody can forge such a report.

    Raises:
        NoBounce: the email reports no permanent failure of any email.
    """
    try:
        if len(_BOUNDARY.findall(mail)) > _MAX_BOUNDARIES:
            raise NoBounce(_NO_REPORT)
        return _read(message_from_bytes(mail))
    except NoBounce:
        raise
    except Exception as error:  # the email package raises errors of many kinds for malformed input
        sentence = "This email is malformed."
        raise NoBounce(sentence) from error


def _read(mail: Message) -> Bounce:
    parts = _parts(mail)
    reports = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    if not reports:
        raise NoBounce(_NO_REPORT)
    answers: dict[str, str] = {}
    for block in chain.from_iterable(map(_parts, reports)):
        status = _NOT_DELIVERED.match(_field(block, "Status"))
        if status is None or not _FAILED.match(_field(block, "Action")):
            continue
        answer = _without_type(_field(block, "Diagnostic-Code")) or status[1]
        for name in ("Original-Recipient", "Final-Recipient"):
            address = _without_type(_field(block, name)).strip("<>").lower()
            if address:
                answers[address] = answer[:_MAX_ANSWER_LENGTH]
    if not answers:
        sentence = "This delivery report does not report a permanent failure."
        raise NoBounce(sentence)
    found = (_MESSAGE_ID.search(_field(returned, "Message-ID")) for returned in _returned(parts))
    message_id = next((each[0] for each in found if each), None)
    if message_id is None:
        sentence = "This delivery report does not name the email that failed."
        raise NoBounce(sentence)
    return Bounce(message_id=message_id, answers=answers)


def _parts(mail: Message) -> list[Message]:
    return [each for each in mail.get_payload() if isinstance(each, Message)]


def _returned(parts: Iterable[Message]) -> Iterable[Message]:
    """Yield our email, or its headers, from the parts of the report."""
    for part in parts:
        match part.get_content_type():
            case "message/rfc822":
                yield from _parts(part)
            case "text/rfc822-headers":
                headers = part.get_payload(decode=True)
                if isinstance(headers, bytes):
                    yield message_from_bytes(headers)


def _field(block: Message, name: str) -> str:
    return one_line(str(block.get(name, "")))


def _without_type(field: str) -> str:
    """Return the value of a field such as `rfc822; a@example.org` without its type."""
    before, semicolon, after = field.partition(";")
    return (after if semicolon else before).strip()
