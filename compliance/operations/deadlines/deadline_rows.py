"""The columns of deadlines that a projection reads and writes.

No other module writes the status of a deadline, or anything that follows from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from compliance.domain.deadlines.timeline import Timeline, Transition, status_since
from compliance.domain.vocabulary import Announcement
from compliance.models.bulk import RowType, fetch, write_rows
from compliance.models.locks import lock_deadline_columns

# A deadline that cannot be projected is tried again after the first of these times, because the
# fault may be ours and soon repaired, and then each time after the second. When a fact is recorded
# for it, it is tried again at once.
FIRST_QUARANTINED_FOR = timedelta(minutes=5)
QUARANTINED_FOR = timedelta(hours=1)


class DeadlineRow(NamedTuple):
    """The columns that a projection reads."""

    id: int
    agreement_id: int
    obligation_id: int
    begins_at: datetime
    is_start_presumed: bool
    starts_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None
    original_unmet_at: datetime | None
    original_earliest_due_at: datetime | None
    moves: list[dict[str, Any]] | None
    is_withdrawn: bool
    has_dependents: bool
    timezone: str
    recorded_at: datetime | None
    ledger_head: bytes | None
    entered_at: datetime | None = None
    announcement: str = Announcement.SUMMARY
    quarantine_error: str = ""


class DeadlineState(NamedTuple):
    """The columns that a projection writes."""

    id: int
    status: str
    status_since: datetime
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    earliest_due_at: datetime | None
    is_ambiguous: bool
    is_closed: bool
    performed_quantity: str | None
    target_quantity: str | None
    accepted_share: str | None
    measured_quantity: str | None
    next_check_at: datetime | None
    recorded_at: datetime | None
    ledger_head: str | None
    has_other_due: bool


class Failure(NamedTuple):
    """A deadline that could not be projected, and why."""

    id: int
    error: str


def state_of(
    row: DeadlineRow,
    timeline: Timeline,
    past: Sequence[Transition],
    *,
    recorded_at: datetime | None,
    ledger_head: bytes | None,
    notify_at: datetime | None,
    has_other_due: bool,
) -> DeadlineState:
    """Return the columns of a timeline that are stored with the deadline.

    Before a deadline begins, it has the state in which it will begin.

    Args:
        past: the transitions of the timeline that have happened.
        notify_at: when its notification policy must be consulted next.
        has_other_due: whether the ledger states another due date for some time.
    """
    ahead = timeline.transitions[len(past) :]
    now = past[-1] if past else ahead[0]
    due = now.due
    changes_at = ahead[0].effective_at if ahead else None
    if notify_at is not None and (changes_at is None or notify_at < changes_at):
        changes_at = notify_at
    return DeadlineState(
        row.id,
        now.status,
        status_since(past) if past else now.effective_at,
        due.due_on if due is not None else None,
        due.due_at if due is not None else None,
        due.unmet_at if due is not None else None,
        due.earliest_due_at if due is not None else None,
        now.is_ambiguous,
        now.is_closed,
        _text(now.performed),
        _text(now.target),
        _text(now.accepted_share),
        _text(now.measured),
        changes_at,
        recorded_at,
        ledger_head.hex() if ledger_head is not None else None,
        has_other_due,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def lock(deadline_ids: Iterable[int]) -> list[DeadlineRow]:
    """Lock deadlines in the order of their ids, and return them."""
    return _rows(lock_deadline_columns(_READ, deadline_ids))


def claim_due(*, as_of: datetime, limit: int, left_out: Collection[int] = ()) -> list[DeadlineRow]:
    """Lock the deadlines that are due for a check, oldest first, and return them.

    Deadlines that another worker holds are left to it. Those that others depend on are not
    included, nor are those in `left_out`, nor those whose rules must be tried again first.
    """
    return _rows(fetch(_CLAIM_DUE, as_of=as_of, limit=limit, left_out=list(left_out)))


def claim_due_ids(*, as_of: datetime, limit: int, left_out: Collection[int] = ()) -> list[int]:
    """Lock the same deadlines as `claim_due`, and return only their ids: all can be read."""
    rows = fetch(_CLAIM_DUE_IDS, as_of=as_of, limit=limit, left_out=list(left_out))
    return [pk for (pk,) in rows]


def update(states: Sequence[DeadlineState], *, as_of: datetime) -> None:
    """Store the states of deadlines, which releases them from quarantine.

    Those whose rules could not be resolved remain there, because their terms may be outdated, and
    are checked again at the latest when their rules are tried again.
    """
    write_rows(_UPDATE, _STATE, states, later=as_of + QUARANTINED_FOR)


def quarantine(failures: Sequence[Failure], *, as_of: datetime) -> None:
    """Leave deadlines as they are, with their errors, until they are tried again."""
    write_rows(
        _QUARANTINE,
        _FAILURE,
        failures,
        soon=as_of + FIRST_QUARANTINED_FOR,
        later=as_of + QUARANTINED_FOR,
    )


def quarantine_unscheduled(failures: Sequence[Failure], *, as_of: datetime) -> None:
    """Quarantine deadlines whose rules cannot be resolved until they can be.

    They were refreshed by their former terms, and keep their next check if it comes first.
    """
    write_rows(
        _QUARANTINE_UNSCHEDULED,
        _FAILURE,
        failures,
        soon=as_of + FIRST_QUARANTINED_FOR,
        later=as_of + QUARANTINED_FOR,
    )


def unscheduled(deadline_ids: Collection[int]) -> list[int]:
    """Return the ids of the obligations of those deadlines whose rules must be tried again.

    Their deadlines were quarantined because the rules could not be resolved.
    """
    if not deadline_ids:
        return []
    return [pk for (pk,) in fetch(_UNSCHEDULED, ids=list(deadline_ids))]


def _rows(rows: Iterable[Sequence[Any]]) -> list[DeadlineRow]:
    return list(map(DeadlineRow._make, rows))


_READ = ", ".join(DeadlineRow._fields)

# The sweep claims these rows instead of waiting for them. All other locks are in `models.locks`.
_DUE = """
    FROM compliance_deadline
    WHERE next_check_at <= %(as_of)s AND NOT has_dependents AND id <> ALL(%(left_out)s::bigint[])
      AND NOT (quarantine_error <> '' AND data_version = '')
    ORDER BY next_check_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""
