"""Making and revoking the tokens of the API."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.problems import refusal
from compliance.models import ApiToken, User


@transaction.atomic
def create_token(*, name: str, user: User, is_read_only: bool) -> str:
    """Make a token that acts for `user`; only its hash is stored, so this is its one showing.

    Raises:
        Invalid: the name is empty, too long or taken.
    """
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise refusal("name", "Give the token a name of 1 to 200 printable characters.")
    if ApiToken.objects.filter(name=name).exists():
        raise refusal("name", f"There is already a token {name}: choose another name.")
    _, token = ApiToken.objects.create(user=user, name=name, is_read_only=is_read_only)
    return str(token)


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """Make a token useless, at once and for good."""
    token.delete()
