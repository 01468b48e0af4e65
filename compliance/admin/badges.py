"""Words of the product as coloured badges. Every badge says its word: colour only helps."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin.moments import distance
from compliance.domain.vocabulary import ObligationKind, Status
from compliance.models import Deadline, Obligation, Party
from compliance.models.deadlines.deadlines import NO_DUE

_ACHIEVE = ObligationKind.ACHIEVE.value


def badge(word: str | None) -> SafeString:
    """A word of the vocabulary as a badge in its colour (see static/pacta/admin.css)."""
    if not word:
        return SafeString("-")
    return format_html(
        '<span class="pacta-badge is-{}">{}</span>', word.replace("_", "-"), word.replace("_", " ")
    )


def standing(deadline: Deadline) -> SafeString:
    """Where a deadline stands, whether that depends on the reading, and whether the parties
    contradict each other about it."""
    also = (("ambiguous", deadline.is_ambiguous), ("disputed", deadline.is_disputed))
    words = [deadline.status, *(word for word, holds in also if holds)]
    return format_html_join(" ", "{}", ((badge(word),) for word in words))


def lateness(deadline: Deadline, as_of: datetime) -> str:
    """How late an unmet deadline is, how long a violation has lasted, or how far away the end of
    an open deadline is."""
    due_at = deadline.due_at
    is_achieved = deadline.obligation.kind == _ACHIEVE
    match Status(deadline.status):
        case Status.UNMET | Status.PARTLY_MET if not is_achieved:
            return f"violated for {distance(as_of, deadline.status_since)}"
        case Status.UNMET | Status.PARTLY_MET:
            late_since = deadline.unmet_at or deadline.status_since
            return f"{distance(as_of, late_since)} late"
        case Status.IN_GRACE if due_at is not None:
            return f"{distance(as_of, due_at)} into grace"
        case Status.PENDING if not is_achieved:
            starts_at = deadline.starts_at
            return _ahead("begins", starts_at, as_of)
        case Status.PENDING:
            return _ahead("", due_at, as_of)
        case Status.HOLDING:
            return _ahead("ends", due_at, as_of)
    return ""


def _ahead(verb: str, at: datetime | None, as_of: datetime) -> str:
    if at is None or at <= as_of or at >= NO_DUE:
        return ""
    return f"{verb} in {distance(at, as_of)}".strip()


def sides(obligation: Obligation) -> SafeString:
    """Who owes whom."""
    owing: list[Party] = []
    owed: list[Party] = []
    for side in obligation.sides.all():
        (owing if side.capacity == "obligor" else owed).append(side.party)
    return format_html(
        '<span title="{}">{} → {}</span>',
        f"{', '.join(p.name for p in owing)} to {', '.join(p.name for p in owed)}",
        ", ".join(party.code for party in owing),
        ", ".join(party.code for party in owed),
    )


def two_lines(first: object, second: object) -> SafeString:
    """A line with a quieter one below it."""
    return format_html(
        '<span class="pacta-two"><span>{}</span><small>{}</small></span>', first, second
    )
