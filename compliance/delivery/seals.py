"""Mails seals to where they are kept, and says when something was found changed."""

from __future__ import annotations

import textwrap
from datetime import datetime

import structlog
from django.conf import settings

from compliance.delivery import links
from compliance.delivery.carrier import Carrier
from compliance.delivery.letters import sender_domain
from compliance.delivery.mime import Mail
from compliance.domain.phrases import counted, one_line
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import LedgerCheck, Seal, User

log = structlog.get_logger(__name__)

_WIDTH = 76
_MOST_NAMED = 20


def mail_seals(*, as_of: datetime) -> int:
    """Mail every seal that was not mailed yet to `SEAL_EMAIL`, the oldest first; how many went.

    Ends at the first that the server does not take; the next call goes on there. A repeated mail
    has the same Message-ID.
    """
    if not settings.SEAL_EMAIL:
        return 0
    count = 0
    with Carrier() as carrier:
        for seal in Seal.objects.filter(mailed_at=None).order_by("id"):
            answer = carrier.send(_of_seal(seal, settings.SEAL_EMAIL))
            if answer.outcome is not AttemptOutcome.SENT:
                log.error("seal not mailed", seal=seal.pk, answer=answer.text)
                break
            Seal.objects.filter(pk=seal.pk).update(mailed_at=as_of)
            count += 1
    return count


def mail_check(check: LedgerCheck) -> int:
    """Tell the administrators what a check found wrong; how many mails went."""
    people = User.objects.filter(is_superuser=True, is_active=True).order_by("id")
    count = 0
    with Carrier() as carrier:
        for user in people:
            answer = carrier.send(_of_check(check, user))
            if answer.outcome is AttemptOutcome.SENT:
                count += 1
            else:
                log.error("finding not mailed", check=check.pk, answer=answer.text)
    return count


def _of_seal(seal: Seal, recipient: str) -> Mail:
    root = bytes(seal.root).hex()
    body = (
        f"Seal {seal.pk} of {settings.SITE_URL}\n\n"
        f"  root:          {root}\n"
        f"  hash:          {bytes(seal.hash).hex()}\n"
        f"  sealed at:     {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC\n"
        f"  chains:        {seal.chains}\n"
        f"  facts up to:   {seal.last_fact_id}\n"
        f"  entries up to: {seal.last_entry_id}\n\n"
        + _paragraph(
            "Keep this mail where nobody who runs the service can change it. It shows, later, "
            "whether anything that was recorded by then has been changed, added or removed. "
            "To look:"
        )
        + f"\n  manage.py verify_ledger --root {root}\n"
    )
    name = f"seal{seal.pk}root{root[:16]}"
    return _mail(f"Pacta seal {seal.pk}: {root[:16]}", body, recipient, name)


def _of_check(check: LedgerCheck, user: User) -> Mail:
    named = check.problems[:_MOST_NAMED]
    lines = [
        textwrap.fill(
            one_line(f"{each['table']} {each['id'] or ''}: {each['detail']}"),
            _WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
        )
        for each in named
    ]
    if len(check.problems) > len(named):
        lines.append(f"- and {len(check.problems) - len(named):,} more")
    found = counted(len(check.problems), "row")
    body = (
        _paragraph(
            f"The check of {check.started_at:%Y-%m-%d %H:%M} UTC found what was not written by "
            f"Pacta, or not left as it was written ({found}; of each chain the first):"
        )
        + "\n"
        + "\n".join(lines)
        + "\n\n"
        + _paragraph(
            "Nothing was mended. Compare with a backup from before, and see the admin "
            f"({settings.SITE_URL}{links.pages().ledger_check(check.pk)}) for the whole "
            "list. To look again: manage.py verify_ledger --all-seals"
        )
    )
    subject = f"Pacta: the record was changed ({found})"
    return _mail(subject, body, user.email, f"check{check.pk}to{user.pk}")


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _mail(subject: str, body: str, recipient: str, name: str) -> Mail:
    headers = {
        "Message-ID": f"<{name}@{sender_domain()}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    return Mail(subject=subject, body=body, to=[recipient], headers=headers)
