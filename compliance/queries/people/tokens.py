"""API tokens: the token with a key, and tokens as rows."""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from compliance.domain.fields import Email
from compliance.domain.people.token_format import token_digest
from compliance.domain.vocabulary import TokenState
from compliance.models import ApiToken, User
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_TOKENS = """
SELECT t.id, t.name, t.owner AS "user", t.state, t.is_read_only, t.networks,
    CASE WHEN t.team_ids IS NOT NULL THEN ARRAY(
        SELECT slug FROM compliance_team WHERE id = ANY (t.team_ids) ORDER BY slug
    ) END AS teams,
    CASE WHEN t.agreement_ids IS NOT NULL THEN ARRAY(
        SELECT ref FROM compliance_agreement WHERE id = ANY (t.agreement_ids) ORDER BY ref
    ) END AS agreements, t.created_at,
    t.expires_at, t.last_used_at, t.rotated_at, t.former_until, t.revoked_at
FROM (
    SELECT token.*, u.email AS owner, CASE
        WHEN token.revoked_at IS NOT NULL THEN 'revoked'
        WHEN token.expires_at <= %(as_of)s THEN 'expired'
        ELSE 'active' END AS state
    FROM compliance_apitoken AS token JOIN compliance_user AS u ON u.id = token.user_id
) AS t
"""


class TokenListing(Listing):
    """Filters of tokens."""

    user: Email | None = None
    state: TokenState | None = None


def token_with_key(key: str, *, as_of: datetime) -> ApiToken | None:
    """Return the valid token with a key, with its user. `is_former_key` says which key it is.

    One query. The database compares hashes, whose bytes nobody can choose, so that its time does
    not help to guess a key. They are compared again in constant time.
    """
    digest = token_digest(key)
    found = ApiToken.objects.with_key(digest, as_of=as_of).valid(as_of=as_of)
    for token in found.select_related("user"):
        token.is_former_key = not compare_digest(digest, bytes(token.digest))
        former = bytes(token.former_digest or b"")
        if not token.is_former_key or compare_digest(digest, former):
            return token
    return None


def tokens(listing: TokenListing, *, reader: User, as_of: datetime) -> Page:
    """Return the tokens that a user may see, in order of creation."""
    where = _visible(reader, as_of).equal(t__state=listing.state)
    where.add("lower(t.owner) = lower(%(user)s)", user=listing.user)
    return page(_TOKENS, where, order=Order(table="t", columns=("id",)), listing=listing)


def token(token_id: int, *, reader: User, as_of: datetime) -> Row | None:
    """Return one token that a user may see, or None."""
    return one(_TOKENS, _visible(reader, as_of).equal(t__id=token_id))


def sees_all_tokens(reader: User) -> bool:
    """Return whether a user sees the tokens of all users: their names and limits, never keys."""
    return reader.has_perm("compliance.change_user")


def _visible(reader: User, as_of: datetime) -> Where:
    where = Where(as_of=as_of)
    return where if sees_all_tokens(reader) else where.equal(t__user_id=reader.pk)
