"""Change history: the events recorded by the history triggers, as readable changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from pghistory.models import Events

from compliance.models import Agreement, Obligation, Party, Team, User

LONGEST = 500

# Tables that hold parts of an object, such as the parties of an agreement.
_PARTS: Mapping[type[models.Model], tuple[str, ...]] = {
    Agreement: ("compliance.AgreementPartyEvent", "compliance.AgreementTeamEvent"),
    Obligation: ("compliance.ObligationPartyEvent", "compliance.ResponsibilityEvent"),
}
_KEYS = frozenset(
    {"id", "agreement_id", "obligation_id", "party_id", "user_id", "team_id", "address"}
)
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
    if type(row) in _PARTS:
        parts = everything.references(row).across(*_PARTS[type(row)])
        events += list(parts.order_by("-pgh_created_at", "-pgh_id")[:LONGEST])
    own = row._meta.label
    events.sort(
        key=lambda event: (event.pgh_created_at, event.pgh_obj_model != own, event.pgh_id),
        reverse=True,
    )
    events = events[:LONGEST]
    users = User.objects.in_bulk({_user_id(event) for event in events} - {None})
    names = _names(events)
    return [_change(event, row, users, names) for event in events]


def _change(
    event: Any, row: models.Model, users: Mapping[int, User], names: Mapping[tuple[str, int], str]
) -> Change:
    data = event.pgh_data or {}
    diff = event.pgh_diff or {}
    is_part = event.pgh_obj_model != row._meta.label
    what = str(row._meta.verbose_name)
    if is_part:
        what = f"{_part(event, data)} {_name(data, names)}"
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


def _part(event: Any, data: Mapping[str, Any]) -> str:
    if event.pgh_obj_model == "compliance.Responsibility":
        return "responsible"
    return data.get("capacity") or ("team" if "team_id" in data else "party")


def _name(data: Mapping[str, Any], names: Mapping[tuple[str, int], str]) -> str:
    found = [names.get((key, data[key])) for key in _NAMES if data.get(key) is not None]
    return next(filter(None, found), None) or data.get("address") or "?"


# The keys of the rows that parts refer to, and what names these.
_NAMES: Mapping[str, tuple[type[models.Model], str]] = {
    "party_id": (Party, "code"),
    "user_id": (User, "email"),
    "team_id": (Team, "slug"),
}


def _names(events: Iterable[Any]) -> dict[tuple[str, int], str]:
    """Return the names of the rows that events of parts refer to, by key and id."""
    found: dict[tuple[str, int], str] = {}
    values = [event.pgh_data or {} for event in events]
    for key, (model, name) in _NAMES.items():
        ids = {each[key] for each in values if each.get(key) is not None}
        if ids:
            rows = model._default_manager.filter(pk__in=ids).values_list("pk", name)
            found |= {(key, pk): text for pk, text in rows}
    return found
