"""Signed links in messages: each lets its holder do one thing, without logging in.

The signature says that we wrote it, to somebody who was told. Nothing is changed by following a
link: mail scanners follow them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core import signing

# Long enough for who comes back from leave, short enough that an old mailbox is no key.
ACKNOWLEDGED_WITHIN = timedelta(days=90)

_ACKNOWLEDGE = "pacta.acknowledge"
_UNSUBSCRIBE = "pacta.unsubscribe"


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """Leave to acknowledge the open breach of one deadline, or of all that a message told of."""

    message_id: int
    deadline_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsubscription:
    """Leave to end what brings a recipient mail, about one agreement or in a digest."""

    email: str
    agreement_id: int | None


def acknowledge_path(message_id: int, deadline_id: int | None) -> str:
    """Where the recipient of a message acknowledges."""
    return f"/acknowledge/{signing.dumps([message_id, deadline_id], salt=_ACKNOWLEDGE)}"


def read_acknowledgement(token: str) -> Acknowledgement | None:
    """What `acknowledge_path` wrote; None if it was not us, or too long ago."""
    try:
        message_id, deadline_id = signing.loads(
            token, salt=_ACKNOWLEDGE, max_age=ACKNOWLEDGED_WITHIN
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Acknowledgement(message_id=message_id, deadline_id=deadline_id)


def unsubscribe_path(email: str, agreement_id: int | None) -> str:
    """Where a recipient ends the mails that they get. Works as long as the key is the same."""
    return f"/unsubscribe/{signing.dumps([email, agreement_id], salt=_UNSUBSCRIBE)}"


def read_unsubscription(token: str) -> Unsubscription | None:
    """What `unsubscribe_path` wrote; None if it was not us."""
    try:
        email, agreement_id = signing.loads(token, salt=_UNSUBSCRIBE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Unsubscription(email=email, agreement_id=agreement_id)
