"""Webhook calls by the Standard Webhooks specification, never into our own network.

A message is sent until the receiver answers with 2xx. `webhook-id` is the id of the message, so
receivers can ignore repetitions. https://www.standardwebhooks.com (specification 1.0.0).
"""

from __future__ import annotations

import ipaddress
import socket
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from standardwebhooks import Webhook as Signer

from compliance.delivery import http_client
from compliance.delivery.answers import Answer
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

# How long to wait after the first, second, ... attempt: three days in all.
RETRY_AFTER = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 16, 24)),
)
# How long a rotated secret still signs beside the new one.
ROTATION = timedelta(days=1)

_MAX_ANSWER_LENGTH = 300
_GONE = 410
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# `ipaddress`, in some versions, takes these for public: addresses on which clouds offer services
# to their own machines, and networks that are no longer in use.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20",
        "5f00::/16", "fec0::/10",
    )
)  # fmt: skip


class UnsafeAddress(ValueError):
    """A URL that must not be called. The message says why, and what to use."""


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


def refuse_unsafe(url: str) -> None:
    """Check that a URL leads to a public web server.

    Raises:
        UnsafeAddress: it is not https, contains credentials, cannot be resolved, or resolves to
            any private, loopback or link-local address.
    """
    _public_addresses(_parts(url))


def post(
    *, url: str, secrets: Sequence[str], message_id: str, payload: bytes, now: datetime
) -> Answer:
    """Call a webhook once. Never raises for anything that the receiver or the network causes.

    The host is resolved once, all its addresses must be public, and the request goes to one of
    these addresses. A name that resolves differently a moment later therefore gains nothing.
    """
    try:
        parts = _parts(url)
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
        status, body = http_client.request(
            "POST", parts, address=addresses[0], headers=headers, payload=payload
        )
    except http_client.FAILURES as error:
        text = one_line(str(error)) or type(error).__name__
        return Answer(outcome=AttemptOutcome.DEFERRED, text=text[:_MAX_ANSWER_LENGTH])
    text = one_line(f"{status} {body.decode(errors='replace')}")[:_MAX_ANSWER_LENGTH]
    if 200 <= status < 300:
        return Answer(outcome=AttemptOutcome.SENT, text=text)
    outcome = AttemptOutcome.REFUSED if status == _GONE else AttemptOutcome.DEFERRED
    return Answer(outcome=outcome, text=text)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        sentence = "This is not a URL. Write it as https://example.org/hooks/pacta."
        raise UnsafeAddress(sentence) from None
    schemes = {"https", "http"} if _allows_private() else {"https"}
    has_login = parts.username is not None or parts.password is not None
    for is_wrong, sentence in (
        (
            parts.scheme not in schemes or not host or any(each <= " " for each in url),
            "The URL must begin with https:// and contain a host.",
        ),
        (
            not url.isascii(),
            "Write the URL in ASCII: the host as xn--..., other characters percent-encoded, such "
            "as %C3%A9.",
        ),
        (port == 0, "Port 0 does not exist. Leave it out, or name the port of the server."),
        (has_login, "Remove the credentials: receivers verify the signature instead."),
    ):
        if is_wrong:
            raise UnsafeAddress(sentence)
    return parts


def _public_addresses(parts: SplitResult) -> list[str]:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        sentence = f"The host {one_line(host)} does not exist. Check the spelling."
        raise UnsafeAddress(sentence) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not _allows_private() and not all(_is_public(address) for address in addresses):
        sentence = (
            f"{one_line(host)} is in a private or local network, which webhooks must not reach. "
            "Use a public address."
        )
        raise UnsafeAddress(sentence)
    return addresses


def _is_public(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    if any(ip in each for each in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _allows_private() -> bool:
    # For development and tests, where receivers run on the same machine.
    return bool(getattr(settings, "WEBHOOKS_MAY_BE_PRIVATE", False))
