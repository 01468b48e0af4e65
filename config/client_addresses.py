"""The address of a client, even behind proxies."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

# Longer chains of proxies do not exist; a longer header is an attempt to make us work.
_MOST_HOPS = 20


def client_address(request: HttpRequest) -> str:
    """Return the IP address of the client of a request, or "" if it is not known.

    Every proxy appends the address of its client to `X-Forwarded-For`. The header is read from its
    end, as long as the hop that wrote an entry is one of `TRUSTED_PROXIES`. What a client wrote
    into the header itself is therefore never believed. Over a Unix socket, the peer has no address;
    it is trusted if any proxy is.
    """
    found = _plain(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return found
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", _MOST_HOPS)
    while hops and _is_trusted(found):
        hop = _plain(hops.pop())
        if not hop:
            break
        found = hop
    return found


def _is_trusted(text: str) -> bool:
    return not text or any(ip_address(text) in each for each in settings.TRUSTED_PROXIES)


def _plain(text: str) -> str:
    """Return an address without port, brackets and zone, or "" if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)
