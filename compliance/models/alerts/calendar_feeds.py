"""Calendar feeds: private addresses from which calendar programs read deadlines."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import models

from compliance.models.agreements.agreements import Agreement
from compliance.models.history import tracked_except


def token_hash(token: str) -> bytes:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


@tracked_except("token_hash")
class CalendarFeed(models.Model):
    """A private address that shows deadlines to anyone who knows it, until it is revoked.

    Only a hash of its token is stored, so the address is shown once, at creation.
    """

    name = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="calendar_feeds"
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.PROTECT, related_name="calendar_feeds"
    )
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name
