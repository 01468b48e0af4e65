"""The columns of obligations."""

from __future__ import annotations

from typing import Any

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.alerts.drafts import dump_notification_policy
from compliance.domain.due_dates.due_rules import dump_due_rule
from compliance.domain.due_dates.grace_periods import dump_grace


def columns_of(draft: ObligationDraft) -> dict[str, Any]:
    """Return the columns of an obligation, apart from its parent, parties and responsible."""
    return {
        "ref": draft.ref,
        "title": draft.title,
        "text": draft.text,
        "clause": draft.clause,
        "kind": draft.kind.value,
        "due": dump_due_rule(draft.due) if draft.due else None,
        "grace": dump_grace(draft.grace) if draft.grace else None,
        "binds_on": draft.binds_on,
        "binds_on_precision": draft.binds_on_precision.value,
        "starts": dump_due_rule(draft.starts) if draft.starts else None,
        "survives_termination": draft.survives_termination,
        "severity": draft.severity.value,
        "tags": list(draft.tags),
        "roll_up": draft.roll_up.value,
        "roll_up_share": draft.roll_up_share,
        "target_quantity": draft.target_quantity,
        "target_bound": draft.target_bound.value,
        "unit": draft.unit,
        "notification_policy": dump_notification_policy(draft.notification_policy),
    }
