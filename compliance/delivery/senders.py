"""The two channels: email, and webhooks with chats.

`prepare` does everything about a message that needs no server, and returns a function that sends
the message at a given instant. This function never raises because of a failing receiver or server.
`retry_after` says how long after a deferral the next attempt follows, or None to give up.
`per_minute` is the most messages per minute, for all email or each webhook; 0 means any number.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from compliance.delivery import chats, outbox, payloads, rendering, webhooks
from compliance.delivery.answers import Answer
from compliance.delivery.contents import Contents
from compliance.delivery.mailer import Mailer, is_address
from compliance.delivery.outbox import Claim
from compliance.domain.vocabulary import AttemptOutcome, WebhookKind
from compliance.models import Webhook

# How long to wait after the first, second, ... attempt; the last is repeated.
BACK_OFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
# About five days, as is usual for mail servers. Faults of our own mail server do not count.
MAX_ATTEMPTS = 24
# A message is not at fault when the server is down, so it is sent soon after the server returns.
MAX_WAIT_FOR_SERVER = timedelta(minutes=2)


Send = Callable[[datetime], Answer]


def mail_retry_after(attempt_count: int, answer: Answer) -> timedelta | None:
    """Return how long after a deferral an email is tried again, or None to give up."""
    wait = BACK_OFF[min(attempt_count, len(BACK_OFF)) - 1]
    if answer.is_server_fault:
        return min(wait, MAX_WAIT_FOR_SERVER)
    return wait if attempt_count < MAX_ATTEMPTS else None


class MailSender:
    """Sends emails over one connection."""

    def __init__(self, mailer: Mailer) -> None:
        self.is_mail = True
        self.per_minute: int = settings.MAILS_PER_MINUTE
        self._mailer = mailer

    def prepare(self, contents: Contents, *, message_id: int) -> Send:  # noqa: ARG002 -- one signature for all senders
        mail = rendering.render_mail(contents)
        if is_address(contents.recipient):  # others are refused when they are sent
            mail.prepare()
        return lambda _now: self._mailer.send(mail)

    def retry_after(self, claim: Claim, answer: Answer) -> timedelta | None:
        return mail_retry_after(claim.attempt_count, answer)


class WebhookSender:
    """Calls webhooks and writes to chats."""

    def __init__(self) -> None:
        self.is_mail = False
        self.per_minute: int = settings.WEBHOOK_CALLS_PER_MINUTE

    def prepare(self, contents: Contents, *, message_id: int) -> Send:
        def send(now: datetime) -> Answer:
            webhook = Webhook.objects.filter(messages=message_id).first()
            if webhook is None:
                return Answer(outcome=AttemptOutcome.REFUSED, text="This webhook was deleted.")
            answer = call_webhook(webhook, contents, now=now)
            if answer.is_gone:
                outbox.switch_off(webhook)
            if answer.retry_after is not None:
                outbox.pause(webhook, until=now + answer.retry_after)
            return answer

        return send

    def retry_after(self, claim: Claim, answer: Answer) -> timedelta | None:
        wait = webhooks.next_attempt_after(claim.attempt_count)
        if wait is None or answer.retry_after is None:
            return wait
        return max(wait, answer.retry_after)


Sender = MailSender | WebhookSender


def call_webhook(
    webhook: Webhook, contents: Contents, *, now: datetime, event: str = payloads.ALERTS
) -> Answer:
    """Call a webhook, or write to a chat, once. Never raises because of a failing receiver."""
    if not webhook.is_active:
        return Answer(outcome=AttemptOutcome.REFUSED, text="This webhook is switched off.")
    if webhook.kind == WebhookKind.CHAT.value:
        title, body = rendering.subject(contents), payloads.chat_text(contents)
        return chats.notify(url=webhook.url, title=title, body=body)
    secrets = [webhook.secret]
    if webhook.former_until is not None and now < webhook.former_until:
        secrets.append(webhook.former_secret)
    return webhooks.post(
        url=webhook.url,
        secrets=secrets,
        message_id=contents.message_id.strip("<>"),
        payload=payloads.payload(contents, sent_at=now, event=event),
        now=now,
    )
