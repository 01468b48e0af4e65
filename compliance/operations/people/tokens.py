"""Create and revoke API tokens."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.problems import refusal
from compliance.models import ApiToken, User


@transaction.atomic
def create_token(*, name: str, user: User, is_read_only: bool) -> str:
    """Create a token that acts for `user`, and return it. Only its hash is stored.

    Raises:
        Invalid: the name is empty, too long or taken.
    """
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise refusal("name", "Give the token a name of 1 to 200 printable characters.")
    if ApiToken.objects.filter(name=name).exists():
        raise refusal("name", f"Token {name} already exists. Choose another name.")
    _, token = ApiToken.objects.create(user=user, name=name, is_read_only=is_read_only)
    return str(token)


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """Revoke a token immediately and permanently."""
    token.delete()
