"""Counts of attempts to sign in, and requests for password links."""

from __future__ import annotations

from django.db import models


class AttemptCount(models.Model):
    """How often something was tried until `ends_at`.

    The key is a keyed hash, so that the table names neither accounts nor addresses.
    """

    key = models.BinaryField(max_length=32, unique=True, editable=False)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = (
            # Read when expired counts are deleted.
            models.Index(fields=["ends_at"], name="attemptcount_ends_at"),
        )

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at:%Y-%m-%d %H:%M}Z"


class PasswordLinkRequest(models.Model):
    """A request for a password link, until the delivery worker has dealt with it.

    It is stored whether or not there is such an account, so that the response reveals nothing.
    """

    email = models.CharField(max_length=254)
    requested_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.email}, {self.requested_at:%Y-%m-%d %H:%M}Z"
