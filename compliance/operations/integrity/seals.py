"""Seal the hash chains, so that a later change of a record is detected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pgtrigger
import psycopg
import structlog
from django.db import OperationalError, connection, transaction

from compliance.domain.integrity.chains import link, merkle_root
from compliance.domain.vocabulary import JobKind
from compliance.models import Agreement, Deadline, Fact, JobRun, Seal
from compliance.models.bulk import fetch, write
from compliance.models.deadlines.facts import chained_fact
from compliance.models.deadlines.ledger import chained_entry
from compliance.models.integrity.chains import chained_seal, leaves
from compliance.models.integrity.signatures import Signed, signature_of
from compliance.models.integrity.tombstone_chain import last_valid_tombstone, vouching_seal
from compliance.models.locks import JOB_LOCK_TIMEOUT, for_update
from compliance.models.system.jobs import LedgerCheckCounts, Problem

log = structlog.get_logger(__name__)

BATCH = 1_000

# Held while a seal is created, while rows are purged, and while rows are chained before the first
# seal.
_SEAL_LOCK = 0x5041435345

# While this lock request waits for earlier writers, later writers wait behind it, so the wait must
# be short.
_LOCK_TIMEOUT = "2s"

_CHECKED_EVERY = timedelta(hours=23)


def seal(*, as_of: datetime) -> Seal | None:
    """Seal the current state of all hash chains, once a day (UTC).

    Before the first seal, older rows are chained (`chain_unhashed`).

    Returns:
        The seal; None if the day already has one, or if writers held the tables too long. The next
        call then tries again.
    """
    if _has_seal_of_day(as_of):
        return None
    if not Seal.objects.exists():
        chain_unhashed()
    try:
        last_fact_id, last_entry_id = _last_ids()
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        log.warning("not sealed: writers hold the tables")
        return None
    with transaction.atomic():
        lock_seals()
        if _has_seal_of_day(as_of):
            return None
        return _store(as_of, last_fact_id, last_entry_id)


def chain_unhashed() -> int:
    """Chain rows that were stored before hash chains existed, and return the number of chains.

    Does nothing once there is a seal: from then on, a row without a hash is evidence of tampering.
    """
    made = 0
    for find, chain in (
        (_UNCHAINED_FACTS, _chain_facts),
        (_UNCHAINED_LEDGERS, _chain_ledgers),
        (_UNCHAINED_AGREEMENTS, _chain_agreements),
    ):
        after = 0
        while found := [pk for (pk,) in fetch(find, after=after, limit=BATCH)]:
            after = found[-1]
            with transaction.atomic():
                lock_seals()
                if Seal.objects.exists():
                    return made
                chain(found)
            made += len(found)
    return made


def record_check(
    *,
    started_at: datetime,
    ended_at: datetime,
    deadlines: int,
    facts: int,
    entries: int,
    problems: Sequence[Problem],
) -> JobRun:
    """Store the result of a ledger check."""
    return JobRun.objects.create(
        kind=JobKind.LEDGER_CHECK.value,
        as_of=started_at,
        started_at=started_at,
        ended_at=ended_at,
        counts=LedgerCheckCounts(deadlines=deadlines, facts=facts, entries=entries),
        problems=list(problems),
    )


def is_check_due(*, as_of: datetime) -> bool:
    """Return whether the last check is a day old, less the hour until this is asked again."""
    checks = JobRun.objects.finished(JobKind.LEDGER_CHECK)
    return not checks.filter(started_at__gt=as_of - _CHECKED_EVERY).exists()


def _has_seal_of_day(as_of: datetime) -> bool:
    last = Seal.objects.first()
    return last is not None and _day(last.sealed_at) >= _day(as_of)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def lock_seals() -> None:
    """Exclude other transactions that seal, chain older rows, or purge."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEAL_LOCK])


