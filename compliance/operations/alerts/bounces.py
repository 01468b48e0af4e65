"""Taking in mails that come back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance.delivery import bounces, outbox, refusals
from compliance.delivery.bounces import NoBounce
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import DeliveryAttempt, Message
from compliance.models.locks import for_update


def record(*, mail: bytes, as_of: datetime) -> Message:
    """Note that a mail of ours came back: at its message and its recipient's subscriptions.

    Believed is only who knows the Message-ID of a mail that was sent to the address: reports can
    be forged by anybody. The administrators are told once, until a mail has arrived in between.

    Raises:
        NoBounce: this is no report of a final failure, or of none of our mails, or known already.
    """
    bounce = bounces.read(mail)
    with transaction.atomic():
        message = for_update(
            Message.objects.filter(message_id=bounce.message_id, webhook__isnull=True)
        ).first()
        answer = bounce.answers.get(message.recipient.lower()) if message else None
        if message is None or answer is None:
            sentence = "No mail with this Message-ID went to the address that is said to refuse it."
            raise NoBounce(sentence)
        if message.state != MessageState.SENT.value:
            sentence = f"The message to {message.recipient} is {message.get_state_display()}."
            raise NoBounce(sentence)
        DeliveryAttempt.objects.create(
            message=message,
            started_at=as_of,
            ended_at=as_of,
            outcome=AttemptOutcome.REFUSED,
            answer=answer,
        )
        message.state = MessageState.REFUSED.value
        message.save(update_fields=["state"])
        is_news = outbox.mark_refused(message.recipient, answer=answer, as_of=as_of)
        is_news = is_news and not _came_back_before(message)
    if is_news:
        refusals.tell(message.recipient, answer=answer, message=message.pk)
    return message


def _came_back_before(message: Message) -> bool:
    """Whether the mail before this one did.

    A server that takes everything, and sends it back later, clears the mark with each mail.
    """
    ended = (MessageState.SENT.value, MessageState.REFUSED.value)
    before = Message.objects.filter(
        recipient=message.recipient, pk__lt=message.pk, state__in=ended
    ).order_by("-pk")
    return before.values_list("state", flat=True).first() == MessageState.REFUSED.value
