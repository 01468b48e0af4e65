"""Keep what agreements and obligations said before they are corrected.

Call these before the rows change, in the same transaction. For deadlines, see
`operations.deadlines.schedule`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from compliance.domain.vocabulary import Capacity
from compliance.models import Agreement, Correction, Obligation
from compliance.models.bulk import insert

AGREEMENT_FIELDS = (
    "title", "kind", "signed_on", "in_force_on", "ends_on", "timezone", "calendars",
    "requires_approval", "notification_policy",
)  # fmt: skip
OBLIGATION_FIELDS = (
    "title", "text", "clause", "kind", "due", "grace", "starts", "survives_termination", "severity",
    "tags", "owner", "binds_on", "roll_up", "roll_up_share", "target_quantity", "unit",
    "notification_policy",
)  # fmt: skip


def keep_agreement(agreement: Agreement, *, as_of: datetime) -> None:
    """Keep the fields and parties of an agreement, as the API shows them."""
    before = _values(agreement, AGREEMENT_FIELDS)
    before["parties"] = [
        {"code": each.party.code, "role": each.role}
        for each in agreement.memberships.select_related("party")
    ]
    Correction.objects.create(agreement=agreement, recorded_at=as_of, before=before)


def keep_obligations(obligations: Iterable[Obligation], *, as_of: datetime) -> None:
    """Keep the fields and parties of obligations, as the API shows them."""
    ids = [each.pk for each in obligations]
    if not ids:
        return
    found = (
        Obligation.objects.filter(pk__in=ids)
        .select_related("parent")
        .prefetch_related("sides__party")
    )
    rows = []
    for each in found:
        before = _values(each, OBLIGATION_FIELDS)
        before["parent"] = each.parent.ref if each.parent else None
        for name, capacity in (("obligors", Capacity.OBLIGOR), ("obligees", Capacity.OBLIGEE)):
            before[name] = [
                side.party.code for side in each.sides.all() if side.capacity == capacity
            ]
        rows.append(Correction(obligation=each, recorded_at=as_of, before=before))
    insert(rows)


def _values(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    """Return a value as JSON; days and quantities as text."""
    return value if value is None or isinstance(value, bool | str | list | dict) else str(value)
