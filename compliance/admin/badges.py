"""Words of the product as coloured badges. Every badge says its word: colour only helps."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin.moments import distance
from compliance.domain.timeline import BREACHED
from compliance.domain.vocabulary import Status
from compliance.models import Deadline, Obligation, Party

_OPEN = frozenset({Status.PENDING.value, Status.IN_GRACE.value})


def badge(word: str | None) -> SafeString:
    """A word of the vocabulary as a badge in its colour (see static/pacta/admin.css)."""
    if not word:
        return SafeString("-")
    return format_html(
        '<span class="pacta-badge is-{}">{}</span>', word.replace("_", "-"), word.replace("_", " ")
    )


def standing(deadline: Deadline) -> SafeString:
    """Where a deadline stands, and whether the parties contradict each other about it."""
    if not deadline.is_disputed:
        return badge(deadline.status)
    return format_html("{} {}", badge(deadline.status), badge("disputed"))


def lateness(deadline: Deadline, as_of: datetime) -> str:
    """How late an unmet deadline is, or how far away an open one."""
    if deadline.status in BREACHED:
        return f"{distance(as_of, deadline.unmet_at)} late"
    if deadline.status in _OPEN and deadline.unmet_at > as_of:
        apart = distance(deadline.due_at, as_of)
        return f"in {apart}" if deadline.due_at > as_of else f"{apart} into grace"
    return ""


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
