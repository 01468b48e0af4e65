"""Links in messages: to pages of the admin, and signed links that work without signing in.

Delivery does not know the URLs of the admin. The admin registers its pages with `register_pages`
when Django loads it, which happens in every process; delivery asks the registered `Pages` for
paths. All paths are relative to `SITE_URL`.

A signature proves that Pacta wrote a link for somebody who was notified. Opening a link changes
nothing, because mail scanners open all of them; a button or a POST does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing

# Long enough for a reader who returns from leave, and short enough to make old mailboxes harmless.
ACKNOWLEDGED_WITHIN = timedelta(days=90)

_ACKNOWLEDGE = "pacta.acknowledge"
_UNSUBSCRIBE = "pacta.unsubscribe"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """The functions that return the paths of the pages that messages link to.

    They take the id of a row; `deadlines` lists those of one agreement, or of all for None.
    """

    home: Callable[[], str]
    deadline: Callable[[int], str]
    deadlines: Callable[[int | None], str]
    job_run: Callable[[int], str]
    proposal: Callable[[int], str]


_registered: list[Pages] = []


def register_pages(pages: Pages) -> None:
    """Set the pages that messages link to."""
    _registered[:] = [pages]


def pages() -> Pages:
    """Return the registered pages.

    Raises:
        RuntimeError: none are registered, because the admin is not installed.
    """
    if not _registered:
        raise RuntimeError("No pages are registered for links in messages.")
    return _registered[0]


def url(path: str) -> str:
    """Return the URL of a path."""
    return f"{settings.SITE_URL}{path}"


class Acknowledgement(NamedTuple):
    """The right to acknowledge one open breach, or all that a message reported."""

    message_id: int
    deadline_id: int | None


class Unsubscription(NamedTuple):
    """The right to end the subscriptions of a recipient that caused an email."""

    email: str
    subscription_ids: list[int]


def acknowledge_path(message_id: int, deadline_id: int | None) -> str:
    """Return the path where the recipient of a message acknowledges."""
    return f"/acknowledge/{signing.dumps([message_id, deadline_id], salt=_ACKNOWLEDGE)}"


def read_acknowledgement(token: str) -> Acknowledgement | None:
    """Return what `acknowledge_path` signed, or None for a forged or expired token."""
    values = _read(token, salt=_ACKNOWLEDGE, max_age=ACKNOWLEDGED_WITHIN)
    return Acknowledgement(*values) if values else None


def unsubscribe_path(email: str, subscription_ids: Sequence[int]) -> str:
    """Return the path where a recipient ends these subscriptions.

    It works as long as `SECRET_KEY` is kept.
    """
    return f"/unsubscribe/{signing.dumps([email, list(subscription_ids)], salt=_UNSUBSCRIBE)}"


def read_unsubscription(token: str) -> Unsubscription | None:
    """Return what `unsubscribe_path` signed, or None for a forged token."""
    values = _read(token, salt=_UNSUBSCRIBE)
    return Unsubscription(*values) if values and isinstance(values[1], list) else None


def _read(token: str, *, salt: str, max_age: timedelta | None = None) -> tuple[Any, Any] | None:
    try:
        first, second = signing.loads(token, salt=salt, max_age=max_age)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return first, second
