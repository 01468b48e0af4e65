"""Remove an agreement permanently, and leave a tombstone that identifies what was removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import pghistory
import pgtrigger
import structlog
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from compliance.domain.integrity.chains import link
from compliance.domain.integrity.purges import PurgeSubject
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import (
    Agreement,
    Correction,
    EvidenceFile,
    Fact,
    LedgerEntry,
    Obligation,
    RemovedRows,
    Tombstone,
    User,
)
from compliance.models.append_only import purgeable_models
from compliance.models.bulk import fetch
from compliance.models.integrity.signatures import Signed, signature_of
from compliance.models.integrity.tombstones import chained_tombstone
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.deadlines import ledger_replays
from compliance.operations.deadlines.approvals import Approval, require_for_agreement
from compliance.operations.evidence import orphans
from compliance.operations.integrity import foreign_replacements, seals
from compliance.operations.integrity.removed_rows import select_removed

log = structlog.get_logger(__name__)

# By table: the ids of rows.
Rows = Mapping[type[Model], Collection[int]]


@transaction.atomic
@reading_as(SYSTEM)
def purge_agreement(
    *,
    agreement: Agreement,
    reason: str,
    by: User | None,
    as_of: datetime,
    approval: Approval | None = None,
) -> Tombstone:
    """Remove an agreement with everything that belongs to it, permanently.

    Its deadlines, facts, evidence, positions, ledger, alerts, messages, change history, and the
    subscriptions and calendar feeds that are limited to it are removed. The tombstone keeps the
    hashes of all rows that were append-only, so that seals can still be checked. Files that no
    other evidence shares are removed after the commit.

    A retracted replacement in another agreement that names one of its obligations is removed with
    it, and the ledger of its deadline is rewritten without it.

    Raises:
        Invalid: an effective replacement in another agreement names one of its obligations.
        ApprovalNeeded: it requires approval, and the purge has none.
    """
    # Before any row is locked, as when a seal is created.
    seals.lock_seals()
    agreement = foreign_replacements.lock_with_others(agreement.pk)
    require_for_agreement(ProposedChange.PURGE, agreement, reason, approval)
    rows = owned_rows({Agreement: {agreement.pk}})
    foreign = foreign_replacements.among(rows.get(Fact, ()), agreement, by=by)
    _refuse_strangers(rows, agreement, allowed=owned_rows({Fact: foreign.ids}))
    removed = rows.get(Obligation, ())
    replay = None
    if foreign.ids:
        replay = ledger_replays.prepare(
            foreign.since, redated=(), unproven=foreign.since, removed=removed
        )
        rows[LedgerEntry] = rows.get(LedgerEntry, set()) | replay.entries
        rows[Correction] = rows.get(Correction, set()) | replay.corrections
    tombstone = bury(
        rows,
        subject=PurgeSubject.AGREEMENT,
        subject_id=agreement.pk,
        ref=agreement.ref,
        reason=reason,
        by=by,
        as_of=as_of,
    )
    remove(rows)
    if replay is not None:
        ledger_replays.run(replay, as_of=as_of)
    log.info("purged", agreement=agreement.pk, tombstone=tombstone.pk, by=by and by.pk)
    return tombstone


def counts_of(agreement: Agreement) -> dict[str, int]:
    """Return how many rows a purge of an agreement would remove, by the name of their kind."""
    rows = owned_rows({Agreement: {agreement.pk}})
    return {
        str(model._meta.verbose_name_plural): len(ids)
        for model, ids in rows.items()
        if ids and not model._meta.auto_created and model is not Agreement
    }


def owned_rows(start: Rows) -> dict[type[Model], set[int]]:
    """Return the ids of some rows and of all rows that refer to them, directly or not, by model.

    Follows every foreign key of every table, so that a new table is never forgotten. The change
    history is not included.
    """
    found: dict[type[Model], set[int]] = {model: set(ids) for model, ids in start.items()}
    fresh: dict[type[Model], set[int]] = dict(found)
    while fresh:
        following: dict[type[Model], set[int]] = {}
        for model, field in _references():
            target: Any = field.related_model
            if not fresh.get(target):
                continue
            statement = _REFERRING.format(
                table=model._meta.db_table, key=model._meta.pk.column, column=field.column
            )
            referring = {pk for (pk,) in fetch(statement, ids=list(fresh[target]))}
            new = referring - found.get(model, set())
            if new:
                found.setdefault(model, set()).update(new)
                following.setdefault(model, set()).update(new)
        fresh = following
    return found


def _models() -> list[type[Model]]:
    """Return the tables of Pacta, without those of the change history."""
    every = apps.get_app_config("compliance").get_models(include_auto_created=True)
    kept = (RemovedRows, Tombstone, *_events())
    return [model for model in every if model not in kept]


def _events() -> list[type[Model]]:
    """Return the tables of the change history."""
    every = apps.get_app_config("compliance").get_models()
    return [model for model in every if issubclass(model, pghistory.models.Event)]


def _references(models: Iterable[type[Model]] | None = None) -> list[tuple[type[Model], Any]]:
    return [
        (model, field)
        for model in (_models() if models is None else models)
        for field in model._meta.concrete_fields
        if field.remote_field is not None
    ]


def _refuse_strangers(rows: Rows, agreement: Agreement, *, allowed: Rows) -> None:
    """Refuse the purge if rows of other agreements refer to rows of this one, with exceptions."""
    for model, every in rows.items():
        ids = set(every) - set(allowed.get(model, ()))
        names = {field.name for field in model._meta.concrete_fields}
        manager: Any = model._base_manager
        for path in ("agreement", "deadline__agreement", "obligation__agreement"):
            if path.partition("__")[0] in names:
                strangers = manager.filter(pk__in=ids).exclude(**{path: agreement})
                stranger = strangers.exclude(**{path: None}).values_list(f"{path}__ref").first()
                if stranger is not None:
                    sentence = (
                        f"A record of agreement {stranger[0]} depends on {agreement.ref}. "
                        f"Purge {stranger[0]} first."
                    )
                    raise refusal("", sentence)


def bury(
    rows: Rows,
    *,
    subject: PurgeSubject,
    subject_id: int,
    ref: str,
    reason: str,
    by: User | None,
    as_of: datetime,
) -> Tombstone:
    """Write the tombstone of rows that are about to be removed."""
    [(pk, transaction_id)] = fetch(_NEXT_TOMBSTONE)
    counts = {model._meta.db_table: len(ids) for model, ids in rows.items() if ids}
    tombstone = Tombstone(
        pk=pk,
        subject=subject.value,
        subject_id=subject_id,
        ref=ref,
        reason=reason,
        purged_at=as_of,
        purged_by=by,
        counts=dict(sorted(counts.items())),
        transaction_id=transaction_id,
    )
    purged = {each._meta.db_table: list(rows.get(each, ())) for each in purgeable_models()}
    removed = []
    for table, chain, key, ids, hashes in fetch(select_removed(purged), **purged):
        each = RemovedRows(tombstone_id=pk, table_name=table, chain=chain, key=key, ids=ids)
        each.hashes = [bytes(one) for one in hashes]
        removed.append(each)
    numbers = fetch(_NEXT_REMOVED, count=len(removed))
    for each, (number,) in zip(removed, numbers, strict=True):
        each.pk = number
    last = Tombstone.objects.order_by("-id").first()
    before = None if last is None else bytes(last.hash)
    tombstone.hash = link(before, chained_tombstone(tombstone, removed))
    tombstone.signature = signature_of(Signed.TOMBSTONE, tombstone.hash)
    tombstone.save(force_insert=True)
    RemovedRows.objects.bulk_create(removed, batch_size=1_000)
    return tombstone


def remove(rows: Rows) -> None:
    """Remove rows, their change history, and the messages and files that nothing refers to now."""
    message_ids = [pk for (pk,) in fetch(_MESSAGES_OF, ids=list(rows.get(_model("alert"), ())))]
    files = EvidenceFile.objects.filter(pk__in=rows.get(EvidenceFile, ()))
    hashes = set(files.values_list("sha256", flat=True))
    contexts: set[Any] = set()
    with connection.cursor() as cursor:
        # Foreign keys are checked at the end of the transaction, so the order does not matter.
        for model, ids in rows.items():
            table, key = model._meta.db_table, model._meta.pk.column
            cursor.execute(f'DELETE FROM "{table}" WHERE {key} = ANY(%s)', [list(ids)])
        cursor.execute(_DELETE_ATTEMPTS, {"ids": message_ids})
        cursor.execute(_DELETE_MESSAGES, {"ids": message_ids})
        with pgtrigger.ignore(*(f"{each._meta.label}:append_only" for each in _events())):
            for event in _events():
                contexts |= _remove_events(cursor, event, rows)
        if contexts:
            used = " ".join(
                f"AND NOT EXISTS (SELECT FROM {each._meta.db_table} AS e"
                " WHERE e.pgh_context_id = c.id)"
                for each in _events()
            )
            cursor.execute(
                f"DELETE FROM pghistory_context AS c WHERE c.id = ANY(%s::uuid[]) {used}",
                [list(contexts)],
            )
    transaction.on_commit(lambda: orphans.remove_unused(hashes))


def _remove_events(cursor: Any, event: Any, rows: Rows) -> set[Any]:
    """Remove the change history of rows from one of its tables, and return the contexts."""
    conditions, values = [], []
    for field in event._meta.concrete_fields:
        target: Any = field.related_model
        if field.remote_field is not None and rows.get(target):
            conditions.append(f"{field.column} = ANY(%s)")
            values.append(list(rows[target]))
    if not conditions:
        return set()
    cursor.execute(
        f"DELETE FROM {event._meta.db_table} WHERE {' OR '.join(conditions)}"
        " RETURNING pgh_context_id",
        values,
    )
    return {context for (context,) in cursor.fetchall() if context is not None}


def _model(name: str) -> type[Model]:
    return apps.get_model("compliance", name)


# With an array, because a literal list of many thousand ids takes long to plan.
_REFERRING = 'SELECT "{key}" FROM "{table}" WHERE "{column}" = ANY(%(ids)s)'

_NEXT_TOMBSTONE = """
    SELECT nextval(pg_get_serial_sequence('compliance_tombstone', 'id')),
        pg_current_xact_id()::text::bigint
"""
_NEXT_REMOVED = """
    SELECT nextval(pg_get_serial_sequence('compliance_removedrows', 'id'))
    FROM generate_series(1, %(count)s)
"""

_MESSAGES_OF = """
    SELECT DISTINCT message_id FROM compliance_alert
    WHERE id = ANY(%(ids)s::bigint[]) AND message_id IS NOT NULL
"""
# Digests that reported only what was removed.
_DELETE_ATTEMPTS = """
    DELETE FROM compliance_deliveryattempt AS t
    WHERE t.message_id = ANY(%(ids)s::bigint[])
      AND NOT EXISTS (SELECT FROM compliance_alert AS a WHERE a.message_id = t.message_id)
"""
_DELETE_MESSAGES = """
    DELETE FROM compliance_message AS m
    WHERE m.id = ANY(%(ids)s::bigint[])
      AND NOT EXISTS (SELECT FROM compliance_alert AS a WHERE a.message_id = m.id)
"""
