"""Loading messages: the contents of stored messages, and of the message that breaches would bring.

Contents are read at the time of sending, so that a message is true when it is sent. The number of
queries depends neither on how many messages are loaded nor on how many alerts they contain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from compliance.delivery import links
from compliance.delivery.contents import Cause, Contents
from compliance.delivery.deadlines import Histories, load_deadlines
from compliance.delivery.items import item
from compliance.delivery.sentences import counts_by_label, is_achieve, label
from compliance.domain import civil_time, phrases
from compliance.domain.alerts.intents import DeadlineEntry
from compliance.domain.vocabulary import AlertKind, Announcement, Status
from compliance.models import Agreement, Breach, Deadline, Message, Subscription
from compliance.models.alerts import followers, recipient_readers, reported_alerts
from compliance.models.alerts.reported_alerts import AlertRow
from compliance.models.people.readers import Reader, reading_as

# The first items quote the obligation at length. With more, mail programs would cut the email off.
QUOTED_AT_LENGTH = 10
LONG_QUOTE, SHORT_QUOTE = 2_000, 280
_PREVIEW_ID = "<preview@localhost>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Messages loaded together. A message that has nothing left to report is left out."""

    as_of: datetime
    messages: Mapping[int, Message]
    alerts: Mapping[int, Sequence[AlertRow]]
    counts: Mapping[int, dict[str, int]]
    deadlines: Mapping[int, Deadline]
    histories: Histories
    references: Mapping[int, tuple[str, ...]]
    zones: Mapping[str, str]
    causes: Mapping[int, Sequence[Subscription]]

    def contents(self, message_id: int) -> Contents:
        """Return the contents of a message, without further queries.

        Contents are created on demand: those of hundreds of long messages would fill the memory.
        """
        message, alerts = self.messages[message_id], self.alerts[message_id]
        is_digest = message.agreement_id is None and not message.is_summary
        agreement = self._agreement(message, alerts)
        return Contents(
            recipient=message.recipient,
            message_id=message.message_id,
            thread=_thread(message, alerts),
            references=self.references.get(message_id, ()),
            agreement=self._title(message, agreement),
            agreement_ref=agreement.ref if agreement else "",
            is_digest=is_digest,
            is_summary=message.is_summary,
            unsubscribe_path=links.unsubscribe_path(
                message.recipient, [each.pk for each in self.causes.get(message_id, ())]
            ),
            causes=tuple(map(cause, self.causes.get(message_id, ()))),
            counts=self.counts[message_id],
            items=tuple(
                item(
                    alert,
                    self.deadlines[alert.deadline_id],
                    self.histories,
                    as_of=self.as_of,
                    zone=self.zones.get(message.recipient),
                    quote_length=LONG_QUOTE if place < QUOTED_AT_LENGTH else SHORT_QUOTE,
                )
                for place, alert in enumerate(alerts)
            ),
            list_path=links.pages().deadlines(agreement.pk if agreement else None),
        )

    def _agreement(self, message: Message, alerts: Sequence[AlertRow]) -> Agreement | None:
        """Return the agreement of a message, or None if it may be about several."""
        found = {self.deadlines[alert.deadline_id].agreement for alert in alerts}
        if message.agreement_id is not None:
            return next(iter(found))
        is_whole = sum(self.counts[message.pk or 0].values()) == len(alerts)
        return next(iter(found)) if message.is_summary and is_whole and len(found) == 1 else None

    def _title(self, message: Message, agreement: Agreement | None) -> str:
        if agreement is not None:
            return phrases.title(agreement.title)
        return "several agreements" if message.is_summary else "your digest"


class HiddenFromRecipient(Exception):
    """Row-level security hides some of what a message reports from its recipient."""

    def __init__(self) -> None:
        super().__init__(
            "row-level security hides some of what this message reports from its recipient"
        )


def load_for_recipients(
    message_ids: Sequence[int], *, clock: Callable[[], datetime]
) -> Iterator[tuple[list[int], Batch | HiddenFromRecipient]]:
    """Yield messages, each read under the row-level security of its recipient.

    Those of recipients who see the same are read together. A message is sent as a whole or not at
    all, because its alerts count as sent with it: if none of the readers as which the recipient
    reads sees all of them, it is yielded with an error. `outbox.split` may make it readable.

    Args:
        clock: returns the current time.

    Raises:
        django.db.Error: the database fails, or refuses to change the reader.
    """
    counts = reported_alerts.count_alerts(message_ids)
    for readers, members in recipient_readers.by_readers(message_ids):
        hidden = [pk for pk in members if pk in counts]
        for reader in readers:
            if hidden:
                whole, batch = _load_as(reader, hidden, counts, as_of=clock())
                hidden = [pk for pk in hidden if pk not in whole]
                yield whole, batch
        if hidden:
            yield hidden, HiddenFromRecipient()


