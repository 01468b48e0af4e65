"""Sealing what has been recorded, so that a change of it shows."""

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
from compliance.models import Agreement, AgreementChain, Deadline, Fact, LedgerCheck, Seal
from compliance.models.bulk import fetch, write
from compliance.models.deadlines.facts import chained_fact
from compliance.models.deadlines.ledger import chained_entry
from compliance.models.integrity.chains import chained_seal, leaves
from compliance.models.locks import JOB_LOCK_TIMEOUT, for_update

log = structlog.get_logger(__name__)

BATCH = 1_000

# Held while a seal is made, and while rows are chained for the first one.
_SEAL_LOCK = 0x5041435345

# Whoever writes waits behind us while we wait for those who began before.
_PATIENCE = "2s"

_CHECKED_EVERY = timedelta(hours=23)


def seal(*, as_of: datetime) -> Seal | None:
    """Seal all chains as they stand; None if the day, in UTC, has its seal already.

    None also where writers held the tables too long: the next call does it then. The first seal
    comes after `adopt`.
    """
    if _has_seal_of_day(as_of):
        return None
    if not Seal.objects.exists():
        adopt()
    try:
        last_fact_id, last_entry_id = _last_ids()
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        log.warning("no seal yet: others are writing")
        return None
    with transaction.atomic():
        _lock()
        if _has_seal_of_day(as_of):
            return None
        return _store(as_of, last_fact_id, last_entry_id)


def adopt() -> int:
    """Chain rows that were stored before there were chains; how many chains that made.

    Only as long as there is no seal: later on, a row without a hash is one that somebody added.
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
                _lock()
                if Seal.objects.exists():
                    return made
                chain(found)
            made += len(found)
    return made


def note_check(
    *,
    started_at: datetime,
    ended_at: datetime,
    deadlines: int,
    facts: int,
    entries: int,
    problems: Sequence[dict[str, Any]],
) -> LedgerCheck:
    """Store what a check has found."""
    return LedgerCheck.objects.create(
        started_at=started_at,
        ended_at=ended_at,
        deadlines=deadlines,
        facts=facts,
        entries=entries,
        problems=list(problems),
    )


def is_check_due(*, as_of: datetime) -> bool:
    """Whether the last check is a day ago, less the hour between two looks at this."""
    return not LedgerCheck.objects.filter(started_at__gt=as_of - _CHECKED_EVERY).exists()


def _has_seal_of_day(as_of: datetime) -> bool:
    last = Seal.objects.first()
    return last is not None and _day(last.sealed_at) >= _day(as_of)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEAL_LOCK])


@transaction.atomic
def _last_ids() -> tuple[int, int]:
    """The highest ids below which nothing can come to light any more."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
        # A number is drawn before its row is committed. While these are held nobody is between
        # the two. Whoever writes to both writes facts first, so that none of us waits in a ring.
        cursor.execute("LOCK TABLE compliance_fact, compliance_ledgerentry IN SHARE MODE")
        cursor.execute(_LAST_IDS)
        last_fact_id, last_entry_id = cursor.fetchone()
    return last_fact_id, last_entry_id


def _store(as_of: datetime, last_fact_id: int, last_entry_id: int) -> Seal:
    before = Seal.objects.first()
    count = 0

    def counted(found: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal count
        for leaf in found:
            count += 1
            yield leaf

    root = merkle_root(counted(leaves(last_fact_id=last_fact_id, last_entry_id=last_entry_id)))
    made = Seal(
        sealed_at=as_of,
        last_fact_id=last_fact_id,
        last_entry_id=last_entry_id,
        chains=count,
        root=root,
    )
    made.hash = link(bytes(before.hash) if before else None, chained_seal(made))
    made.save()
    log.info("sealed", seal=made.pk, chains=count, root=root.hex())
    return made


def _hold(model: type[Deadline | Agreement], ids: Sequence[int]) -> None:
    """Lock rows as whoever adds to their chains does."""
    rows: Any = model._default_manager.filter(id__in=ids)
    list(for_update(rows, timeout=JOB_LOCK_TIMEOUT).values_list("id"))


def _chain_facts(deadline_ids: Sequence[int]) -> None:
    _hold(Deadline, deadline_ids)
    facts = Fact.objects.filter(deadline_id__in=deadline_ids).order_by("deadline_id", "id")
    hashes, heads = _hashes_of_facts(facts.values(), "deadline_id")
    _rewrite(_SET_FACTS, hashes)
    write(_SET_FACTS_HEADS, heads)


def _chain_agreements(agreement_ids: Sequence[int]) -> None:
    _hold(Agreement, agreement_ids)
    facts = Fact.objects.filter(agreement_id__in=agreement_ids).order_by("agreement_id", "id")
    hashes, heads = _hashes_of_facts(facts.values(), "agreement_id")
    _rewrite(_SET_FACTS, hashes)
    for head in heads:
        AgreementChain.objects.update_or_create(
            agreement_id=head["id"], defaults={"facts_head": bytes.fromhex(head["hash"])}
        )


def _chain_ledgers(deadline_ids: Sequence[int]) -> None:
    _hold(Deadline, deadline_ids)
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
    _rewrite(_SET_ENTRIES, rows)
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


def _rewrite(statement: str, rows: Sequence[dict[str, Any]]) -> None:
    """Set hashes in tables in which nothing else is ever changed."""
    # By Django's own cursor, which is the one that the triggers can be told by.
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

_LISTED = "jsonb_to_recordset(%s::jsonb) AS v(id bigint, hash text)"
_GIVEN = "jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, hash text)"

_SET_FACTS = f"""
    UPDATE compliance_fact AS f SET hash = decode(v.hash, 'hex') FROM {_LISTED} WHERE f.id = v.id
"""
_SET_ENTRIES = f"""
    UPDATE compliance_ledgerentry AS e SET hash = decode(v.hash, 'hex')
    FROM {_LISTED} WHERE e.id = v.id
"""
_SET_FACTS_HEADS = f"""
    UPDATE compliance_deadline AS d SET facts_head = decode(v.hash, 'hex')
    FROM {_GIVEN} WHERE d.id = v.id
"""
_SET_LEDGER_HEADS = f"""
    UPDATE compliance_deadline AS d SET ledger_head = decode(v.hash, 'hex')
    FROM {_GIVEN} WHERE d.id = v.id
"""
