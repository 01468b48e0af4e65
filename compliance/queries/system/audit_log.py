"""The audit log as rows, with the values that each change replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.vocabulary import AuditAction
from compliance.models.history import event_models
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, fetch

_ROWS = """
SELECT e.position, e.at, u.email AS actor, e.address, e.request_id, e.action, e.kind,
    e.object_id AS object, c.metadata ->> 'reason' AS reason,
    coalesce(e.details ->> 'path', c.metadata ->> 'url', c.metadata ->> 'command') AS source,
    e.details, e.event_id
FROM compliance_auditentry AS e
LEFT JOIN compliance_user AS u ON u.id = e.actor_id
LEFT JOIN pghistory_context AS c ON c.id = e.context_id
"""
_OLDEST = Order(table="e", columns=("position",))
_NAMES = ("ref", "code", "email", "slug", "name", "title")
_INTERNAL = ("pgh_id", "pgh_label", "pgh_created_at", "pgh_obj_id", "pgh_context_id", "id")


class AuditListing(Listing):
    """Filters of audit entries."""

    actor: Annotated[
        str | None, Field(max_length=254, description="The address of who did it.")
    ] = None
    kind: Annotated[
        str | None, Field(pattern=r"^[a-z_]{1,64}$", description="Such as `agreement` or `user`.")
    ] = None
    object: Annotated[Id | None, Field(description="The id of what was changed.")] = None
    action: AuditAction | None = None
    after: Annotated[Instant | None, Field(description="Not before this instant.")] = None
    before: Annotated[Instant | None, Field(description="Before this instant.")] = None


def listed(listing: AuditListing) -> Page:
    """Return published entries, oldest first, always with a `next` for later.

    Positions become visible in ascending order, so no entry is missed.
    """
    where = Where().equal(
        e__kind=listing.kind, e__object_id=listing.object, e__action=listing.action
    )
    where.add("e.position IS NOT NULL")
    where.add("e.at >= %(after)s", after=listing.after)
    where.add("e.at < %(before)s", before=listing.before)
    where.add(
        "e.actor_id IN (SELECT id FROM compliance_user WHERE lower(email) = lower(%(actor)s))",
        actor=listing.actor,
    )
    found = page(_ROWS, where, order=_OLDEST, listing=listing)
    following = listing.cursor or _OLDEST.cursor_at({"position": 0})
    if found.rows:
        following = _OLDEST.cursor_at(found.rows[-1])
    return replace(found, rows=_with_changes(found.rows), next=following)


def after(position: int, *, limit: int) -> list[Row]:
    """Return the published entries after a position, oldest first."""
    where = Where(limit=limit).add("e.position > %(position)s", position=position)
    rows = fetch((_ROWS, where.sql, _OLDEST.sql, "LIMIT %(limit)s"), where.values)
    return _with_changes(rows)


def row(entry_id: int) -> Row:
    """Return one entry, published or not."""
    where = Where().equal(e__id=entry_id)
    [found] = _with_changes(fetch((_ROWS, where.sql), where.values))
    return found


def _with_changes(rows: list[Row]) -> list[Row]:
    """Add to each row what was changed: each field with its value before and after."""
    ids: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row["event_id"] is not None:
            ids[row["kind"]].append(row["event_id"])
    models = event_models()
    found = {
        (kind, pk): (now, before)
        for kind, wanted in ids.items()
        if kind in models
        for pk, now, before in _events(models[kind]._meta.db_table, wanted)
    }
    return [_described(row, *found.get((row["kind"], row["event_id"]), ({}, {}))) for row in rows]


def _events(table: str, ids: list[int]) -> Iterable[tuple[int, Row, Row]]:
    for row in fetch((_EVENTS.format(table=table),), {"ids": ids}):
        yield row["pgh_id"], row["now"], row["before"] or {}


def _described(row: Row, now: Mapping[str, Any], before: Mapping[str, Any]) -> Row:
    shown = {name: value for name, value in row.items() if name != "event_id"}
    action = row["action"]
    if action == AuditAction.ADDED:
        before = {}
    after_it = {} if action == AuditAction.REMOVED else now
    if action == AuditAction.REMOVED:
        before = now
    shown["name"] = next((now[name] for name in _NAMES if now.get(name)), None)
    shown["changes"] = {
        name: {"before": before.get(name), "after": after_it.get(name)}
        for name in sorted({*before, *after_it} - {*_INTERNAL})
        if before.get(name) != after_it.get(name)
    }
    details = dict(row["details"] or {})
    for name in details.pop("fields", ()):
        shown["changes"][name] = {"before": "(secret)", "after": "(secret)"}
    details.pop("path", None)
    shown["details"] = details
    return shown


# The previous copy of the same row is the one before.
_EVENTS = """
    SELECT e.pgh_id, to_jsonb(e) AS now,
        (SELECT to_jsonb(p) FROM {table} AS p
         WHERE p.pgh_obj_id = e.pgh_obj_id AND p.pgh_id < e.pgh_id
         ORDER BY p.pgh_id DESC LIMIT 1) AS before
    FROM {table} AS e WHERE e.pgh_id = ANY(%(ids)s)
"""
