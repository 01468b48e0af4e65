"""What a token may do at most. A token that another token creates is never wider than its creator.

Otherwise a token that was given away for one purpose would be worth as much as its owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from compliance.domain.networks import is_within
from compliance.domain.people.drafts import TokenDraft
from compliance.domain.phrases import in_utc
from compliance.domain.problems import Invalid, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLimits:
    """The limits of a token, within the rights of its user. None and False do not limit it."""

    is_read_only: bool = False
    expires_at: datetime | None = None
    networks: tuple[str, ...] | None = None

    def covers(self, other: TokenLimits) -> bool:
        """Return whether a token with the `other` limits can do nothing that this one cannot."""
        return not _excesses(other, self)


def limits_of(draft: TokenDraft) -> TokenLimits:
    """Return the limits that a draft asks for."""
    return TokenLimits(
        is_read_only=draft.is_read_only, expires_at=draft.expires_at, networks=draft.networks
    )


def narrowed(wanted: TokenLimits, creator: TokenLimits) -> TokenLimits:
    """Return the limits of a new token. It inherits those that are not given from its creator.

    Raises:
        Invalid: it would be wider than its creator, with the field of each excess.
    """
    found = TokenLimits(
        is_read_only=wanted.is_read_only,
        expires_at=wanted.expires_at or creator.expires_at,
        networks=wanted.networks or creator.networks,
    )
    problems = _excesses(found, creator)
    if problems:
        raise Invalid(problems)
    return found


def _excesses(wanted: TokenLimits, creator: TokenLimits) -> list[Problem]:
    found = []
    if creator.is_read_only and not wanted.is_read_only:
        found.append(_excess("is_read_only", "is read-only: set this to true"))
    if creator.expires_at is not None and (
        wanted.expires_at is None or wanted.expires_at > creator.expires_at
    ):
        end = in_utc(creator.expires_at)
        found.append(_excess("expires_at", f"expires at {end}: give no later instant"))
    if creator.networks is not None and (
        wanted.networks is None or not is_within(wanted.networks, creator.networks)
    ):
        allowed = ", ".join(creator.networks)
        found.append(_excess("networks", f"is limited to {allowed}: give parts of these"))
    return found


def _excess(path: str, limit: str) -> Problem:
    return Problem(path=path, detail=f"The token that you use {limit}.")
