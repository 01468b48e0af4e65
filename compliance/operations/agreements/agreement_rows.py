"""The columns of agreements."""

from __future__ import annotations

from compliance.domain.agreements.drafts import AgreementTerms
from compliance.domain.alerts.drafts import dump_notification_policy


def columns_of(draft: AgreementTerms) -> dict[str, object]:
    """Return the columns of an agreement."""
    return {
        "ref": draft.ref,
        "title": draft.title,
        "kind": draft.kind.value,
        "signed_on": draft.signed_on,
        "signed_on_precision": draft.signed_on_precision.value,
        "in_force_on": draft.in_force_on,
        "in_force_on_precision": draft.in_force_on_precision.value,
        "ends_on": draft.ends_on,
        "ends_on_precision": draft.ends_on_precision.value,
        "timezone": draft.timezone,
        "calendars": list(draft.calendars),
        "requires_approval": draft.requires_approval,
        "notification_policy": dump_notification_policy(draft.notification_policy),
    }
