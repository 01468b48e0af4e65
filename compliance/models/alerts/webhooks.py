"""Webhooks and chats that receive alerts."""

from __future__ import annotations

from django.db import models

from compliance.domain.vocabulary import (
    WebhookKind,
)
from compliance.models.choices import choice_field, one_of


class Webhook(models.Model):
    """A web address that can be told of alerts: a receiver of webhooks, or a chat.

    Not tracked: its history would keep secrets that were rotated away.
    """

    name = models.CharField(max_length=200, unique=True)
    kind = choice_field(WebhookKind, default=WebhookKind.STANDARD)
    url = models.CharField(max_length=2000, help_text="Of a chat, it holds a secret.")
    secret = models.CharField(max_length=100, blank=True, default="")
    former_secret = models.CharField(
        max_length=100, blank=True, default="", help_text="Signs too, until `former_until`."
    )
    former_until = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        constraints = (one_of("kind", WebhookKind),)

    def __str__(self) -> str:
        return self.name
