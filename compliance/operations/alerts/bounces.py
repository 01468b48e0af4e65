"""Record bounced email."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance.delivery import administrator_mails, outbox
from compliance.domain.alerts import bounces
from compliance.domain.alerts.bounces import NoBounce
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import DeliveryAttempt, Message
from compliance.models.locks import for_update


def record(*, mail: bytes, as_of: datetime) -> Message:
    """Record that an email bounced, on its message and on the subscriptions of its recipient.

    Anybody can forge a bounce, so the report must name the Message-ID of an email that was sent to
    the address. Administrators are notified once, and again only after an email has arrived in
    between.

    Args:
        mail: the bounce, as received.

    Raises:
        NoBounce: the email does not report a final failure, is not about an email of this
            installation, or was recorded before.
    """
    bounce = bounces.read(mail)
    with transaction.atomic():
        message = for_update(
            Message.objects.filter(message_id=bounce.message_id, webhook__isnull=True)
        ).first()
        answer = bounce.answers.get(message.recipient.lower()) if message else None
        if message is None or answer is None:
            sentence = "No email with this Message-ID was sent to the reported address."
            raise NoBounce(sentence)
        if message.state != MessageState.SENT.value:
            sentence = f"The message to {message.recipient} already has the state {message.state}."
            raise NoBounce(sentence)
        DeliveryAttempt.objects.create(
            message=message,
            started_at=as_of,
            ended_at=as_of,
            outcome=AttemptOutcome.REFUSED,
            answer=answer,
        )
        message.state = MessageState.FAILED.value
        message.save(update_fields=["state"])
        is_news = outbox.mark_refused(message.recipient, answer=answer, as_of=as_of)
        is_news = is_news and not _previous_failed(message)
    if is_news:
        administrator_mails.send_message_refusal(message.recipient, answer, message_id=message.pk)
    return message


def _previous_failed(message: Message) -> bool:
    """Return whether the previous email to the same recipient bounced, or failed, too.

    A server that accepts every email and bounces it later clears the mark each time.
    """
    ended = (MessageState.SENT.value, MessageState.FAILED.value)
    previous = Message.objects.filter(
        recipient=message.recipient, pk__lt=message.pk, state__in=ended
    ).order_by("-pk")
    return previous.values_list("state", flat=True).first() == MessageState.FAILED.value
