"""Recipients: an email address or a webhook."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Cast, Concat


def recipient_key() -> models.GeneratedField:
    """Return the column that identifies a recipient, so that rows can be compared by one value.

    The database derives it from `email` and `webhook`. It is `webhook:` and an id for webhooks,
    and never read back: who needs the webhook uses `webhook`.
    """
    of_webhook = Concat(models.Value("webhook:"), Cast("webhook_id", models.TextField()))
    return models.GeneratedField(
        expression=models.Case(
            models.When(webhook__isnull=True, then=models.F("email")),
            default=of_webhook,
            output_field=models.CharField(max_length=254),
        ),
        output_field=models.CharField(max_length=254),
        db_persist=True,
    )


def one_recipient(model: str) -> models.CheckConstraint:
    """Return the constraint that a row has either an address or a webhook."""
    return models.CheckConstraint(
        name=f"{model}_of_one_recipient",
        condition=models.Q(webhook__isnull=True) ^ models.Q(email=""),
    )
