"""Check the URLs of webhooks: only public web servers, never our own network."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Some versions of `ipaddress` treat these as public: addresses at which clouds offer services to
# their own machines, and networks that are no longer in use.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20",
        "5f00::/16", "fec0::/10",
    )
)  # fmt: skip


class UnsafeAddress(ValueError):
    """A URL that must not be called. The message gives the reason and what to use instead."""


def parse(url: str, *, allows_http: bool) -> SplitResult:
    """Return the parts of a URL that may be called, as far as its text shows.

    Raises:
        UnsafeAddress: it is not https (or http, if allowed), is not ASCII, or has no host, port 0
            or credentials.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        sentence = "This is not a URL. Write it as https://example.org/hooks/pacta."
        raise UnsafeAddress(sentence) from None
    schemes = {"https", "http"} if allows_http else {"https"}
    has_credentials = parts.username is not None or parts.password is not None
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
        (has_credentials, "Remove the credentials: receivers verify the signature instead."),
    ):
        if is_wrong:
            raise UnsafeAddress(sentence)
    return parts


def is_public(address: str) -> bool:
    """Return whether an IP address, or the IPv4 address embedded in it, is public."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if any(ip in each for each in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
