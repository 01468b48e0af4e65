"""Emails about integrity: daily seals to their archive, and findings to the administrators."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from compliance.delivery import administrator_mails, links
from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import plain_mail
from compliance.domain.phrases import counted, in_utc
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import JobRun, Seal

log = structlog.get_logger(__name__)


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
    return administrator_mails.send(
        administrator_mails.administrators(),
        subject=f"recorded data was changed ({found})",
        paragraphs=[
            f"The ledger check of {in_utc(check.started_at)} found rows that Pacta did not write, "
            "or that were changed or deleted since. The list contains only the first such row of "
            "each chain:",
            administrator_mails.problem_list(check.problems),
            "Nothing was repaired. Compare with an earlier backup. The whole list is here:",
            links.url(links.pages().job_run(check.pk)),
            "To check again, run: manage.py verify_ledger --all-seals",
        ],
        name=f"check{check.pk}",
    )


def _seal_mail(seal: Seal, recipient: str) -> EmailMessage:
    root = bytes(seal.root).hex()
    return plain_mail(
        to=recipient,
        subject=f"Pacta seal {seal.pk}: {root[:16]}",
        paragraphs=[
            f"Seal {seal.pk} of {settings.SITE_URL}",
            [
                f"Root: {root}",
                f"Hash: {bytes(seal.hash).hex()}",
                f"Sealed at: {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC",
                f"Chains: {seal.chains}",
                f"Facts up to: {seal.last_fact_id}",
                f"Entries up to: {seal.last_entry_id}",
            ],
            "Keep this email where nobody who operates the service can change it. It can later "
            "prove whether anything recorded before it has been changed, added or removed. To "
            "check, run:",
            [f"manage.py verify_ledger --root {root}"],
        ],
        name=f"seal{seal.pk}root{root[:16]}",
    )
