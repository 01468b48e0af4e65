"""How often somebody may try to prove who they are, and what is counted for it.

The scheme follows the device cookies of OWASP ("Slow Down Online Guessing Attacks with Device
Cookies"): attempts from a browser in which the owner has signed in before are counted by
themselves, so strangers cannot lock the owner out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Proof(StrEnum):
    """What an attempt presents: a password, a code, or only the request for a password link."""

    PASSWORD = "password"
    CODE = "code"
    LINK_REQUEST = "link_request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt: for which account, from which address, and from which known browser, if any."""

    proof: Proof
    account: str
    address: str
    device: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The most attempts with one key within a period. The last one starts the period again."""

    key: tuple[str, ...]
    most: int
    period: timedelta
    is_shared: bool = False
    """Whether attempts for other accounts or from other addresses count as well."""


def limits(attempt: Attempt) -> tuple[Limit, ...]:
    """Return what limits an attempt, the narrowest limit first.

    An attempt that exceeds one limit must not count towards the next: a stranger could otherwise
    use up the attempts that an account has from all addresses together.
    """
    proof, account = attempt.proof.value, attempt.account
    if attempt.device is not None:
        key = (proof, "device", account, attempt.device)
        return (Limit(key=key, most=10, period=_HOUR),)
    network = network_of(attempt.address)
    pair = (proof, "pair", account, network)
    few = 5 if attempt.proof is Proof.LINK_REQUEST else 10
    return (
        Limit(key=(*pair, "hour"), most=few, period=_HOUR),
        Limit(key=(*pair, "day"), most=2 * few, period=_DAY),
        Limit(key=(proof, "address", network), most=100, period=_HOUR, is_shared=True),
        Limit(key=(proof, "account", account), most=100, period=_DAY, is_shared=True),
    )


def barring(attempt: Attempt) -> tuple[Attempt, ...]:
    """Return the attempts whose lock refuses this one, too, before its proof is looked at.

    Codes are asked for only after the right password. While they are locked, the step before would
    still show whether a password is right.
    """
    return (replace(attempt, proof=Proof.CODE),) if attempt.proof is Proof.PASSWORD else ()


def network_of(address: str) -> str:
    """Return an IPv4 address, or the /64 of an IPv6 address: what one client can choose from."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return address if found.version == 4 else str(ip_network(f"{found}/64", strict=False))


def account_key(email: str) -> str:
    """Return what an address counts as, known or not; the longest possible address has 254."""
    return email.strip().casefold()[:254]
