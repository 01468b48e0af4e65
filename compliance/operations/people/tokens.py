"""Create, rotate and revoke API tokens, and note their use."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from compliance.domain.people.drafts import TokenDraft
from compliance.domain.people.token_format import ALPHABET, RANDOM_LENGTH, token_digest, token_of
from compliance.domain.people.token_limits import TokenLimits, limits_of, narrowed
from compliance.domain.phrases import in_utc
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, ApiToken, Team, User
from compliance.models.locks import for_update
from compliance.models.people.tokens import USE_PRECISION
from compliance.models.visibility import visible_to
from compliance.operations.people.roles import may_change

log = structlog.get_logger(__name__)

# Enough for every program of a person. Without a limit, somebody with many tokens could send
# requests at a multiple of the rate that is allowed for one.
MOST_PER_USER = 100


@transaction.atomic
def create(
    *, draft: TokenDraft, by: User, creator: ApiToken | None, as_of: datetime
) -> tuple[ApiToken, str]:
    """Create a token, for oneself or for a service account.

    Args:
        draft: the token.
        by: who creates it.
        creator: the token with which they do so, if any. The new token is never wider.
        as_of: now.

    Returns:
        The token, and its key. Only a hash of the key is stored, so it cannot be read again.

    Raises:
        Invalid: the name is taken; the expiry is over; the token would be wider than `creator`; a
            team or agreement does not exist; or `by` may not create tokens for this user.
    """
    if draft.expires_at is not None and draft.expires_at <= as_of:
        raise refusal("expires_at", "This is in the past: give a later instant, or leave it out.")
    user = by if draft.user is None else _other_user(draft.user, by=by)
    limits = limits_of(draft)
    if creator is not None:
        limits = narrowed(limits, creator.limits)
    return _insert(
        name=draft.name,
        user=user,
        limits=limits,
        team_ids=None if draft.teams is None else _teams(draft.teams, user=user),
        agreement_ids=None if draft.agreements is None else _agreements(draft.agreements, by=by),
    )


@transaction.atomic
def create_token(*, name: str, user: User, is_read_only: bool) -> str:
    """Create a token on behalf of the operator, for any user, and return its key.

    Raises:
        Invalid: the name is empty, too long or taken.
    """
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise refusal("name", "Give the token a name of 1 to 200 printable characters.")
    return _insert(name=name, user=user, limits=TokenLimits(is_read_only=is_read_only))[1]


def _insert(
    *,
    name: str,
    user: User,
    limits: TokenLimits,
    team_ids: list[int] | None = None,
    agreement_ids: list[int] | None = None,
) -> tuple[ApiToken, str]:
    unrevoked = ApiToken.objects.filter(user=user, revoked_at=None)
    if unrevoked.filter(name=name).exists():
        sentence = f"Token {name} already exists. Choose another name, or revoke that token first."
        raise refusal("name", sentence)
    if unrevoked.count() >= MOST_PER_USER:
        sentence = f"{user} has {MOST_PER_USER} tokens. Revoke one that is no longer used."
        raise refusal("", sentence)
    key = _new_key()
    token = ApiToken.objects.create(
        name=name,
        user=user,
        digest=token_digest(key),
        is_read_only=limits.is_read_only,
        expires_at=limits.expires_at,
        networks=None if limits.networks is None else list(limits.networks),
        team_ids=team_ids,
        agreement_ids=agreement_ids,
    )
    return token, key


def _teams(slugs: Sequence[str], *, user: User) -> list[int]:
    """Return the ids of teams of the user. Administrators see what belongs to any team."""
    teams = Team.objects.all()
    if not user.is_administrator:
        teams = teams.filter(members=user)
    found = dict(teams.filter(slug__in=slugs).values_list("slug", "pk"))
    _refuse_unknown("teams", slugs, found, "The user of the token has no team {}.")
    return sorted(found.values())


def _agreements(refs: Sequence[str], *, by: User) -> list[int]:
    """Return the ids of agreements that exist for whoever creates the token."""
    agreements = visible_to(Agreement.objects.filter(ref__in=refs), by)
    found = dict(agreements.values_list("ref", "pk"))
    _refuse_unknown("agreements", refs, found, "Agreement {} does not exist.")
    return sorted(found.values())


def _refuse_unknown(
    path: str, names: Sequence[str], found: Mapping[str, int], sentence: str
) -> None:
    problems = [
        Problem(path=f"{path}/{place}", detail=sentence.format(name))
        for place, name in enumerate(names)
        if name not in found
    ]
    if problems:
        raise Invalid(problems)


def _other_user(email: str, *, by: User) -> User:
    """Return the user that a token is for.

    A token acts as its user. With a token for another person, administrators could approve their
    own proposals in the name of that person.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user == by:
        return by
    if user is None or not user.is_service_account or not may_manage(user, by=by):
        sentence = "You can create tokens for yourself, and as an administrator for service "
        raise refusal("user", f"{sentence}accounts. Leave this out for a token of your own.")
    return user


def may_manage(user: User, *, by: User) -> bool:
    """Return whether `by` may create and rotate the tokens of a user.

    Those of a service account need all of its rights: whoever knows the key acts with them.
    """
    if user == by:
        return True
    manages_users = by.has_perm("compliance.change_user")
    return user.is_service_account and manages_users and may_change(user, by=by)


@transaction.atomic
def rotate(*, token: ApiToken, overlap: timedelta, as_of: datetime) -> str:
    """Replace the key of a token, and return the new one. Everything else stays as it is.

    The previous key works until the end of the overlap, so that programs can be switched one by
    one. Without an overlap, all previous keys end immediately.

    Raises:
        Invalid: the token was revoked or has expired; or a previous key still works, which a second
            overlap would end too early.
    """
    token = for_update(ApiToken.objects.all()).get(pk=token.pk)
    if token.revoked_at is not None or token.has_expired(as_of):
        raise refusal("", f"Token {token.name} has ended. Create another one.")
    if overlap and token.former_until is not None and token.former_until > as_of:
        sentence = (
            f"Token {token.name} was rotated before, and its previous key works until "
            f"{in_utc(token.former_until)}. Rotate it again after that, or with an overlap of 0, "
            "which ends the previous key."
        )
        raise refusal("overlap_minutes", sentence)
    key = _new_key()
    token.former_digest = token.digest if overlap else None
    token.former_until = as_of + overlap if overlap else None
    token.digest, token.rotated_at = token_digest(key), as_of
    token.save(update_fields=["digest", "former_digest", "former_until", "rotated_at"])
    return key


@transaction.atomic
def revoke(*, token: ApiToken, as_of: datetime) -> None:
    """Revoke a token immediately and permanently. It stays in the list."""
    token = for_update(ApiToken.objects.all()).get(pk=token.pk)
    if token.revoked_at is None:
        token.revoked_at = as_of
        token.save(update_fields=["revoked_at"])


def note_use(*, token: ApiToken, as_of: datetime) -> None:
    """Store that a token was used, at most once a minute.

    A request must neither fail nor wait because of this: it does nothing if another transaction
    holds the row, it does not wait for the disk, and it only logs errors.
    """
    before = as_of - USE_PRECISION
    if token.last_used_at is not None and token.last_used_at > before:
        return
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=before)
    free = ApiToken.objects.select_for_update(skip_locked=True, no_key=True)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO OFF")
            rows = free.filter(is_due, pk=token.pk).values("pk")
            ApiToken.objects.filter(pk__in=rows).update(last_used_at=as_of)
    except DatabaseError as error:
        log.warning("use of a token not noted", error=str(error).partition("\n")[0])


def _new_key() -> str:
    return token_of([secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH)])
