"""Keeping what audits of the alerts find, and telling the administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compliance.delivery import administrator_mails
from compliance.domain.phrases import counted
from compliance.models import Audit

KEPT = 2_000


def note(
    *,
    started_at: datetime,
    ended_at: datetime,
    breaches: int,
    alerts: int,
    problems: list[dict[str, Any]],
) -> Audit:
    """Keep what an audit found. Administrators are told when the one before was clean."""
    before = Audit.objects.order_by("-id").first()
    kept = Audit.objects.create(
        started_at=started_at,
        ended_at=ended_at,
        breaches=breaches,
        alerts=alerts,
        problems=problems,
    )
    Audit.objects.filter(pk__lte=kept.pk - KEPT).delete()
    if problems and not (before and before.problems):
        _tell(kept)
    return kept


def _tell(found: Audit) -> None:
    problems = found.problems
    administrator_mails.send(
        administrator_mails.administrators(),
        subject=f"alerts are missing ({counted(len(problems), 'problem')})",
        paragraphs=[
            "Every five minutes Pacta looks whether each missed deadline has its alerts, and "
            "each alert its end. This time something is wrong:",
            *(f"- {each['about']} {each['id']}: {each['detail']}" for each in problems[:20]),
            "The admin lists them under Audits. The next mail about this comes when an audit was "
            "clean in between.",
        ],
        name=f"audit{found.pk}",
    )
