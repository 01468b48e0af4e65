"""Webhook calls by the Standard Webhooks specification, never into our own network.

A message is sent until the receiver answers with 2xx. `webhook-id` is the id of the message, so
receivers can ignore repetitions. https://www.standardwebhooks.com (specification 1.0.0).

A receiver can ask for a pause with `Retry-After` (RFC 9110, section 10.2.3), and answers 410 to be
switched off.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from secrets import token_bytes
from urllib.parse import SplitResult

from django.conf import settings
from standardwebhooks import Webhook as Signer

from compliance.delivery import http_client
from compliance.delivery.answers import Answer
from compliance.domain.alerts import webhook_urls
from compliance.domain.alerts.webhook_urls import UnsafeAddress
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

# How long to wait after the first, second, ... attempt: three days in total.
RETRY_AFTER = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 16, 24)),
)
# The longest pause that a receiver can ask for: as long as the longest wait between attempts.
MAX_REQUESTED_WAIT = RETRY_AFTER[-1]
# How long requests are also signed with the previous secret after a rotation.
ROTATION = timedelta(days=1)

_MAX_ANSWER_LENGTH = 300
_GONE = 410


def new_secret() -> str:
    """Return a new secret in the format of the specification."""
    return f"whsec_{b64encode(token_bytes(24)).decode()}"


def sign(
    secrets: Sequence[str], *, message_id: str, sent_at: datetime, payload: bytes
) -> dict[str, str]:
    """Return the headers that sign a payload with each of the secrets."""
    signatures = [
        # The library reads the clock time of a datetime as UTC, whatever its zone.
        Signer(secret).sign(message_id, sent_at.astimezone(UTC), payload.decode())
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def next_attempt_after(attempt_count: int) -> timedelta | None:
    """Return how long to wait after this many attempts, or None to give up."""
    return RETRY_AFTER[attempt_count - 1] if attempt_count <= len(RETRY_AFTER) else None


def requested_wait(header: str | None, *, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` header asks to wait, or None if it asks for nothing.

    Args:
        header: seconds or an HTTP date; anything else is ignored. At most `MAX_REQUESTED_WAIT`
            counts.
        now: dates before it are ignored.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        # More digits than any limit has; reading them all would be slow.
        wait = timedelta(seconds=int(text[:9])) if len(text) < 9 else MAX_REQUESTED_WAIT
    else:
        try:
            at = parsedate_to_datetime(text)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
        except (ValueError, OverflowError):
            return None
    return min(wait, MAX_REQUESTED_WAIT) if wait > timedelta() else None


def refuse_unsafe(url: str) -> None:
    """Check that a URL leads to a public web server.

    Raises:
        UnsafeAddress: it is not https, contains credentials, cannot be resolved, or resolves to
            any private, loopback or link-local address.
    """
    _public_addresses(webhook_urls.parse(url, allows_http=_allows_private()))


def post(
    *, url: str, secrets: Sequence[str], message_id: str, payload: bytes, now: datetime
) -> Answer:
    """Call a webhook once. Never raises for anything that the receiver or the network causes.

    The host is resolved once, all its addresses must be public, and the request goes to one of
    these addresses. A name that resolves differently a moment later therefore gains nothing.
    """
    try:
        parts = webhook_urls.parse(url, allows_http=_allows_private())
        addresses = _public_addresses(parts)
    except UnsafeAddress as error:
        return Answer(outcome=AttemptOutcome.DEFERRED, text=str(error))
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "Pacta",
        **sign(secrets, message_id=message_id, sent_at=now, payload=payload),
    }
    try:
        response = http_client.request(
            "POST", parts, address=addresses[0], headers=headers, payload=payload
        )
    except http_client.FAILURES as error:
        text = one_line(str(error)) or type(error).__name__
        return Answer(outcome=AttemptOutcome.DEFERRED, text=text[:_MAX_ANSWER_LENGTH])
    status = response.status
    text = one_line(f"{status} {response.body.decode(errors='replace')}")[:_MAX_ANSWER_LENGTH]
    if 200 <= status < 300:
        return Answer(outcome=AttemptOutcome.SENT, text=text)
    if status == _GONE:
        return Answer(outcome=AttemptOutcome.REFUSED, text=text, is_gone=True)
    wait = requested_wait(response.retry_after, now=now)
    return Answer(outcome=AttemptOutcome.DEFERRED, text=text, retry_after=wait)


def _public_addresses(parts: SplitResult) -> list[str]:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        sentence = f"The host {one_line(host)} does not exist. Check the spelling."
        raise UnsafeAddress(sentence) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not _allows_private() and not all(webhook_urls.is_public(each) for each in addresses):
        sentence = (
            f"{one_line(host)} is in a private or local network, which webhooks must not reach. "
            "Use a public address."
        )
        raise UnsafeAddress(sentence)
    return addresses


def _allows_private() -> bool:
    # For development and tests, where receivers run on the same machine.
    return bool(getattr(settings, "WEBHOOKS_MAY_BE_PRIVATE", False))
