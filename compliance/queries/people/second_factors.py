"""Who must have a second factor to sign in, and who has one."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import QuerySet

from compliance.domain.vocabulary import Role
from compliance.models import User

# Recovery codes alone are not a second factor: they only replace one that was lost.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_required(user: User) -> bool:
    """Return whether `REQUIRE_MFA` applies to a user. Superusers count as administrators."""
    required: frozenset[Role] = settings.REQUIRE_MFA
    if not required:
        return False
    if required == frozenset(Role):
        return True
    is_root = user.is_superuser and Role.ADMINISTRATOR in required
    return is_root or bool(required & user.roles)


def is_missing(user: User) -> bool:
    """Return whether a user must have a second factor and has none."""
    return is_required(user) and not factors(user).exists()


def factors(user: User) -> QuerySet[Authenticator]:
    """Return the second factors of a user."""
    found: QuerySet[Authenticator] = Authenticator.objects.filter(user=user, type__in=_FACTORS)
    return found
