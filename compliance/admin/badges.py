"""Statuses and other enum values as coloured badges. Each shows its text, so colour is optional."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin.instants import duration_text
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.phrases import shortened
from compliance.domain.vocabulary import AgreementStatus, Capacity, ObligationKind, Status
from compliance.models import Agreement, Deadline, Obligation, Party
from compliance.models.deadlines.deadlines import NO_DUE

_ACHIEVE = ObligationKind.ACHIEVE.value
_BREACHED = tuple(status.value for status in BREACHED)


def badge(word: str | None) -> SafeString:
    """Return an enum value as a badge. Its colour is in static/pacta/admin.css."""
    if not word:
        return SafeString("-")
    return format_html(
        '<span class="pacta-badge is-{}">{}</span>', word.replace("_", "-"), word.replace("_", " ")
    )


def status_badges(deadline: Deadline) -> SafeString:
    """Return the status of a deadline, and whether it is closed as unmet, ambiguous or disputed."""
    is_closed_as_unmet = deadline.is_closed and deadline.status in _BREACHED
    flags = (
        ("closed", is_closed_as_unmet),
        ("ambiguous", deadline.is_ambiguous),
        ("disputed", deadline.is_disputed),
    )
    words = [deadline.status, *(word for word, is_set in flags if is_set)]
    return format_html_join(" ", "{}", ((badge(word),) for word in words))


def with_archived_mark(text: object, agreement: Agreement | None) -> SafeString:
    """Return a text, followed by a badge if the agreement is archived."""
    if agreement is None or agreement.archived_at is None:
        return format_html("{}", text)
    return format_html("{} {}", text, badge(AgreementStatus.ARCHIVED.value))


def lateness(deadline: Deadline, as_of: datetime) -> str:
    """Return how late an unmet deadline is, or the time until the next date of an open one."""
    if deadline.is_closed:
        return ""
    due_at = deadline.due_at
    is_achieved = deadline.obligation.kind == _ACHIEVE
    match Status(deadline.status):
        case Status.UNMET | Status.PARTLY_MET if not is_achieved:
            return f"violated for {duration_text(as_of, deadline.status_since)}"
        case Status.UNMET | Status.PARTLY_MET:
            late_since = deadline.unmet_at or deadline.status_since
            return f"{duration_text(as_of, late_since)} late"
        case Status.IN_GRACE if due_at is not None:
            return f"{duration_text(as_of, due_at)} into the grace period"
        case Status.PENDING if not is_achieved:
            return _time_until("begins", deadline.starts_at, as_of)
        case Status.PENDING:
            return _time_until("", due_at, as_of)
        case Status.HOLDING:
            return _time_until("ends", due_at, as_of)
    return ""


def _time_until(verb: str, at: datetime | None, as_of: datetime) -> str:
    if at is None or at <= as_of or at >= NO_DUE:
        return ""
    return f"{verb} in {duration_text(at, as_of)}".strip()


def parties_html(obligation: Obligation, *, obligor_id: int | None = None) -> SafeString:
    """Return the codes of obligors and obligees, with their names as a tooltip.

    Args:
        obligor_id: the only obligor to show.
    """
    obligors: list[Party] = []
    obligees: list[Party] = []
    for side in obligation.sides.all():
        parties = obligors if side.capacity == Capacity.OBLIGOR.value else obligees
        if parties is obligees or obligor_id in (None, side.party_id):
            parties.append(side.party)
    return format_html(
        '<span title="{}">{} → {}</span>',
        f"{', '.join(p.name for p in obligors)} to {', '.join(p.name for p in obligees)}",
        ", ".join(party.code for party in obligors),
        ", ".join(party.code for party in obligees),
    )


def linked(text: int | str, url: str) -> SafeString:
    """Return a name, or a number of rows, as a link to them."""
    return format_html('<a class="pacta-link" href="{}">{}</a>', url, text)


# Longer titles would push the other columns of a list out of sight.
_LONGEST_LINE = 120


def two_lines(first: object, second: object) -> SafeString:
    """Return two lines of text, the second smaller and in grey. Long ones are shortened."""
    whole = str(first)
    shown = shortened(whole, _LONGEST_LINE)
    title = format_html(' title="{}"', whole) if shown != whole else ""
    return format_html(
        '<span class="pacta-two-lines"><span{}>{}</span><small>{}</small></span>',
        title,
        shown,
        second,
    )
