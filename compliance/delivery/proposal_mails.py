"""Emails about proposals, to the users who may approve them.

They do not pass through the outbox of alerts: an alert belongs to a subscription and is about a
breach or a due date, and an approver needs neither a subscription nor a silence. Their rows are an
outbox of their own, with the same rules: written with the proposal, claimed with a lease, marked
when the server has accepted the email.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import Error, transaction

from compliance.delivery import administrator_mails, links, pace
from compliance.delivery.answers import Answer, own_error
from compliance.delivery.items import due_date
from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import plain_mail
from compliance.delivery.senders import mail_retry_after
from compliance.domain import phrases
from compliance.domain.civil_periods import period_phrase
from compliance.domain.quantities import percent_text
from compliance.domain.vocabulary import AttemptOutcome, Precision, ProposalState
from compliance.models import Proposal, ProposalNotification
from compliance.models.people.readers import reader_of, reading_as
from compliance.models.visibility import visible_to

log = structlog.get_logger(__name__)

APPROVE = "compliance.approve_proposal"
_NOTE_LENGTH = 1_000


def notify_approvers(*, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Send the emails about open proposals that are due, and return how many were accepted.

    Any number of workers may run it at the same time. If the mail server cannot be reached, the
    run ends after one attempt.

    Args:
        is_stopping: asked before each email; the run ends when it returns True.
    """
    started = time.monotonic()
    count = 0
    if not ProposalNotification.objects.due(as_of).exists():
        return count
    with closing(Mailer()) as mailer:
        while not is_stopping():
            now = as_of + timedelta(seconds=time.monotonic() - started)
            notification = _claim(as_of=as_of, now=now)
            if notification is None:
                break
            proposal = _wanted(notification)
            if proposal is None:
                _finish(notification, next_attempt_at=None)
                continue
            answer = _send(notification, proposal, mailer)
            _record(notification, answer, now=now, mailer=mailer)
            count += answer.outcome is AttemptOutcome.SENT
            if answer.is_server_fault:
                break
    return count


@transaction.atomic
def _claim(*, as_of: datetime, now: datetime) -> ProposalNotification | None:
    """Claim the notification that has waited longest, on a lease that starts at `now`.

    None if there is none, or no more email may be sent in this minute.
    """
    limit = settings.MAILS_PER_MINUTE
    if limit and pace.given(is_mail=True, now=now).get(None, 0) >= limit:
        return None
    found = (
        ProposalNotification.objects.due(as_of)
        .select_related("user", "proposal")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("next_attempt_at", "id")
        .first()
    )
    if found is not None:
        found.attempt_count += 1
        _finish(found, next_attempt_at=now + pace.PROPOSAL_LEASE)
    return found


def _finish(
    notification: ProposalNotification,
    *,
    next_attempt_at: datetime | None,
    sent_at: datetime | None = None,
) -> None:
    notification.next_attempt_at, notification.sent_at = next_attempt_at, sent_at
    # Not `save`, which would insert the row again after a purge.
    ProposalNotification.objects.filter(pk=notification.pk).update(
        next_attempt_at=next_attempt_at,
        sent_at=sent_at,
        attempt_count=notification.attempt_count,
    )


def _wanted(notification: ProposalNotification) -> Proposal | None:
    """Return the proposal if it still waits for a decision, which this user may make and see.

    It is read under the row-level security of the user, with all that the email says about it.
    """
    user = notification.user
    if notification.proposal.state != ProposalState.OPEN.value or not user.has_perm(APPROVE):
        return None
    proposals = Proposal.objects.select_related(
        "proposed_by", "agreement", "deadline__obligation"
    ).filter(pk=notification.proposal_id)
    reader = reader_of(user)
    with reading_as(reader):
        return visible_to(proposals, reader).first()


def _send(notification: ProposalNotification, proposal: Proposal, mailer: Mailer) -> Answer:
    try:
        return mailer.send(_mail(notification, proposal))
    except Error:  # a database error, for which no email is to blame
        raise
    except Exception as error:
        return own_error(error, proposal=notification.proposal_id)


