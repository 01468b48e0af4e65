"""What obligations and their agreements said, before corrections, about when something is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q

from compliance.models import Agreement, Correction, Obligation

RowT = TypeVar("RowT", Agreement, Obligation)

_OF_OBLIGATION = (
    "kind", "due", "starts", "grace", "binds_on", "binds_on_precision", "target_quantity",
    "target_bound", "survives_termination",
)  # fmt: skip
_OF_AGREEMENT = ("timezone", "calendars", "in_force_on", "signed_on", "ends_on")

Former = list[tuple[datetime, Obligation]]
"""What an obligation said, each until an instant, oldest first."""


def formerly(obligations: Iterable[Obligation]) -> dict[int, Former]:
    """Return what obligations said before they or their agreements were corrected, by id.

    Only of those of which a correction changed when something is due, or what.
    """
    known = {each.pk: each for each in obligations}
    agreements = {each.agreement_id for each in known.values()}
    own: dict[int, list[Correction]] = defaultdict(list)
    of_agreement: dict[int, list[Correction]] = defaultdict(list)
    kept = Correction.objects.filter(Q(obligation__in=known) | Q(agreement__in=agreements))
    for each in kept.order_by("recorded_at", "id"):
        if each.obligation_id is not None:
            own[each.obligation_id].append(each)
        elif each.agreement_id is not None:
            of_agreement[each.agreement_id].append(each)
    found = {
        pk: _former(each, own[pk], of_agreement[each.agreement_id])
        for pk, each in known.items()
        if pk in own or each.agreement_id in of_agreement
    }
    return {pk: former for pk, former in found.items() if former}


def corrected(agreements: Mapping[int, int]) -> set[int]:
    """Return which obligations said something else before a correction.

    Args:
        agreements: the agreement of each obligation.
    """
    kept = Correction.objects.order_by().filter(
        Q(obligation__agreement__in=set(agreements.values()))
        | Q(agreement__in=set(agreements.values()))
    )
    pairs = set(kept.values_list("obligation_id", "agreement_id").distinct())
    if not pairs:
        return set()
    candidates = [
        pk for pk, agreement in agreements.items() if {(pk, None), (None, agreement)} & pairs
    ]
    rows = Obligation.objects.filter(pk__in=candidates).select_related("agreement")
    return set(formerly(rows))


def _former(
    obligation: Obligation, own: Sequence[Correction], of_agreement: Sequence[Correction]
) -> Former:
    found: Former = []
    latest = obligation
    for each in sorted((*own, *of_agreement), key=lambda each: (each.recorded_at, each.pk))[::-1]:
        if each.obligation_id is not None:
            before = _with(latest, _OF_OBLIGATION, each.before)
        else:
            before = copy(latest)
            before.agreement = _with(latest.agreement, _OF_AGREEMENT, each.before)
        if _terms(before) != _terms(latest):
            # Of several corrections at one instant, what was said before the first counts.
            if found and found[-1][0] == each.recorded_at:
                found.pop()
            found.append((each.recorded_at, before))
        latest = before
    return found[::-1]


def _with(row: RowT, names: Sequence[str], before: Mapping[str, Any]) -> RowT:
    found = copy(row)
    for name in names:
        if name in before:
            setattr(found, name, _value_of(type(row), name, before[name]))
    return found


def _value_of(model: type[Model], name: str, value: Any) -> Any:
    column: Any = model._meta.get_field(name)
    return column.to_python(value)


def _terms(obligation: Obligation) -> list[Any]:
    agreement = obligation.agreement
    return [
        *(getattr(obligation, name) for name in _OF_OBLIGATION),
        *(getattr(agreement, name) for name in _OF_AGREEMENT),
    ]
