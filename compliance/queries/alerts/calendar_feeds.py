"""Calendar feeds: deadlines behind a private address, as iCalendar (RFC 5545)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import Permission
from django.db.models import Q

from compliance.domain import civil_time
from compliance.domain.alerts.calendar_text import CalendarEvent, calendar_text
from compliance.domain.civil_periods import period_phrase
from compliance.domain.phrases import is_day_end, local_due_date
from compliance.domain.vocabulary import Precision, Status
from compliance.models import CalendarFeed
from compliance.models.alerts.calendar_feeds import token_hash
from compliance.queries.deadlines.periods import DUE_PRECISION
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, fetch, one

BACK, AHEAD = timedelta(days=180), timedelta(days=5 * 366)
MOST = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OVER = frozenset({Status.WAIVED, Status.SUPERSEDED, Status.CANCELLED})
_LABELS = {
    Status.UNMET: "Missed",
    Status.PARTLY_MET: "Partly missed",
    Status.MET: "Met",
    Status.MET_LATE: "Met late",
    Status.IN_GRACE: "In grace",
    Status.SUSPENDED: "Suspended",
    Status.WAIVED: "Waived",
    Status.SUPERSEDED: "Superseded",
    Status.CANCELLED: "Cancelled",
}

_DEADLINES = f"""
SELECT d.id, o.ref, o.title, o.severity, a.title AS agreement, d.status, d.due_on,
    {DUE_PRECISION} AS due_precision, d.due_at, d.timezone, d.begins_at, d.recorded_at,
    a.created_at AS agreement_created_at,
    (SELECT count(DISTINCT l.recorded_at) FROM compliance_ledgerentry AS l
     WHERE l.deadline_id = d.id) AS revisions,
    (SELECT string_agg(p.name, ', ' ORDER BY s.id)
     FROM compliance_obligationparty AS s JOIN compliance_party AS p ON p.id = s.party_id
     WHERE s.obligation_id = o.id AND s.capacity = 'obligor'
       AND (d.party_id IS NULL OR s.party_id = d.party_id)) AS obligors
FROM compliance_deadline AS d
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
WHERE d.due_at BETWEEN %(since)s AND %(until)s AND a.archived_at IS NULL
  AND (%(agreement)s::bigint IS NULL OR d.agreement_id = %(agreement)s)
  AND (%(sees_everything)s OR a.visibility = 'everyone' OR EXISTS (
    SELECT FROM compliance_agreementteam AS t
    JOIN compliance_membership AS m ON m.team_id = t.team_id
    WHERE t.agreement_id = a.id AND m.user_id = %(owner)s))
ORDER BY abs(extract(epoch FROM d.due_at - %(now)s)), d.id
LIMIT %(most)s
"""
_FEEDS = """
SELECT f.id, f.name, a.ref AS agreement, u.email AS owner, f.created_at, f.revoked_at
FROM compliance_calendarfeed AS f
JOIN compliance_user AS u ON u.id = f.owner_id
LEFT JOIN compliance_agreement AS a ON a.id = f.agreement_id
"""


def feeds(listing: Listing, *, owner_id: int) -> Page:
    """Return the feeds of one user in order of creation."""
    where = Where().equal(f__owner_id=owner_id)
    return page(_FEEDS, where, order=Order(table="f", columns=("id",)), listing=listing)


def feed(feed_id: int, *, owner_id: int) -> Row | None:
    """Return one feed of a user, or None."""
    return one(_FEEDS, Where().equal(f__id=feed_id, f__owner_id=owner_id))


def find(token: str) -> CalendarFeed | None:
    """Return the feed with this token.

    None if the feed is revoked, or if its owner is inactive or may no longer view deadlines. Every
    token leads to the same single statement, so the response time reveals nothing.
    """
    right = Permission.objects.filter(
        codename="view_deadline", content_type__app_label=CalendarFeed._meta.app_label
    )
    may_see = (
        Q(owner__is_superuser=True)
        | Q(owner__user_permissions__in=right)
        | Q(owner__groups__permissions__in=right)
    )
    return (
        CalendarFeed.objects.select_related("agreement", "owner")
        .filter(
            may_see, token_hash=token_hash(token), revoked_at__isnull=True, owner__is_active=True
        )
        .first()
    )


def calendar(feed: CalendarFeed, *, deadline_url: Callable[[int], str], as_of: datetime) -> bytes:
    """Return the deadlines of a feed around `as_of`; only the nearest ones if there are very many.

    The feed contains only what its owner may see now.

    Args:
        deadline_url: returns the URL of the page of a deadline for its id.
    """
    values = {
        "since": as_of - BACK,
        "until": as_of + AHEAD,
        "now": as_of,
        "agreement": feed.agreement_id,
        "owner": feed.owner_id,
        "sees_everything": feed.owner.is_administrator,
        "most": MOST,
    }
    rows = sorted(fetch((_DEADLINES,), values), key=lambda each: (each["due_at"], each["id"]))
    return calendar_text(feed.name, (_event(row, deadline_url(row["id"])) for row in rows))


def _event(row: Row, url: str) -> CalendarEvent:
    zone = civil_time.displayed_zone_name(row["timezone"])
    status = Status(row["status"])
    label = _LABELS.get(status)
    due = local_due_date(row["due_on"], row["due_at"], zone)
    title = row["title"]
    if row["due_precision"] != Precision.DAY:
        due = period_phrase(row["due_on"], Precision(row["due_precision"]))
        title = f"{title} (due in {due})"
    return CalendarEvent(
        uid=_uid(row),
        at=row["due_on"] if is_day_end(row["due_on"], row["due_at"], zone) else row["due_at"],
        summary=f"{label}: {title}" if label else title,
        description=(
            row["agreement"],
            f"{row['ref']}: {row['title']}",
            f"Due: {due}",
            f"Owed by {row['obligors'] or 'nobody'}",
            f"Status: {status.value.replace('_', ' ')}",
        ),
        category=row["severity"],
        url=url,
        changed_at=row["recorded_at"] or row["begins_at"],
        sequence=max(0, row["revisions"] - 1),
        is_cancelled=status in _OVER,
    )


def _uid(row: Row) -> str:
    """Return the identifier of a deadline, which stays the same when the service moves.

    Another installation has deadlines with the same ids, but its agreements were entered at other
    instants.
    """
    entered = row["agreement_created_at"] - _EPOCH
    return f"deadline-{row['id']}@{entered // timedelta(microseconds=1):x}.pacta"
