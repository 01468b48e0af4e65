"""Private calendar feeds: addresses from which a calendar reads the deadlines."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import models

from compliance.models.agreements.agreements import Agreement
from compliance.models.history import tracked


def token_hash(token: str) -> bytes:
    """What is stored of a feed's token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


@tracked
class Feed(models.Model):
    """An address that shows deadlines to whoever knows it, until it is revoked.

    Only a hash of the token in the address is stored: the address is shown once, when it is made.
    """

    name = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="feeds"
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.PROTECT, related_name="feeds"
    )
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name