@transaction.atomic
def _last_ids() -> tuple[int, int]:
    """Return the highest ids of facts and ledger entries, with no uncommitted rows below them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        # An id is drawn before its row is committed. While these locks are held, no writer is
        # between these two steps. Writers of both tables write facts first, which prevents
        # deadlocks.
        cursor.execute("LOCK TABLE compliance_fact, compliance_ledgerentry IN SHARE MODE")
        cursor.execute(_LAST_IDS)
        last_fact_id, last_entry_id = cursor.fetchone()
    return last_fact_id, last_entry_id


def _store(as_of: datetime, last_fact_id: int, last_entry_id: int) -> Seal:
    previous = Seal.objects.first()
    tombstone = last_valid_tombstone(vouching_seal())
    count = 0

    def counted(found: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal count
        for leaf in found:
            count += 1
            yield leaf

    root = merkle_root(counted(leaves(last_fact_id=last_fact_id, last_entry_id=last_entry_id)))
    seal = Seal(
        sealed_at=as_of,
        last_fact_id=last_fact_id,
        last_entry_id=last_entry_id,
        chains=count,
        root=root,
        last_tombstone_id=None if tombstone is None else tombstone.pk,
        tombstone_hash=None if tombstone is None else tombstone.hash,
    )
    seal.hash = link(bytes(previous.hash) if previous else None, chained_seal(seal))
    seal.signature = signature_of(Signed.SEAL, seal.hash)
    seal.save()
    log.info("sealed", seal=seal.pk, chains=count, root=root.hex())
    return seal


def _lock_rows(model: type[Deadline | Agreement], ids: Sequence[int]) -> None:
    """Lock the rows that writers lock when they extend these chains."""
    rows: Any = model._default_manager.filter(id__in=ids)
    list(for_update(rows, timeout=JOB_LOCK_TIMEOUT).values_list("id"))


def _chain_facts(deadline_ids: Sequence[int]) -> None:
    _lock_rows(Deadline, deadline_ids)
    facts = Fact.objects.filter(deadline_id__in=deadline_ids).order_by("deadline_id", "id")
    hashes, heads = _hashes_of_facts(facts.values(), "deadline_id")
    _set_hashes(_SET_FACTS, hashes)
    write(_SET_FACTS_HEADS, heads)


def _chain_agreements(agreement_ids: Sequence[int]) -> None:
    _lock_rows(Agreement, agreement_ids)
    facts = Fact.objects.filter(agreement_id__in=agreement_ids).order_by("agreement_id", "id")
    hashes, heads = _hashes_of_facts(facts.values(), "agreement_id")
    _set_hashes(_SET_FACTS, hashes)
    for head in heads:
        Agreement.objects.filter(pk=head["id"]).update(facts_head=bytes.fromhex(head["hash"]))


def _chain_ledgers(deadline_ids: Sequence[int]) -> None:
    _lock_rows(Deadline, deadline_ids)
    rows = []
    heads: dict[int, bytes] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LEDGERS, {"ids": list(deadline_ids)})
        names = [column[0] for column in cursor.description]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            pk = row["deadline_id"]
            heads[pk] = link(heads.get(pk), chained_entry(row))
            rows.append({"id": row["id"], "hash": heads[pk].hex()})
    _set_hashes(_SET_ENTRIES, rows)
    write(_SET_LEDGER_HEADS, [{"id": pk, "hash": head.hex()} for pk, head in heads.items()])


def _hashes_of_facts(
    facts: Iterable[Any], key: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = list(facts)
    found: dict[int, list[int]] = {}
    through: Any = Fact.evidence.through
    links = through.objects.filter(fact_id__in=[row["id"] for row in rows])
    for fact_id, evidence_id in links.values_list("fact_id", "evidence_id"):
        found.setdefault(fact_id, []).append(evidence_id)
    hashes = []
    heads: dict[int, bytes] = {}
    for row in rows:
        values = chained_fact(row, found.get(row["id"], ()))
        heads[row[key]] = link(heads.get(row[key]), values)
        hashes.append({"id": row["id"], "hash": heads[row[key]].hex()})
    return hashes, [{"id": pk, "hash": head.hex()} for pk, head in heads.items()]


def _set_hashes(statement: str, rows: Sequence[dict[str, Any]]) -> None:
    """Set hashes in append-only tables."""
    # pgtrigger can only disable triggers for Django's own cursor.
    with (
        pgtrigger.ignore("compliance.Fact:append_only", "compliance.LedgerEntry:append_only"),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [orjson.dumps(rows).decode()])


_LAST_IDS = """
    SELECT (SELECT coalesce(max(id), 0) FROM compliance_fact),
           (SELECT coalesce(max(id), 0) FROM compliance_ledgerentry)
"""

_UNCHAINED_FACTS = """
    SELECT DISTINCT deadline_id FROM compliance_fact
    WHERE hash IS NULL AND deadline_id > %(after)s ORDER BY deadline_id LIMIT %(limit)s
"""
_UNCHAINED_AGREEMENTS = """
    SELECT DISTINCT agreement_id FROM compliance_fact
    WHERE hash IS NULL AND agreement_id > %(after)s ORDER BY agreement_id LIMIT %(limit)s
"""
_UNCHAINED_LEDGERS = """
    SELECT DISTINCT deadline_id FROM compliance_ledgerentry
    WHERE hash IS NULL AND deadline_id > %(after)s ORDER BY deadline_id LIMIT %(limit)s
"""

_LEDGERS = """
    SELECT * FROM compliance_ledgerentry WHERE deadline_id = ANY(%(ids)s)
    ORDER BY deadline_id, recorded_at, effective_at
"""

_HASH_LIST = "jsonb_to_recordset(%s::jsonb) AS v(id bigint, hash text)"
_HASH_ROWS = "jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, hash text)"

_SET_FACTS = f"""
    UPDATE compliance_fact AS f SET hash = decode(v.hash, 'hex') FROM {_HASH_LIST} WHERE f.id = v.id
"""
_SET_ENTRIES = f"""
    UPDATE compliance_ledgerentry AS e SET hash = decode(v.hash, 'hex')
    FROM {_HASH_LIST} WHERE e.id = v.id
"""
_SET_FACTS_HEADS = f"""
    UPDATE compliance_deadline AS d SET facts_head = decode(v.hash, 'hex')
    FROM {_HASH_ROWS} WHERE d.id = v.id
"""
_SET_LEDGER_HEADS = f"""
    UPDATE compliance_deadline AS d SET ledger_head = decode(v.hash, 'hex')
    FROM {_HASH_ROWS} WHERE d.id = v.id
"""
