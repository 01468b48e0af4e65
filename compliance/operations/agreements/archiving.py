"""Archive agreements, and restore them."""

from __future__ import annotations

from datetime import datetime

import pghistory
from django.db import transaction

from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Agreement, User
from compliance.models.locks import lock_agreement
from compliance.operations.alerts import delivery_times
from compliance.operations.deadlines.approvals import Approval, require_for_agreement


@transaction.atomic
def archive(
    *,
    agreement: Agreement,
    reason: str,
    by: User | None,
    as_of: datetime,
    approval: Approval | None = None,
) -> Agreement:
    """Hide an agreement from lists, summaries and feeds, and hold back all alerts about it.

    Its deadlines are still refreshed, so that nothing is lost when it is restored. Alerts that
    wait in messages leave them when delivery claims these (`reported_alerts`).

    Raises:
        Invalid: it is already archived.
        ApprovalNeeded: it requires approval, and archiving it stops its alerts.
    """
    agreement = lock_agreement(agreement.pk)
    if agreement.archived_at is not None:
        raise refusal("", f"Agreement {agreement.ref} is already archived.")
    require_for_agreement(ProposedChange.ARCHIVE, agreement, reason, approval)
    agreement.archived_at, agreement.archived_by = as_of, by
    agreement.archive_reason = reason
    _save(agreement, by)
    return agreement


@transaction.atomic
def restore(*, agreement: Agreement, reason: str, by: User | None, as_of: datetime) -> Agreement:
    """Show an archived agreement again, and release the alerts that were held back.

    They are sent at each recipient's delivery hours if they are still true: one message per
    recipient reports what became unmet, and what was missed and cured, in the meantime. Nothing
    that had been reported before is repeated.

    Raises:
        Invalid: it is not archived.
    """
    agreement = lock_agreement(agreement.pk)
    if agreement.archived_at is None:
        raise refusal("", f"Agreement {agreement.ref} is not archived.")
    agreement.archived_at = agreement.archived_by = None
    agreement.archive_reason = reason
    _save(agreement, by)
    delivery_times.reschedule_pending(
        agreement_id=agreement.pk,
        deadline_id=None,
        hours=delivery_times.delivery_hours(as_of=as_of),
        as_of=as_of,
    )
    return agreement


def _save(agreement: Agreement, by: User | None) -> None:
    # Commands have no request from which the change history could take the user.
    with pghistory.context(**({"user": by.pk} if by is not None else {})):
        agreement.save(update_fields=["archived_at", "archived_by", "archive_reason"])