def _record(
    notification: ProposalNotification, answer: Answer, *, now: datetime, mailer: Mailer
) -> None:
    """Record an attempt. Administrators are notified when no other will follow a failed one."""
    if answer.outcome is AttemptOutcome.SENT:
        _finish(notification, next_attempt_at=None, sent_at=now)
        return
    wait = None
    if answer.outcome is AttemptOutcome.DEFERRED:
        wait = mail_retry_after(notification.attempt_count, answer)
    _finish(notification, next_attempt_at=None if wait is None else now + wait)
    recipient = notification.user.email
    log.error("approver not notified", proposal=notification.proposal_id, answer=answer.text)
    if wait is None:
        administrator_mails.send_refusal(
            recipient,
            answer.text,
            f"An email to {recipient} about proposal {notification.proposal_id} was refused, or "
            "deferred too often.",
            f"The proposal waits for approval: {_page(notification.proposal)}",
            name=f"refused.proposal{notification.proposal_id}.{notification.user_id}",
            mailer=mailer,
        )


def _page(proposal: Proposal) -> str:
    return links.url(links.pages().proposal(proposal.pk))


def _mail(notification: ProposalNotification, proposal: Proposal) -> EmailMessage:
    deadline, agreement = proposal.deadline, proposal.agreement
    obligation = None if deadline is None else deadline.obligation
    kind, draft = phrases.label(proposal.kind or proposal.change), proposal.draft
    reasons = draft.get("note") or draft.get("reason") or ""
    values = {
        "Agreement": agreement and f"{agreement.title} ({agreement.ref})",
        "Obligation": obligation and f"{obligation.title} ({obligation.ref})",
        "Due": deadline and due_date(deadline),
        "Status": deadline and phrases.label(deadline.status),
        "Proposed": f"{kind}{_details(draft) if proposal.kind else ''}",
        "Effect": proposal.effect,
        "Reasons": phrases.shortened(phrases.one_line(reasons), _NOTE_LENGTH),
    }
    what = "a change" if proposal.kind is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    about = obligation or agreement
    title = "" if about is None else f": {phrases.shortened(about.title, 80)}"
    ref = "" if agreement is None else f" ({agreement.ref})"
    return plain_mail(
        to=notification.user.email,
        subject=f"Pacta: {kind} proposed{title}{ref}",
        paragraphs=[
            f"{proposal.proposed_by} proposed {what} on {phrases.in_utc(proposal.proposed_at)}. It "
            "takes effect only if another person approves it.",
            [f"{name}: {value}" for name, value in values.items() if value],
            ["Approve or reject it here:", _page(proposal)],
            "You receive this email because you may approve other people's proposals.",
        ],
        name=f"proposal{proposal.pk}.{notification.user_id}",
    )


# The values of a draft that say what is proposed, with the words in front of them.
_DETAILS = {
    "verdict": "verdict",
    "share": "share",
    "quantity": "quantity",
    "successor": "replaced by",
    "supersedes": "instead of fact",
}


def _details(draft: dict[str, Any]) -> str:
    """Return when a proposed fact takes effect, and its values."""
    effective = _effective(draft)
    parts = [f"effective {effective}"] if effective else []
    if draft.get("share"):
        draft = {**draft, "share": percent_text(Decimal(str(draft["share"])))}
    parts += [
        f"{name} {phrases.label(str(draft[field]))}"
        for field, name in _DETAILS.items()
        if draft.get(field)
    ]
    if draft.get("is_final"):
        parts.append("final")
    return "".join(f", {part}" for part in parts)


def _effective(draft: dict[str, Any]) -> str:
    """Return when a proposed fact takes effect, as a day or period, or as an instant."""
    if draft.get("at"):
        return phrases.in_utc(datetime.fromisoformat(draft["at"]))
    if draft.get("on"):
        precision = Precision(draft.get("precision") or Precision.DAY)
        return period_phrase(date.fromisoformat(draft["on"]), precision)
    return ""
