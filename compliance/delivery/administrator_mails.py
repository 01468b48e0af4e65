"""Emails to the administrators about the service itself.

They bypass the outbox, because the outbox may be the part that does not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext

import structlog

from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import paragraph, render_plain_mail
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import User, Webhook

log = structlog.get_logger(__name__)


def administrators() -> list[str]:
    """Return the addresses of the active administrators."""
    people = User.objects.administrators().order_by("id")
    return list(people.values_list("email", flat=True))


def send(
    recipients: Sequence[str],
    *,
    subject: str,
    paragraphs: Sequence[str],
    name: str,
    mailer: Mailer | None = None,
) -> int:
    """Send an email to each recipient, and return how many were accepted.

    Args:
        paragraphs: those that begin with `- ` are items of a list.
        name: makes the Message-ID, so that a repetition has the same.
        mailer: the connection to use instead of a new one.
    """
    body = "\n\n".join(
        paragraph(each, indent="  " if each.startswith("- ") else "") for each in paragraphs
    )
    count = 0
    with nullcontext(mailer) if mailer else closing(Mailer()) as connection:
        for place, recipient in enumerate(recipients):
            answer = connection.send(
                render_plain_mail(
                    subject=f"Pacta: {subject}",
                    body=f"{body}\n",
                    recipient=recipient,
                    name=f"{name}.{place}",
                )
            )
            if answer.outcome is AttemptOutcome.SENT:
                count += 1
            else:
                log.error("administrator not notified", mail=name, answer=answer.text)
    return count


def send_refusal(
    recipient: str,
    answer: str,
    *,
    message_id: int,
    is_gone: bool = False,
    mailer: Mailer | None = None,
) -> None:
    """Notify the administrators of a recipient that refuses messages. See `send`.

    If the recipient is an administrator, it is left out.

    Args:
        is_gone: the webhook has been switched off, because its receiver says that it is gone.
    """
    webhook = Webhook.objects.filter(messages=message_id).first()
    outlook = (
        "Nobody receives alerts at this address until it works again. Pacta will try it again "
        "with the next alert."
    )
    if webhook is None:
        subject = f"email to {recipient} is refused"
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
    send(
        [each for each in administrators() if each != recipient],
        subject=subject,
        paragraphs=[
            f"{failure} The last answer was: {answer}",
            outlook,
        ],
        name=f"refused{message_id}",
        mailer=mailer,
    )
