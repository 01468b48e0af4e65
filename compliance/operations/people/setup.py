"""What a new installation needs before anyone can use it."""

from __future__ import annotations

import secrets

from django.db import transaction

from compliance.models import Subscription, User


@transaction.atomic
def ensure_administrator(*, email: str, password: str | None) -> tuple[User, str | None]:
    """The administrator with that address; made, and subscribed to everything, if there is none.

    Returns the user and the password that was set, or None when the user was there already.
    Without `password` one is made.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        return user, None
    password = password or secrets.token_urlsafe(12)
    user = User.objects.create_superuser(email, password)
    if not Subscription.objects.filter(email=user.email, agreement=None).exists():
        Subscription.objects.create(email=user.email)
    return user, password
