"""Drafts about users and their tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from compliance.domain.date_fields import Instant
from compliance.domain.drafts import Draft
from compliance.domain.fields import Email, Title, all_different
from compliance.domain.limits import AtMost
from compliance.domain.networks import network

MOST_NETWORKS = 50
LONGEST_OVERLAP_MINUTES = 30 * 24 * 60


def _network(text: str) -> str:
    return str(network(text))


Network = Annotated[str, Field(max_length=49), AfterValidator(_network)]
"""A network in CIDR notation, or one address."""

Networks = Annotated[
    tuple[Network, ...], Field(min_length=1), AtMost(MOST_NETWORKS), AfterValidator(all_different)
]
"""Several networks; no two are equal."""


class TokenDraft(Draft):
    """An API token, of your own or of a service account. What is left out is not limited."""

    name: Title
    user: Annotated[
        Email | None, Field(description="The service account that it acts for; you, if left out.")
    ] = None
    is_read_only: bool = False
    expires_at: Instant | None = None
    networks: Annotated[
        Networks | None, Field(description="Where it may be used from. Null: from everywhere.")
    ] = None


class RotationDraft(Draft):
    """A rotation. The former key works until the end of the overlap; 0 ends it immediately."""

    overlap_minutes: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OVERLAP_MINUTES)] = 24 * 60
