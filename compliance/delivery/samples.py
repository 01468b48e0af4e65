"""Test messages, and previews of what a subscription's recipient would receive.

They bypass the outbox, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import orjson
from django.db.models import Q

from compliance.delivery import links, messages, outbox, payloads, rendering
from compliance.delivery.answers import Answer
from compliance.delivery.contents import Contents, Item, Row
from compliance.delivery.mailer import Mailer
from compliance.delivery.senders import call_webhook
from compliance.domain import phrases
from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    NotificationFrequency,
    WebhookKind,
)
from compliance.models import Breach, Message, Subscription
from compliance.models.alerts import recipient_readers, reported_alerts, withdrawals
from compliance.models.alerts.followers import followed_breaches
from compliance.models.people.readers import reading_as

# How many recent messages are searched for one that still has something to report.
_MAX_SEARCHED = 5
# How many breaches the preview of a digest contains.
_MAX_IN_DIGEST = 5
_NOWHERE = "/preview"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a recipient would receive. `origin` says what it is made of.

    Webhooks have no `html`, and no `subject` unless they are chats.
    """

    origin: str
    subject: str
    text: str
    html: str = ""


def send(subscription: Subscription, *, as_of: datetime) -> Answer:
    """Send a test to the recipient of a subscription and return the answer.

    Never raises because of a failing recipient or server. An address that accepts the test no
    longer counts as refusing email.
    """
    contents = _sample(subscription, as_of)
    if subscription.webhook is not None:
        return call_webhook(subscription.webhook, contents, now=as_of, event=payloads.TEST)
    with closing(Mailer()) as mailer:
        answer = mailer.send(rendering.render_mail(contents))
    if answer.outcome is AttemptOutcome.SENT:
        outbox.mark_reached({subscription.email: as_of})
    return answer


def preview(subscription: Subscription, *, as_of: datetime) -> Preview:
    """Return what the recipient of a subscription would receive at `as_of`.

    This is the newest message again, or a message about the newest breaches that the subscription
    follows, or an example. Its links do nothing: whoever looks at it is not the recipient.
    """
    origin, contents = _newest(subscription, as_of)
    contents = replace(
        contents,
        unsubscribe_path=_NOWHERE,
        causes=tuple(replace(each, unsubscribe_path=_NOWHERE) for each in contents.causes),
        items=tuple(
            replace(item, acknowledge_path=item.acknowledge_path and _NOWHERE)
            for item in contents.items
        ),
    )
    subject = rendering.subject(contents)
    if subscription.webhook is not None and subscription.webhook.kind == WebhookKind.CHAT.value:
        return Preview(origin=origin, subject=subject, text=payloads.chat_text(contents))
    if subscription.webhook is not None:
        values = orjson.loads(payloads.payload(contents, sent_at=as_of))
        text = orjson.dumps(values, option=orjson.OPT_INDENT_2).decode()
        return Preview(origin=origin, subject="", text=text)
    mail = rendering.render_mail(contents)
    html, _ = mail.alternatives[0]
    return Preview(origin=origin, subject=subject, text=str(mail.body), html=str(html))


def _newest(subscription: Subscription, as_of: datetime) -> tuple[str, Contents]:
    about = Q()
    if subscription.agreement_id is not None:
        about = Q(agreement=subscription.agreement_id) | Q(agreement__isnull=True)
    newest = Message.objects.filter(about, recipient=subscription.recipient).order_by("-id")
    ids = set(newest.values_list("id", flat=True)[:_MAX_SEARCHED])
    ids = _seen_by_recipient(ids - withdrawals.forbidden(ids))
    batch = messages.load(sorted(ids), as_of=as_of)
    if batch.messages:
        contents = batch.contents(max(batch.messages))
        return "The newest message to this recipient, as it would be sent now.", contents
    is_digest = subscription.frequency != NotificationFrequency.IMMEDIATE.value
    followed = followed_breaches(subscription)[: _MAX_IN_DIGEST if is_digest else 1]
    breaches = _existing_for_recipient(subscription, list(followed))
    if not breaches:
        sample = _sample(subscription, as_of)
        return "An example: nothing that this subscription follows has been missed yet.", sample
    contents = messages.contents_about(
        breaches, subscription=subscription, is_digest=is_digest, as_of=as_of
    )
    return (
        "The newest breaches that this subscription follows. No message has been sent yet.",
        contents,
    )


def _seen_by_recipient(message_ids: set[int]) -> set[int]:
    """Return those messages of which row-level security hides nothing from their recipients.

    They are read on behalf of whoever looks at the preview, who may see less than the recipient.
    """
    counts = reported_alerts.count_alerts(sorted(message_ids))
    found: set[int] = set()
    for readers, ids in recipient_readers.by_readers(sorted(counts)):
        for reader in readers:
            with reading_as(reader):
                seen = reported_alerts.count_alerts(ids)
            found |= {pk for pk in ids if seen.get(pk, 0) >= counts[pk]}
    return found


def _existing_for_recipient(
    subscription: Subscription, breaches: Sequence[Breach]
) -> Sequence[Breach]:
    """Return those breaches that row-level security shows to the recipient of a subscription."""
    existing: set[int] = set()
    for reader in recipient_readers.readers_of(subscription):
        with reading_as(reader):
            seen = Breach.objects.filter(pk__in=[each.pk for each in breaches])
            existing.update(seen.values_list("pk", flat=True))
    return [each for each in breaches if each.pk in existing]


def _sample(subscription: Subscription, as_of: datetime) -> Contents:
    """Return a message about an invented deadline, which says that it is a test."""
    receivable = Subscription.objects.receivable().filter(pk=subscription.pk).exists()
    exists = bool(recipient_readers.existing_for_recipients([subscription]))
    may_name = receivable and exists
    agreement = subscription.agreement if may_name else None
    title = phrases.title(agreement.title) if agreement else "An example agreement"
    zone, email = displayed_zone_name(subscription.timezone), subscription.email
    due_at = as_of.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    due = [f"{phrases.local_instant(due_at, zone)} ({zone})"]
    if zone != "UTC":
        due.append(phrases.in_utc(due_at))
    item = Item(
        deadline_id=0,
        kind=AlertKind.MISSED.value,
        label="test",
        headline="Test",
        tone="plain",
        title="This is how Pacta reports a missed deadline",
        ref="EX-1",
        agreement=title,
        severity=subscription.min_severity,
        obligors="Example Supplier (SUP)",
        obligors_short="Example Supplier",
        obligees="Example Buyer (BUY)",
        dates=(Row("Was due", tuple(due)),),
        situation="Nothing was missed: this is only a test that Pacta can reach you.",
        clause="Art. 3(1)",
        quote="The supplier shall deliver the goods by the date agreed.",
        evidence="none on record",
        path=links.pages().home(),
    )
    return Contents(
        recipient=subscription.recipient,
        message_id=f"<{uuid4().hex}@{rendering.sender_domain()}>",
        thread="test",
        agreement=title,
        agreement_ref=agreement.ref if agreement else "",
        is_digest=False,
        unsubscribe_path=(links.unsubscribe_path(email, [subscription.pk]) if email else ""),
        causes=(messages.cause(subscription),) if may_name else (),
        counts={item.label: 1},
        items=(item,),
        list_path=links.pages().deadlines(None),
    )
