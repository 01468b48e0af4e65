"""Set up a new installation."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from compliance.domain.problems import refusal
from compliance.models import Subscription, User


@transaction.atomic
def ensure_administrator(*, email: str, password: str | None) -> tuple[User, str | None]:
    """Return the administrator with this address; create them if there is none.

    A new administrator gets a subscription to all alerts.

    Args:
        email: the address, in any case.
        password: for a new administrator; generated if None.

    Returns:
        The user, and the password that was set; None if the user existed.

    Raises:
        Invalid: the password is easy to guess (at `password`).
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        return user, None
    if password is not None:
        try:
            validate_password(password, User(email=email))
        except ValidationError as error:
            raise refusal("password", " ".join(error.messages)) from None
    password = password or secrets.token_urlsafe(16)
    user = User.objects.create_superuser(email, password)
    if not Subscription.objects.filter(email=user.email, agreement=None).exists():
        Subscription.objects.create(email=user.email)
    return user, password
