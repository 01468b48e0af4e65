"""Writing webhooks, their secrets, and sending by hand once more what did not arrive."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance.delivery import chats, webhooks
from compliance.domain.alerts.drafts import WebhookDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import MessageState, WebhookKind
from compliance.models import Message, Webhook
from compliance.models.locks import for_update


@transaction.atomic
def create(*, draft: WebhookDraft, as_of: datetime) -> Webhook:
    """Store a webhook, with a secret of its own if it is signed.

    Raises:
        Invalid: the name is taken, or the address must not be called.
    """
    _refuse(draft, None)
    is_signed = draft.kind is WebhookKind.STANDARD
    return Webhook.objects.create(
        name=draft.name,
        kind=draft.kind.value,
        url=draft.url,
        secret=webhooks.new_secret() if is_signed else "",
        is_active=draft.is_active,
        created_at=as_of,
    )


@transaction.atomic
def update(*, webhook: Webhook, draft: WebhookDraft) -> Webhook:
    """Change a webhook. Its secret stays.

    Raises:
        Invalid: as `create`; also if its kind differs.
    """
    if draft.kind.value != webhook.kind:
        raise refusal("kind", f"It stays what it is, {webhook.kind}: make another one.")
    _refuse(draft, webhook)
    webhook.name, webhook.url, webhook.is_active = draft.name, draft.url, draft.is_active
    webhook.save(update_fields=["name", "url", "is_active"])
    return webhook


@transaction.atomic
def rotate(*, webhook: Webhook, as_of: datetime) -> Webhook:
    """Give a webhook a new secret. The former one signs beside it for a day.

    Raises:
        Invalid: it is a chat, which has no secret of ours.
    """
    webhook = for_update(Webhook.objects.all()).get(pk=webhook.pk)
    if webhook.kind != WebhookKind.STANDARD.value:
        raise refusal("", "A chat has no secret to rotate: change its address.")
    webhook.former_secret = webhook.secret
    webhook.former_until = as_of + webhooks.ROTATION
    webhook.secret = webhooks.new_secret()
    webhook.save(update_fields=["secret", "former_secret", "former_until"])
    return webhook


@transaction.atomic
def redeliver(*, message: Message, as_of: datetime) -> Message:
    """Send a message once more, as it is now; it keeps its id, so that receivers can fold it.

    Raises:
        Invalid: it waits to be sent already, or nothing of it is true any more.
    """
    message = for_update(Message.objects.all()).get(pk=message.pk)
    if message.state == MessageState.WAITING.value:
        raise refusal("", "It waits to be sent already.")
    if not message.alerts.filter(withdrawn_at__isnull=True).exists():
        raise refusal("", "Nothing that it told is true any more.")
    message.state = MessageState.WAITING.value
    message.next_attempt_at = as_of
    # Not as if it had never been tried: somebody may have read it.
    message.attempt_count = 1
    message.save(update_fields=["state", "next_attempt_at", "attempt_count"])
    return message


def _refuse(draft: WebhookDraft, stored: Webhook | None) -> None:
    others = Webhook.objects.exclude(pk=stored.pk) if stored else Webhook.objects.all()
    if others.filter(name=draft.name).exists():
        raise refusal("name", f"There is a webhook {draft.name} already.")
    try:
        if draft.kind is WebhookKind.STANDARD:
            webhooks.refuse_unsafe(draft.url)
        else:
            chats.refuse_unknown(draft.url)
    except (webhooks.UnsafeAddress, chats.UnknownChat) as error:
        raise refusal("url", str(error)) from None
