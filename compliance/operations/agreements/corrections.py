"""Keep what agreements and obligations said before they are corrected.

Call these before the rows change, in the same transaction. For deadlines, see
`operations.deadlines.schedule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Model

from compliance.domain.vocabulary import Capacity
from compliance.models import Agreement, Correction, Obligation
from compliance.models.bulk import insert

# What identifies a row, and what the service itself keeps about it. A parent is kept by its ref.
_NEVER_CORRECTED = frozenset(
    {
        "id", "ref", "agreement", "parent", "facts_head", "created_at", "recorded_at",
        "archived_at", "archived_by", "archive_reason", "visibility",
    }
)  # fmt: skip


def _terms_of(model: type[Model]) -> tuple[str, ...]:
    """Return the columns that a correction may change; a new column is one unless excluded."""
    names = (each.name for each in model._meta.concrete_fields)
    return tuple(name for name in names if name not in _NEVER_CORRECTED)


AGREEMENT_FIELDS = _terms_of(Agreement)
OBLIGATION_FIELDS = _terms_of(Obligation)


def keep_agreement(agreement: Agreement, *, as_of: datetime) -> None:
    """Keep the fields and parties of an agreement, as the API shows them."""
    before = terms_of_agreement(agreement)
    Correction.objects.create(agreement=agreement, recorded_at=as_of, before=before)


def terms_of_agreement(agreement: Agreement) -> dict[str, Any]:
    """Return the fields and parties of an agreement as JSON."""
    found = _values(agreement, AGREEMENT_FIELDS)
    found["parties"] = [
        {"code": each.party.code, "role": each.role}
        for each in agreement.memberships.select_related("party")
    ]
    return found


def keep_obligations(obligations: Iterable[Obligation], *, as_of: datetime) -> None:
    """Keep the fields and parties of obligations, as the API shows them."""
    insert(
        [
            Correction(obligation=each, recorded_at=as_of, before=before)
            for each, before in terms_of_obligations(each.pk for each in obligations)
        ]
    )


def terms_of_obligations(
    obligation_ids: Iterable[int],
) -> Iterator[tuple[Obligation, dict[str, Any]]]:
    """Yield obligations with their fields and parties as JSON."""
    ids = list(obligation_ids)
    if not ids:
        return
    found = (
        Obligation.objects.filter(pk__in=ids)
        .select_related("parent")
        .prefetch_related("sides__party")
    )
    for each in found:
        before = _values(each, OBLIGATION_FIELDS)
        before["parent"] = each.parent.ref if each.parent else None
        for name, capacity in (("obligors", Capacity.OBLIGOR), ("obligees", Capacity.OBLIGEE)):
            before[name] = [
                side.party.code for side in each.sides.all() if side.capacity == capacity
            ]
        yield each, before


def _values(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    """Return a value as JSON; days and quantities as text."""
    return value if value is None or isinstance(value, bool | str | list | dict) else str(value)
