"""Emails about integrity: daily seals to their archive, and findings to the administrators."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from compliance.delivery import administrator_mails, links
from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import paragraph, render_plain_mail
from compliance.domain.phrases import counted
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import JobRun, Seal

log = structlog.get_logger(__name__)

_MAX_NAMED = 20


def mail_seals(*, as_of: datetime) -> int:
    """Mail all unsent seals to `SEAL_EMAIL`, oldest first, and return how many were sent.

    Stops at the first seal that the server does not accept; the next call continues there. A
    repeated email has the same Message-ID.
    """
    if not settings.SEAL_EMAIL:
        return 0
    count = 0
    with closing(Mailer()) as mailer:
        for seal in Seal.objects.filter(mailed_at=None).order_by("id"):
            answer = mailer.send(_seal_mail(seal, settings.SEAL_EMAIL))
            if answer.outcome is not AttemptOutcome.SENT:
                log.error("seal not mailed", seal=seal.pk, answer=answer.text)
                break
            Seal.objects.filter(pk=seal.pk).update(mailed_at=as_of)
            count += 1
    return count


def mail_check(check: JobRun) -> int:
    """Mail the findings of a ledger check to the administrators; return how many were accepted."""
    found = counted(len(check.problems), "row")
    named = check.problems[:_MAX_NAMED]
    items = [f"- {each['about']} {each['id'] or ''}: {each['detail']}" for each in named]
    if len(check.problems) > len(named):
        items.append(f"- and {len(check.problems) - len(named):,} more")
    page = f"{settings.SITE_URL}{links.pages().job_run(check.pk)}"
    return administrator_mails.send(
        administrator_mails.administrators(),
        subject=f"recorded data was changed ({found})",
        paragraphs=[
            f"The ledger check of {check.started_at:%Y-%m-%d %H:%M} UTC found rows that Pacta did "
            f"not write, or that were changed or deleted since ({found}; the first of each chain):",
            *items,
            f"Nothing was repaired. Compare with an earlier backup. The whole list is at {page}. "
            "To check again, run: manage.py verify_ledger --all-seals",
        ],
        name=f"check{check.pk}",
    )


def _seal_mail(seal: Seal, recipient: str) -> EmailMessage:
    root = bytes(seal.root).hex()
    body = (
        f"Seal {seal.pk} of {settings.SITE_URL}\n\n"
        f"  root:          {root}\n"
        f"  hash:          {bytes(seal.hash).hex()}\n"
        f"  sealed at:     {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC\n"
        f"  chains:        {seal.chains}\n"
        f"  facts up to:   {seal.last_fact_id}\n"
        f"  entries up to: {seal.last_entry_id}\n\n"
        + paragraph(
            "Keep this email where nobody who operates the service can change it. It can later "
            "prove whether anything recorded before it has been changed, added or removed. To "
            "check:"
        )
        + f"\n\n  manage.py verify_ledger --root {root}\n"
    )
    return render_plain_mail(
        subject=f"Pacta seal {seal.pk}: {root[:16]}",
        body=body,
        recipient=recipient,
        name=f"seal{seal.pk}root{root[:16]}",
    )
