"""Samples: a test that an address can be reached, and a preview of what it would be told.

Nothing of it goes through the outbox, and none of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import orjson
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from compliance.delivery import contents, letters, links, outbox, payloads
from compliance.delivery.carrier import Answer, Carrier
from compliance.delivery.contents import Contents, Item
from compliance.delivery.run import call
from compliance.domain import phrases
from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    BreachEnd,
    Rhythm,
    WebhookKind,
)
from compliance.models import Breach, Message, Subscription, Webhook
from compliance.models.alerts.followers import concerns, covers

# So many messages are looked at for one that still has something to tell.
_LOOKED_AT = 5
# So many breaches a digest gathers in a preview.
_GATHERED = 5
_NOWHERE = "/preview"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a recipient would be told. `origin` says what it is made of; of what goes to a web
    address there is no `html`."""

    origin: str
    subject: str
    text: str
    html: str = ""


def send(subscription: Subscription, *, as_of: datetime) -> Answer:
    """Send a test to whom a subscription tells: a mail, a signed call, or a line in a chat.

    Returns how it ended. Never raises what the other side gives cause for. An address that takes
    it counts as refused no more.
    """
    told = _sample(subscription, as_of)
    if subscription.webhook is not None:
        return call(subscription.webhook, told, now=as_of, event=payloads.TEST)
    with Carrier() as carrier:
        answer = carrier.send(letters.letter(told))
    if answer.outcome is AttemptOutcome.SENT:
        outbox.mark_reached({subscription.email: as_of})
    return answer


def preview(subscription: Subscription, *, as_of: datetime) -> Preview:
    """What a subscription's recipient would get at `as_of`: the newest message once more, or else
    what the newest breaches that it follows would bring, or else an example.

    Its links do nothing: whoever looks at a preview is not its recipient.
    """
    origin, told = _newest(subscription, as_of)
    told = replace(
        told,
        unsubscribe_path=_NOWHERE,
        items=tuple(
            replace(item, acknowledge_path=item.acknowledge_path and _NOWHERE)
            for item in told.items
        ),
    )
    if subscription.webhook is not None:
        subject, text = _as_called(subscription.webhook, told, as_of)
        return Preview(origin=origin, subject=subject, text=text)
    mail = letters.letter(told)
    html, _ = mail.alternatives[0]
    return Preview(origin=origin, subject=str(mail.subject), text=str(mail.body), html=str(html))


def _as_called(webhook: Webhook, told: Contents, as_of: datetime) -> tuple[str, str]:
    if webhook.kind == WebhookKind.CHAT.value:
        return letters.subject(told), payloads.chat_text(told)
    values = orjson.loads(payloads.payload(told, told_at=as_of))
    return "", orjson.dumps(values, option=orjson.OPT_INDENT_2).decode()


def _newest(subscription: Subscription, as_of: datetime) -> tuple[str, Contents]:
    about = Q()
    if subscription.agreement_id is not None:
        about = Q(agreement=subscription.agreement_id) | Q(agreement__isnull=True)
    newest = Message.objects.filter(about, recipient=subscription.recipient).order_by("-id")
    ids = list(newest.values_list("id", flat=True)[:_LOOKED_AT])
    found = contents.read(ids, as_of=as_of)
    if found:
        return "The newest message to this recipient, as it would be sent now.", found[max(found)]
    is_digest = subscription.rhythm != Rhythm.AT_ONCE.value
    breaches = list(_followed(subscription)[: _GATHERED if is_digest else 1])
    if not breaches:
        return "An example: nothing that it follows was missed yet.", _sample(subscription, as_of)
    told = contents.of_breaches(
        breaches, recipient=subscription.recipient, is_digest=is_digest, as_of=as_of
    )
    return "What was missed last of what it follows. No message was made of it yet.", told


def _followed(subscription: Subscription) -> QuerySet[Breach]:
    """The breaches that a subscription follows, the newest first, whenever it was made."""
    ids = RawSQL(_FOLLOWED, [subscription.pk])  # noqa: S611  it takes the key as a parameter
    found = Breach.objects.filter(pk__in=ids).exclude(end_reason=BreachEnd.VOIDED.value)
    return found.select_related("deadline__agreement").order_by("-occurred_at", "-id")


_FOLLOWED = f"""
    SELECT b.id
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id
    JOIN compliance_subscription AS s ON s.id = %s
    WHERE {concerns("s", agreement="d.agreement_id")}
      AND {covers("s", obligation="d.obligation_id")}
"""


def _sample(subscription: Subscription, as_of: datetime) -> Contents:
    """An example of what the subscription's recipient will be told, and which says that it is."""
    agreement = subscription.agreement
    title = phrases.one_line(agreement.title) if agreement else "An example agreement"
    zone, email = subscription.timezone, subscription.email
    due_at = as_of.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    item = Item(
        deadline_id=0,
        kind=AlertKind.MISSED.value,
        standing="test",
        agreement=title,
        acknowledge_path="",
        headline="Test",
        tone="plain",
        title="This is how Pacta tells of a missed deadline",
        ref="EX-1",
        severity=subscription.min_severity,
        obligors="Example Supplier (SUP)",
        obligors_briefly="Example Supplier",
        obligees="Example Buyer (BUY)",
        due_label="Was due",
        due=f"{phrases.moment(due_at, zone)} ({zone})",
        due_utc=phrases.in_utc(due_at) if zone != "UTC" else "",
        due_elsewhere=(),
        first_due="",
        grace="",
        course="Nothing is missed: this only shows that Pacta can reach you.",
        note="",
        why="",
        clause="Art. 3(1)",
        quote="The supplier shall deliver the goods by the date agreed.",
        words=(),
        is_disputed=False,
        evidence="none on record",
        path="/admin/",
    )
    return Contents(
        recipient=subscription.recipient,
        message_id=f"<{uuid4().hex}@{letters.sender_domain()}>",
        thread="test",
        references=(),
        agreement=title,
        agreement_ref=agreement.ref if agreement else "",
        is_digest=False,
        unsubscribe_path=(
            links.unsubscribe_path(email, subscription.agreement_id) if email else ""
        ),
        counts={item.standing: 1},
        items=(item,),
        list_path="/admin/compliance/deadline/",
    )
