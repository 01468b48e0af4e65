"""Mail to the administrators about the service itself: straight to the mail server, past the
outbox, which may be what is broken."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import structlog

from compliance.delivery.carrier import Carrier
from compliance.delivery.letters import as_subject, sender_domain
from compliance.delivery.mime import Mail
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import User

log = structlog.get_logger(__name__)

_WIDTH = 76


def administrators() -> list[str]:
    """The addresses of those who look after the service."""
    people = User.objects.filter(is_superuser=True, is_active=True).order_by("id")
    return list(people.values_list("email", flat=True))


def tell(recipients: Sequence[str], *, subject: str, paragraphs: Sequence[str], name: str) -> int:
    """Mail a notice to each recipient; how many were taken. `name` makes its Message-ID."""
    body = "\n\n".join(
        textwrap.fill(one_line(each), _WIDTH, break_long_words=False, break_on_hyphens=False)
        for each in paragraphs
    )
    count = 0
    with Carrier() as carrier:
        for place, recipient in enumerate(recipients):
            mail = Mail(
                subject=as_subject(f"Pacta: {subject}"),
                body=f"{body}\n",
                to=[recipient],
                headers={
                    "Message-ID": f"<{name}.{place}@{sender_domain()}>",
                    "Auto-Submitted": "auto-generated",
                    "X-Auto-Response-Suppress": "All",
                },
            )
            answer = carrier.send(mail)
            if answer.outcome is AttemptOutcome.SENT:
                count += 1
            else:
                log.error("notice not mailed", notice=name, answer=answer.text)
    return count
