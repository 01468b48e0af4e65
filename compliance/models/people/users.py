"""Users and their API tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from knox.models import AbstractAuthToken


class UserManager(BaseUserManager["User"]):
    """Creates users identified by their email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user. Without a password, nobody can sign in as this user."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user with every permission."""
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, **fields}
        )


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox carries no types
    """A person, identified by their email address."""

    username = None  # type: ignore[assignment]  # Django's own way to drop the inherited column
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            # Two users whose addresses differ only in case would share one mailbox.
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
        )

    def __str__(self) -> str:
        return self.email


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox carries no types
    """A named API key with the permissions of its user, optionally read-only."""

    name = models.CharField(max_length=200)
    is_read_only = models.BooleanField(default=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name"], name="apitoken_name"),)

    def __str__(self) -> str:
        return self.name
