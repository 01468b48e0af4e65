"""Networks of client addresses, in CIDR notation (RFC 4632, RFC 4291)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# IPv4 addresses in IPv6 notation, ::ffff:0:0/96 (RFC 4291, section 2.5.5.2).
_MAPPED_PREFIX = 96


def network(text: str) -> IPNetwork:
    """Return a network from its CIDR notation; a single address is a network of one address.

    Raises:
        ValueError: it is neither, or has bits set beyond its prefix.
    """
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        sentence = "Give a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32."
        raise ValueError(sentence) from None
    if "%" in text:
        sentence = "Remove the zone (the % and what follows): it names an interface of one machine."
        raise ValueError(sentence)
    if ip_address(text.partition("/")[0]) != found.network_address:
        sentence = f"{text} is an address in a network: give the network {found}, or the address."
        raise ValueError(sentence)
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    if mapped is not None and found.prefixlen >= _MAPPED_PREFIX:
        return IPv4Network((mapped, found.prefixlen - _MAPPED_PREFIX))
    return found


def address(text: str) -> IPAddress | None:
    """Return an address, or None if the text is none. An IPv4-mapped address becomes IPv4."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        # Without its zone: it names an interface of the server.
        found = IPv6Address(int(found))
        return found.ipv4_mapped or found
    return found


def is_in_any(client: IPAddress, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of the networks."""
    return any(client in ip_network(each) for each in networks)


def is_within(inner: Iterable[str], outer: Iterable[str]) -> bool:
    """Return whether every network of `inner` is part of one network of `outer`."""
    wholes = [ip_network(each) for each in outer]
    return all(any(_is_part(ip_network(each), whole) for whole in wholes) for each in inner)


def _is_part(part: IPNetwork, whole: IPNetwork) -> bool:
    if isinstance(part, IPv4Network) and isinstance(whole, IPv4Network):
        return part.subnet_of(whole)
    if isinstance(part, IPv6Network) and isinstance(whole, IPv6Network):
        return part.subnet_of(whole)
    return False
