"""Create and change webhooks, rotate their secrets, and resend messages on request."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance.delivery import chats, webhooks
from compliance.domain.alerts.drafts import WebhookDraft
from compliance.domain.alerts.webhook_urls import UnsafeAddress
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import MessageState, WebhookKind
from compliance.models import Message, User, Webhook
from compliance.models.locks import for_update


@transaction.atomic
def create(*, draft: WebhookDraft, by: User | None, as_of: datetime) -> Webhook:
    """Create a webhook. One that receives signed requests gets its own secret.

    Its owner is `by`, unless the draft names another user.

    Raises:
        Invalid: the name is taken, requests to the address are not allowed, or the owner does not
            exist or is another user and `by` is not an administrator.
    """
    _check(draft, None)
    is_signed = draft.kind is WebhookKind.STANDARD
    return Webhook.objects.create(
        name=draft.name,
        kind=draft.kind.value,
        url=draft.url,
        owner=_owner(draft, by=by) or by,
        secret=webhooks.new_secret() if is_signed else "",
        is_active=draft.is_active,
        created_at=as_of,
    )


@transaction.atomic
def update(*, webhook: Webhook, draft: WebhookDraft, by: User | None) -> Webhook:
    """Change a webhook. Its secret does not change, nor does its owner unless the draft names one.

    Raises:
        Invalid: as `create`; also if the kind differs.
    """
    if draft.kind.value != webhook.kind:
        sentence = f"The kind cannot change from {webhook.kind}. Create another webhook instead."
        raise refusal("kind", sentence)
    _check(draft, webhook)
    if draft.url != webhook.url or (draft.is_active and not webhook.is_active):
        webhook.paused_until = None
    webhook.name, webhook.url, webhook.is_active = draft.name, draft.url, draft.is_active
    owner = _owner(draft, by=by)
    if owner is not None and owner != webhook.owner:
        webhook.owner = owner
        webhook.subscriptions.update(owner=owner)
    webhook.save(update_fields=["name", "url", "is_active", "paused_until", "owner"])
    return webhook


@transaction.atomic
def rotate(*, webhook: Webhook, as_of: datetime) -> Webhook:
    """Give a webhook a new secret. For a day, requests are signed with the previous one too.

    Raises:
        Invalid: the webhook is a chat, which has no secret.
    """
    webhook = for_update(Webhook.objects.all()).get(pk=webhook.pk)
    if webhook.kind != WebhookKind.STANDARD.value:
        raise refusal("", "A chat has no secret to rotate. Change its address instead.")
    webhook.former_secret = webhook.secret
    webhook.former_until = as_of + webhooks.ROTATION
    webhook.secret = webhooks.new_secret()
    webhook.save(update_fields=["secret", "former_secret", "former_until"])
    return webhook


@transaction.atomic
def redeliver(*, message: Message, as_of: datetime) -> Message:
    """Send a message again, with its current content.

    It keeps its id, so that receivers can recognize the duplicate.

    Raises:
        Invalid: the message is already waiting to be sent, all its alerts were withdrawn, or they
            are about archived agreements.
    """
    message = for_update(Message.objects.all()).get(pk=message.pk)
    if message.state == MessageState.WAITING.value:
        raise refusal("", "This message is already waiting to be sent.")
    if not message.alerts.filter(withdrawn_at__isnull=True).exists():
        raise refusal("", "All alerts of this message were withdrawn.")
    if not message.alerts.filter(agreement__archived_at__isnull=True).exists():
        sentence = "Its agreement is archived. Restore the agreement to send the message again."
        raise refusal("", sentence)
    message.state = MessageState.WAITING.value
    message.next_attempt_at = as_of
    # Not 0: somebody may have read the message.
    message.attempt_count = 1
    message.save(update_fields=["state", "next_attempt_at", "attempt_count"])
    return message


def _owner(draft: WebhookDraft, *, by: User | None) -> User | None:
    """Return the owner that a draft names, or None if it names none.

    Raises:
        Invalid: at `owner`.
    """
    if draft.owner is None:
        return None
    owner = User.objects.filter(email__iexact=draft.owner).first()
    if by is not None and owner != by and not by.is_administrator:
        raise refusal("owner", "Only administrators can create webhooks for other users.")
    if owner is None:
        raise refusal("owner", f"No user has the address {draft.owner}: correct it.")
    return owner


def _check(draft: WebhookDraft, stored: Webhook | None) -> None:
    others = Webhook.objects.exclude(pk=stored.pk) if stored else Webhook.objects.all()
    if others.filter(name=draft.name).exists():
        raise refusal("name", f"Webhook {draft.name} already exists. Choose another name.")
    try:
        if draft.kind is WebhookKind.STANDARD:
            webhooks.refuse_unsafe(draft.url)
        else:
            chats.parse(draft.url)
    except (UnsafeAddress, chats.UnknownChat) as error:
        raise refusal("url", str(error)) from None
