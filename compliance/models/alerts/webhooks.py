"""Webhooks and chats that receive alerts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from compliance.domain.vocabulary import (
    WebhookKind,
)
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked_except


# The address of a chat is a secret as well.
@tracked_except("paused_until", secrets=("url", "secret", "former_secret"))
class Webhook(models.Model):
    """A web address that receives alerts: a webhook receiver or a chat."""

    name = models.CharField(max_length=200, unique=True)
    kind = choice_field(WebhookKind, default=WebhookKind.STANDARD)
    url = models.CharField(max_length=2000, help_text="The address of a chat contains a secret.")
    secret = models.CharField(max_length=100, blank=True, default="")
    former_secret = models.CharField(
        max_length=100, blank=True, default="", help_text="Also signs, until `former_until`."
    )
    former_until = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(
        null=True, help_text="Nothing is sent before this, because the receiver asked for a pause."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="webhooks",
        help_text="It receives only what its owner may see. Without one: what everyone sees.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        constraints = (one_of("kind", WebhookKind),)

    def __str__(self) -> str:
        return self.name
