"""Emails to the administrators about the service itself.

They bypass the outbox, because the outbox may be the part that does not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext

import structlog

from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import plain_mail
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import User, Webhook
from compliance.models.system.jobs import Problem

log = structlog.get_logger(__name__)

_MAX_NAMED = 20


def administrators() -> list[str]:
    """Return the addresses of the active administrators."""
    people = User.objects.administrators().order_by("id")
    return list(people.values_list("email", flat=True))


def send(
    recipients: Sequence[str],
    *,
    subject: str,
    paragraphs: Sequence[str | Sequence[str]],
    name: str,
    mailer: Mailer | None = None,
) -> int:
    """Send an email to each recipient, and return how many were accepted.

    Args:
        paragraphs, name: see `plain_mail`.
        mailer: the connection to use instead of a new one.
    """
    count = 0
    with nullcontext(mailer) if mailer else closing(Mailer()) as connection:
        for place, recipient in enumerate(recipients):
            mail = plain_mail(
                to=recipient,
                subject=f"Pacta: {subject}",
                paragraphs=paragraphs,
                name=f"{name}.{place}",
            )
            answer = connection.send(mail)
            if answer.outcome is AttemptOutcome.SENT:
                count += 1
            else:
                log.error("administrator not notified", mail=name, answer=answer.text)
    return count


def problem_list(problems: Sequence[Problem]) -> list[str]:
    """Return the problems that a job found, as the lines of a list: the first, and a count."""
    named = problems[:_MAX_NAMED]
    lines = [f"- {each['about']} {each['id'] or ''}: {each['detail']}" for each in named]
    rest = len(problems) - len(named)
    return [*lines, f"- and {rest:,} more"] if rest else lines


def send_message_refusal(
    recipient: str,
    answer: str,
    *,
    message_id: int,
    is_gone: bool = False,
    mailer: Mailer | None = None,
) -> None:
    """Notify the administrators of a recipient that refuses a message.

    Args:
        is_gone: the webhook has been switched off, because its receiver says that it is gone.
    """
    webhook = Webhook.objects.filter(messages=message_id).first()
    subject, name = None, f"refused{message_id}"
    outlook = (
        "Nobody receives alerts at this address until it works again. Pacta will try it again "
        "with the next alert."
    )
    if webhook is None:
        failure = f"An email to {recipient} was refused, or deferred too often."
    elif is_gone:
        subject = f"webhook {webhook.name} was switched off"
        failure = (
            f"Webhook {webhook.name} answered that it is gone (410), so Pacta has switched it off "
            "and will not call it again."
        )
        outlook = (
            "Its subscriptions receive nothing. If the receiver has moved, correct the address of "
            "the webhook and activate it again; the messages that failed can then be sent again. "
            "Otherwise end its subscriptions."
        )
    else:
        subject = f"webhook {webhook.name} does not accept messages"
        failure = f"A message to webhook {webhook.name} failed too often, or was refused."
    send_refusal(recipient, answer, failure, outlook, subject=subject, name=name, mailer=mailer)


def send_refusal(
    recipient: str,
    answer: str,
    failure: str,
    outlook: str,
    *,
    name: str,
    subject: str | None = None,
    mailer: Mailer | None = None,
) -> None:
    """Notify the administrators of a refusal, except the recipient that refuses. See `send`.

    Args:
        failure, outlook: sentences that say what failed, and what follows from it.
    """
    send(
        [each for each in administrators() if each != recipient],
        subject=subject or f"email to {recipient} is refused",
        paragraphs=[f"{failure} The last answer was: {answer}", outlook],
        name=name,
        mailer=mailer,
    )