_CLAIM_DUE = f"SELECT {_READ} {_DUE}"
_CLAIM_DUE_IDS = f"SELECT id {_DUE}"

_STATE = RowType(
    id="bigint",
    status="text",
    status_since="timestamptz",
    due_on="date",
    due_at="timestamptz",
    unmet_at="timestamptz",
    earliest_due_at="timestamptz",
    is_ambiguous="boolean",
    is_closed="boolean",
    performed_quantity="numeric",
    target_quantity="numeric",
    accepted_share="numeric",
    measured_quantity="numeric",
    next_check_at="timestamptz",
    recorded_at="timestamptz",
    ledger_head="text",
    has_other_due="boolean",
)

_UPDATE = f"""
    UPDATE compliance_deadline AS d
    SET status = v.status, status_since = v.status_since, due_on = v.due_on, due_at = v.due_at,
        unmet_at = v.unmet_at, earliest_due_at = v.earliest_due_at, is_ambiguous = v.is_ambiguous,
        is_closed = v.is_closed,
        performed_quantity = v.performed_quantity, target_quantity = v.target_quantity,
        accepted_share = v.accepted_share, measured_quantity = v.measured_quantity,
        next_check_at = CASE WHEN d.quarantine_error <> '' AND d.data_version = ''
            THEN least(v.next_check_at, %(later)s) ELSE v.next_check_at END,
        recorded_at = v.recorded_at,
        ledger_head = decode(v.ledger_head, 'hex'), has_other_due = v.has_other_due,
        quarantine_error = CASE WHEN d.data_version = '' THEN d.quarantine_error ELSE '' END
    FROM {_STATE.rows}
    WHERE d.id = v.id
"""

_FAILURE = RowType(id="bigint", error="text")

_QUARANTINE = f"""
    UPDATE compliance_deadline AS d
    SET quarantine_error = v.error,
        next_check_at = CASE WHEN d.quarantine_error = '' THEN %(soon)s ELSE %(later)s END
    FROM {_FAILURE.rows}
    WHERE d.id = v.id
"""

# Without a data version, the terms are outdated.
_QUARANTINE_UNSCHEDULED = f"""
    UPDATE compliance_deadline AS d
    SET quarantine_error = v.error, data_version = '',
        next_check_at = least(
            d.next_check_at, CASE WHEN d.quarantine_error = '' THEN %(soon)s ELSE %(later)s END)
    FROM {_FAILURE.rows}
    WHERE d.id = v.id
"""

_UNSCHEDULED = """
    SELECT DISTINCT obligation_id FROM compliance_deadline
    WHERE id = ANY(%(ids)s) AND quarantine_error <> '' AND data_version = ''
    ORDER BY obligation_id
"""
