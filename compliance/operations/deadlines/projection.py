"""Refresh deadlines: bring status, ledger, breaches and alerts in line with terms and facts.

Every operation that changes what is known about a deadline ends here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from django.db import transaction

from compliance.domain.deadlines.terms import KnownHistory
from compliance.models.bulk import fetch
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.deadlines import (
    batches,
    deadline_rows,
    isolation,
    known_terms,
    separate_refresh,
)
from compliance.operations.deadlines.batches import Manner, Refreshed

log = structlog.get_logger(__name__)


# A change can have consequences for deadlines that the user does not see.
@reading_as(SYSTEM)
def refresh(
    deadline_ids: Iterable[int],
    *,
    as_of: datetime,
    announce_ended: bool = True,
    keeps_closed: bool = False,
    keeps_former: bool = True,
    known: Mapping[int, KnownHistory] | None = None,
) -> Refreshed:
    """Refresh the given deadlines at `as_of`. Call it once in a transaction, at its end.

    Deadlines that depend on these are refreshed too. The caller must then hold the lock of their
    agreement, taken before that of any deadline: otherwise two callers that follow dependencies
    in different orders could wait for each other. A dependent deadline that cannot be refreshed is
    quarantined; the others are refreshed all the same.

    Takes the arguments of `batches.Manner`.

    Raises:
        RuntimeError: there is no transaction.
    """
    manner = Manner(
        announce_ended=announce_ended,
        keeps_closed=keeps_closed,
        keeps_former=keeps_former,
        known=known or {},
    )
    rows = deadline_rows.lock(deadline_ids)
    if not any(row.has_dependents for row in rows):
        return batches.refresh_rows(rows, as_of=as_of, manner=manner)
    ids = [row.id for row in rows]
    try:
        with transaction.atomic():
            return batches.refresh_with_dependents(ids, as_of=as_of, manner=manner)
    except Exception as error:
        if not isolation.may_concern_one_row(error):
            raise
        log.warning("dependent deadlines refreshed in parts", error=isolation.summary(error))
    return separate_refresh.refresh_with_dependents(
        ids, as_of=as_of, manner=manner, is_isolating_given=False
    )


# A corrected party can move deadlines that the user does not see.
@reading_as(SYSTEM)
def refresh_imported(
    deadline_ids: Iterable[int], *, known_from: Mapping[int, datetime], as_of: datetime
) -> None:
    """Refresh deadlines after an import, and record their changes as they would have become known.

    Args:
        known_from: when each new deadline of an imported history became known, and the first of the
            imported facts about each stored one.
    """
    began = {**known_from, **known_terms.began(known_from, as_of=as_of)}
    versions = known_terms.versions_of(began, as_of=as_of)
    refresh(
        deadline_ids,
        as_of=as_of,
        announce_ended=False,
        known=known_terms.histories(began, versions, known_from),
    )
    since = {pk: known_terms.since(each, known_from[pk]) for pk, each in versions.items()}
    known_terms.keep_former(since, as_of=as_of)


def recheck_agreement(*, agreement_id: int, as_of: datetime) -> None:
    """Let the next sweep check all open deadlines of an agreement: its notification policy, or
    that of an obligation, has changed."""
    fetch(_RECHECK_AGREEMENT, id=agreement_id, as_of=as_of)


@reading_as(SYSTEM)
def recheck_business_days(obligation_ids: Sequence[int], *, as_of: datetime) -> None:
    """Let the next sweep check the open deadlines of obligations whose notification policy counts
    business days: a calendar has changed."""
    fetch(_RECHECK_BUSINESS_DAYS, ids=list(obligation_ids), as_of=as_of)


_RECHECK_AGREEMENT = """
    UPDATE compliance_deadline SET next_check_at = least(next_check_at, %(as_of)s)
    WHERE agreement_id = %(id)s AND status IN ('pending', 'holding', 'unmet', 'partly_met')
      AND NOT is_closed AND quarantine_error = ''
    RETURNING id
"""

_RECHECK_BUSINESS_DAYS = """
    UPDATE compliance_deadline AS d SET next_check_at = least(d.next_check_at, %(as_of)s)
    FROM compliance_obligation AS o JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE o.id = ANY(%(ids)s) AND d.obligation_id = o.id AND d.quarantine_error = ''
      AND d.status IN ('pending', 'holding', 'unmet', 'partly_met') AND NOT d.is_closed
      AND coalesce(o.notification_policy, a.notification_policy)
          @? '$.*[*] ? (@.unit == "business_days")'
    RETURNING d.id
"""
