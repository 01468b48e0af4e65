"""Calling webhooks by the Standard Webhooks specification, guarded against being turned inwards.

A receiver is told the same message until it answers 2xx; `webhook-id` is the message's own, so
that it can fold repetitions. https://www.standardwebhooks.com (specification 1.0.0).
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

from compliance.delivery import calls
from compliance.delivery.carrier import Answer
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

# After which attempt the next one follows; three days in all, then it is given up.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=16),
    timedelta(hours=24),
)
# A former secret signs beside the new one for so long.
ROTATION = timedelta(days=1)

_MOST_KEPT = 300
_GONE = 410
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Which `ipaddress` counts as public, or did in some versions: addresses that clouds answer to
# inside their own networks, and what was taken out of use.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20",
        "5f00::/16", "fec0::/10",
    )
)  # fmt: skip


class UnsafeAddress(ValueError):
    """An address that must not be called. The sentence says why, and what to use."""


def new_secret() -> str:
    """A fresh secret, in the form of the specification."""
    return f"whsec_{b64encode(token_bytes(24)).decode()}"


def sign(
    secrets: Sequence[str], *, message_id: str, sent_at: datetime, payload: bytes
) -> dict[str, str]:
    """The headers that sign a payload, with each secret in force."""
    signatures = [
        # It takes the wall clock as that of UTC, whatever the zone says.
        Signer(secret).sign(message_id, sent_at.astimezone(UTC), payload.decode())
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def next_attempt_after(attempt_count: int) -> timedelta | None:
    """How long to wait after so many attempts; None when it is time to give up."""
    return RETRY_AFTER[attempt_count - 1] if attempt_count <= len(RETRY_AFTER) else None


def refuse_unsafe(url: str) -> None:
    """Refuse an address that is no public web server.

    Raises:
        UnsafeAddress: it is not https, carries a login, cannot be resolved, or leads (by any of
            its addresses) into a private, loopback or link-local network.
    """
    _public_addresses(_parts(url))


def post(
    *, url: str, secrets: Sequence[str], message_id: str, payload: bytes, now: datetime
) -> Answer:
    """Call a webhook once. Never raises what the receiver or the network gives cause for.

    The name is resolved once; every address it has must be public, and the connection goes to
    one that was looked at: an answer that changes between look and call gains nothing. No
    redirect is followed and no proxy is used. It is the server's fault when nothing comes that
    can be read as an answer.
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
        status, said = calls.call(
            "POST", parts, address=addresses[0], headers=headers, payload=payload
        )
    except calls.FAILURES as error:
        text = one_line(str(error)) or type(error).__name__
        return Answer(outcome=AttemptOutcome.DEFERRED, text=text[:_MOST_KEPT])
    text = one_line(f"{status} {said.decode(errors='replace')}")[:_MOST_KEPT]
    if 200 <= status < 300:
        return Answer(outcome=AttemptOutcome.SENT, text=text)
    outcome = AttemptOutcome.REFUSED if status == _GONE else AttemptOutcome.DEFERRED
    return Answer(outcome=outcome, text=text)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        sentence = "This is no web address: write it as https://example.org/hooks/pacta."
        raise UnsafeAddress(sentence) from None
    schemes = {"https", "http"} if _allows_private() else {"https"}
    if parts.scheme not in schemes or not host or any(each <= " " for each in url):
        sentence = "It must begin with https:// and name a host."
        raise UnsafeAddress(sentence)
    if not url.isascii():
        sentence = (
            "Write it in ASCII: the host as xn--..., other letters percent-encoded, such as %C3%A9."
        )
        raise UnsafeAddress(sentence)
    if port == 0:
        sentence = "There is no port 0: leave it out, or name the one that is listened on."
        raise UnsafeAddress(sentence)
    if parts.username is not None or parts.password is not None:
        sentence = "Leave the login out of the address: receivers know us by our signature."
        raise UnsafeAddress(sentence)
    return parts


def _public_addresses(parts: SplitResult) -> list[str]:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        sentence = f"The name {one_line(host)} leads nowhere: look for a typing error."
        raise UnsafeAddress(sentence) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not _allows_private() and not all(_is_public(address) for address in addresses):
        sentence = (
            f"{one_line(host)} leads into a private or local network, which webhooks must not "
            "reach: use a public address."
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
    # For development and tests, where the receiver is on this machine.
    return bool(getattr(settings, "WEBHOOKS_MAY_BE_PRIVATE", False))
