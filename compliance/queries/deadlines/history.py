"""Change history: the events recorded by the history triggers, as readable changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from pghistory.models import Events

from compliance.models import Agreement, Obligation, Party, User

LONGEST = 500

# Tables that hold parts of an object, such as the parties of an agreement.
_PARTS: Mapping[type[models.Model], str] = {
    Agreement: "compliance.AgreementPartyEvent",
    Obligation: "compliance.ObligationPartyEvent",
}
_KEYS = frozenset({"id", "agreement_id", "obligation_id", "party_id"})
_DID = {"insert": "added", "update": "changed", "delete": "removed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of one row, with its time, values and user (None if nobody was signed in).

    `reason` is the one that the user gave, if any.
    """

    at: datetime
    by: User | None
    did: str
    what: str
    reason: str
    fields: tuple[tuple[str, Any, Any], ...]


def changes_of(row: models.Model) -> Sequence[Change]:
    """Return at most `LONGEST` changes of a row and its parts, newest first."""
    everything: Any = Events.objects
    events = list(everything.tracks(row).order_by("-pgh_created_at", "-pgh_id")[:LONGEST])
    part = _PARTS.get(type(row))
    if part is not None:
        parts = everything.references(row).across(part)
        events += list(parts.order_by("-pgh_created_at", "-pgh_id")[:LONGEST])
    own = row._meta.label
    events.sort(
        key=lambda event: (event.pgh_created_at, event.pgh_obj_model != own, event.pgh_id),
        reverse=True,
    )
    events = events[:LONGEST]
    users = User.objects.in_bulk({_user_id(event) for event in events} - {None})
    codes = _codes(events)
    return [_change(event, row, users, codes) for event in events]


def _change(
    event: Any, row: models.Model, users: Mapping[int, User], codes: Mapping[int, str]
) -> Change:
    data = event.pgh_data or {}
    diff = event.pgh_diff or {}
    is_part = event.pgh_obj_model != row._meta.label
    what = str(row._meta.verbose_name)
    if is_part:
        role = data.get("capacity") or "party"
        what = f"{role} {codes.get(data.get('party_id', 0), '?')}"
    return Change(
        at=event.pgh_created_at,
        by=users.get(_user_id(event) or 0),
        did=_DID.get(event.pgh_label, event.pgh_label),
        what=what,
        reason=str((event.pgh_context or {}).get("reason") or ""),
        fields=tuple(
            (name.removesuffix("_id").replace("_", " "), before, after)
            for name, (before, after) in sorted(diff.items())
            if name not in _KEYS
        ),
    )


def _user_id(event: Any) -> int | None:
    context = event.pgh_context or {}
    user = context.get("user")
    return int(user) if user is not None else None


def _codes(events: Iterable[Any]) -> dict[int, str]:
    ids = {event.pgh_data["party_id"] for event in events if "party_id" in (event.pgh_data or {})}
    return dict(Party.objects.filter(id__in=ids).values_list("id", "code"))
