"""Drafts about users and their tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from compliance.domain.date_fields import Instant
from compliance.domain.drafts import Draft
from compliance.domain.fields import (
    WHOLE,
    AgreementRef,
    Email,
    Flag,
    Line,
    LongTitle,
    Title,
    all_different,
)
from compliance.domain.formats import ALL_DIFFERENT, NETWORK
from compliance.domain.limits import AtMost
from compliance.domain.networks import network
from compliance.domain.vocabulary import Role

MOST_NETWORKS = 50
MOST_MEMBERS = 1_000
MOST_TEAMS = 100
MOST_TOKEN_AGREEMENTS = 100
LONGEST_OVERLAP_MINUTES = 30 * 24 * 60


def _network(text: str) -> str:
    return str(network(text))


Network = Annotated[str, Field(max_length=49), AfterValidator(_network), NETWORK]
"""A network in CIDR notation, or one address."""

Networks = Annotated[
    tuple[Network, ...],
    Field(min_length=1),
    AtMost(MOST_NETWORKS),
    AfterValidator(all_different),
    ALL_DIFFERENT,
]
"""Several networks; no two are equal."""


Roles = Annotated[tuple[Role, ...], AtMost(len(Role)), AfterValidator(all_different), ALL_DIFFERENT]

TeamSlug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
"""The name of a team in requests, such as `asia`."""

TeamSlugs = Annotated[
    tuple[TeamSlug, ...], AtMost(MOST_TEAMS), AfterValidator(all_different), ALL_DIFFERENT
]

PersonName = Annotated[Line, Field(max_length=150)]
"""The name of a person or program, which may be empty."""


class UserDraft(Draft):
    """A new user: a person, who is invited by email, or a service account."""

    email: Email
    name: PersonName = ""
    roles: Roles = ()
    teams: TeamSlugs = ()
    is_service_account: Flag = False


class UserChangesDraft(Draft):
    """What administrators change about a user."""

    name: PersonName
    roles: Roles
    teams: TeamSlugs
    is_active: Flag


def _one_spelling(emails: tuple[str, ...]) -> tuple[str, ...]:
    all_different(tuple(each.lower() for each in emails))
    return emails


Members = Annotated[
    tuple[Email, ...], AtMost(MOST_MEMBERS), AfterValidator(_one_spelling), ALL_DIFFERENT
]
"""The addresses of users; upper and lower case are the same."""


class TeamDraft(Draft):
    """A team of users, for whom agreements can be reserved."""

    slug: TeamSlug
    name: Title
    members: Members = ()


class TeamChangesDraft(Draft):
    """What administrators change about a team. Its members are replaced by those given."""

    name: Title
    members: Members


TokenTeams = Annotated[
    tuple[TeamSlug, ...],
    Field(min_length=1),
    AtMost(MOST_TEAMS),
    AfterValidator(all_different),
    ALL_DIFFERENT,
]

TokenAgreements = Annotated[
    tuple[AgreementRef, ...],
    Field(min_length=1),
    AtMost(MOST_TOKEN_AGREEMENTS),
    AfterValidator(all_different),
    ALL_DIFFERENT,
]


class TokenDraft(Draft):
    """An API token, of your own or of a service account. What is left out is not limited."""

    name: Title
    user: Annotated[
        Email | None, Field(description="The service account that it acts for; you, if left out.")
    ] = None
    is_read_only: Flag = False
    expires_at: Instant | None = None
    networks: Annotated[
        Networks | None, Field(description="Where it may be used from. Null: from everywhere.")
    ] = None
    teams: Annotated[
        TokenTeams | None,
        Field(description="Only agreements that are reserved for one of these teams exist for it."),
    ] = None
    agreements: Annotated[
        TokenAgreements | None, Field(description="Only these agreements exist for it.")
    ] = None


class RotationDraft(Draft):
    """A rotation. The previous key works until the end of the overlap; 0 ends it immediately."""

    overlap_minutes: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OVERLAP_MINUTES), WHOLE] = (
        24 * 60
    )


class ClosingDraft(Draft):
    """The closing of an account."""

    reason: LongTitle
    successor: Annotated[
        Email | None, Field(description="Who becomes the owner of the obligations of this user.")
    ] = None
    pseudonymise: Annotated[
        bool, Field(strict=True, description="Also remove the name and the address everywhere.")
    ] = False