def _load_as(
    reader: Reader, message_ids: Sequence[int], counts: Mapping[int, int], *, as_of: datetime
) -> tuple[list[int], Batch]:
    """Return those messages of which a reader sees all alerts. `counts` are how many there are."""
    # Within one transaction, the reader is set only once.
    with reading_as(reader), transaction.atomic():
        seen = reported_alerts.count_alerts(message_ids)
        whole = [pk for pk in message_ids if seen.get(pk) == counts[pk]]
        return whole, load(whole, as_of=as_of)


def load(message_ids: Sequence[int], *, as_of: datetime) -> Batch:
    """Return messages with everything that they report."""
    alerts, counts = reported_alerts.load_alerts(message_ids)
    messages = Message.objects.in_bulk(list(alerts))
    deadline_ids = {alert.deadline_id for each in alerts.values() for alert in each}
    return Batch(
        as_of=as_of,
        messages=messages,
        alerts=alerts,
        counts={message_id: counts_by_label(each) for message_id, each in counts.items()},
        deadlines=load_deadlines(deadline_ids),
        histories=Histories.load(deadline_ids),
        references=reported_alerts.earlier_message_ids(message_ids),
        zones=_zones({message.recipient for message in messages.values()}),
        causes=followers.causes(list(messages)),
    )


def contents_about(
    breaches: Sequence[Breach], *, subscription: Subscription, is_digest: bool, as_of: datetime
) -> Contents:
    """Return the contents of a message that reports these breaches for the first time.

    Nothing is stored. Unless it is a digest, all breaches are of one agreement.

    Args:
        breaches: at least one.
    """
    recipient = subscription.recipient
    deadlines = load_deadlines(breach.deadline_id for breach in breaches)
    alerts = [
        AlertRow(
            message_id=0,
            kind=AlertKind.RECOVERED if breach.ended_at else AlertKind.MISSED,
            deadline_id=breach.deadline_id,
            occurred_at=breach.occurred_at,
            detected_at=breach.detected_at,
            ended_at=breach.ended_at,
            end_reason=breach.end_reason,
            predates_entry=_predates_entry(breach, deadlines[breach.deadline_id]),
            is_partly_met=deadlines[breach.deadline_id].status == Status.PARTLY_MET,
        )
        for breach in breaches
    ]
    labels = Counter(
        label(alert, is_achieve=is_achieve(deadlines[alert.deadline_id])) for alert in alerts
    )
    agreement = None if is_digest else deadlines[breaches[0].deadline_id].agreement
    batch = Batch(
        as_of=as_of,
        messages={0: Message(recipient=recipient, agreement=agreement, message_id=_PREVIEW_ID)},
        alerts={0: alerts},
        counts={0: dict(labels)},
        deadlines=deadlines,
        histories=Histories.load(deadlines),
        references={},
        zones=_zones([recipient]),
        causes={0: [subscription]},
    )
    return batch.contents(0)


def cause(subscription: Subscription) -> Cause:
    """Return what a subscription follows, and the path where it is ended."""
    path = links.unsubscribe_path(subscription.email, [subscription.pk])
    return Cause(follows=phrases.one_line(subscription.follows), unsubscribe_path=path)


def _thread(message: Message, alerts: Sequence[AlertRow]) -> str:
    """Return the key by which mail programs group messages: the deadline, or else the agreement."""
    if len(alerts) == 1:
        return f"deadline-{alerts[0].deadline_id}"
    if message.is_summary:
        return f"summary-{message.pk}"
    return f"agreement-{message.agreement_id}" if message.agreement_id else "digest"


def _predates_entry(breach: Breach, deadline: Deadline) -> bool:
    entry = DeadlineEntry(deadline.entered_at, Announcement(deadline.announcement))
    return entry.predates(breach.occurred_at)


def _zones(recipients: Iterable[str]) -> dict[str, str]:
    """Return the time zones of the recipients who have set one."""
    subscriptions = Subscription.objects.filter(email__in=recipients, is_active=True)
    known = civil_time.zone_names()
    found = subscriptions.exclude(timezone="UTC").order_by("-id").values_list("email", "timezone")
    return {email: zone for email, zone in found if zone in known}
