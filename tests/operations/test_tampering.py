"""Whoever changes in the database what was recorded is found, whatever they change.

They may do all that the owner of the database may: here triggers and constraints are off.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from compliance.domain.integrity.chains import link
from compliance.models import Agreement, Deadline, Fact, LedgerEntry, Seal
from compliance.models.deadlines.facts import chained_fact
from compliance.models.deadlines.ledger import chained_entry
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from compliance.queries.integrity.chains import check_agreements
from compliance.queries.integrity.deadlines import check_deadlines
from compliance.queries.integrity.findings import Findings
from compliance.queries.integrity.seal_checks import check_seals
from tests.operations.example_history import NOW, remember

pytestmark = pytest.mark.django_db

SEED = 20_250_514
COUNT = 1_000

FACT, ENTRY, LINK = "compliance_fact", "compliance_ledgerentry", "compliance_fact_evidence"
# The number of a ledger entry is only its position in the list of changes.
_NOT_SAID = {ENTRY: {"id"}}


@dataclass(frozen=True)
class Chain:
    """Rows of one table in the order of their chain."""

    table: str
    key: str
    owner: int
    ids: tuple[int, ...]

    def check(self) -> Findings:
        """What a check of only this chain's deadline or agreement finds."""
        findings = Findings()
        if self.key == "agreement_id":
            check_agreements(findings, agreement_ids=[self.owner])
        else:
            check_deadlines(findings, as_of=NOW, deadline_ids=[self.owner])
        return findings


def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a statement, and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def undone() -> Iterator[None]:
    """Disable triggers within the block, and roll everything back after it."""
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        yield
        transaction.set_rollback(True)


@pytest.fixture
def chains() -> list[Chain]:
    """A sealed history without the constraints that would refuse some of the changes."""
    remember()
    assert seals.seal(as_of=NOW) is not None
    found = []
    for table, key, order in (
        (FACT, "deadline_id", "id"),
        (FACT, "agreement_id", "id"),
        (ENTRY, "deadline_id", "id"),
    ):
        for owner, ids in run(
            f"SELECT {key}, array_agg(id ORDER BY {order}) FROM {table} "
            f"WHERE {key} IS NOT NULL GROUP BY {key} ORDER BY {key}"
        ):
            found.append(Chain(table, key, owner, tuple(ids)))
    run("SET CONSTRAINTS ALL IMMEDIATE")
    for table in (FACT, ENTRY, LINK):
        for (name,) in run(
            "SELECT conname FROM pg_constraint "
            "WHERE conrelid = %s::regclass AND contype IN ('c', 'u')",
            table,
        ):
            run(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
    return found


def edit(dice: random.Random, chain: Chain) -> str:
    """Give one column of one row another value."""
    pk = dice.choice(chain.ids)
    columns = run(
        "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns "
        "WHERE table_name = %s AND table_schema = current_schema() ORDER BY column_name",
        chain.table,
    )
    name, can_be_null = dice.choice(
        [each for each in columns if each[0] not in _NOT_SAID.get(chain.table, ())]
    )
    [(before,)] = run(f"SELECT {name} FROM {chain.table} WHERE id = %s", pk)
    after = None if before is not None and can_be_null and dice.random() < 0.2 else _other(
        dice, chain, name, before
    )  # fmt: skip
    if name == "id":
        after = pk + 10**6
    run(f"UPDATE {chain.table} SET {name} = %s WHERE id = %s", after, pk)
    return f"{name} of {pk} from {before!r} to {after!r}"


def _other(dice: random.Random, chain: Chain, name: str, before: Any) -> Any:
    if before is None:
        [(kind,)] = run(
            "SELECT data_type FROM information_schema.columns WHERE table_name = %s "
            "AND column_name = %s AND table_schema = current_schema()",
            chain.table,
            name,
        )
        return {
            "timestamp with time zone": NOW, "date": NOW.date(), "numeric": Decimal("0.5"),
            "bigint": dice.choice(chain.ids), "bytea": b"x", "character varying": "met",
            "jsonb": '{"type": "date", "on": "2027-01-01"}',
        }[kind]  # fmt: skip
    match before:
        case bool():
            return not before
        case datetime():
            return before + dice.choice((1, -1)) * dice.choice(
                (
                    timedelta(microseconds=1),
                    timedelta(seconds=1),
                    timedelta(days=dice.randint(1, 9)),
                )
            )
        case date():
            return before + timedelta(days=dice.choice((-7, -1, 1, 30)))
        case Decimal():
            return before + dice.choice((Decimal("0.000001"), Decimal(-1), Decimal(10)))
        case int():
            return before + dice.choice((-1, 1, 1_000_000))
        case bytes() | memoryview():
            return dice.randbytes(32)
    if name in {"kind", "status", "reason", "verdict"}:
        words = {
            "kind": ("waiver", "cancellation"),
            "verdict": ("met", "undetermined"),
            "status": ("met", "waived"),
            "reason": ("performed", "waived"),
        }[name]
        return next(each for each in words if each != before)
    if name == "due":
        return before.replace("2026", "2027") if "2026" in before else '{"type": "date"}'
    return f"{before}."


def delete(dice: random.Random, chain: Chain) -> str:
    """Remove one row."""
    pk = dice.choice(chain.ids)
    run(f"DELETE FROM {chain.table} WHERE id = %s", pk)
    return f"{pk}"


def exchange(dice: random.Random, chain: Chain) -> str:
    """Exchange two rows."""
    first, second = dice.sample(chain.ids, 2)
    _swap(chain.table, "id", first, second)
    return f"ids of {first} and {second}"


def exchange_instants(dice: random.Random, chain: Chain) -> str:
    """Exchange the instants by which two ledger entries are ordered."""
    first, second = dice.sample(chain.ids, 2)
    run(
        f"UPDATE {ENTRY} AS e SET recorded_at = o.recorded_at, effective_at = o.effective_at "
        f"FROM {ENTRY} AS o WHERE (e.id, o.id) IN ((%s, %s), (%s, %s))",
        first, second, second, first,
    )  # fmt: skip
    return f"instants of {first} and {second}"


def _swap(table: str, column: str, first: int, second: int) -> None:
    for before, after in ((first, -1), (second, first), (-1, second)):
        run(f"UPDATE {table} SET {column} = %s WHERE id = %s", after, before)


def insert(dice: random.Random, chain: Chain) -> str:
    """Add a copy of a row with another day, anywhere in its chain, with a hash that fits it."""
    pk = dice.choice(chain.ids)
    shift = timedelta(hours=dice.randint(-90 * 24, 90 * 24), microseconds=7)
    columns = [
        name
        for (name,) in run(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
            "AND table_schema = current_schema() AND column_name <> 'id'",
            chain.table,
        )
    ]
    taken = {each for (each,) in run(f"SELECT id FROM {chain.table}")}
    forged = next(each for each in iter(lambda: dice.randint(1, max(taken) + 50), None)
                  if each not in taken)  # fmt: skip
    names = ", ".join(columns)
    values = names.replace("effective_at", "effective_at + %s")
    if chain.table == ENTRY:
        values = values.replace(
            "recorded_at", f"recorded_at + interval '{dice.randint(0, 9)} hours'"
        )
    run(
        f"INSERT INTO {chain.table} (id, {names}) OVERRIDING SYSTEM VALUE "
        f"SELECT {forged}, {values} FROM {chain.table} WHERE id = %s",
        shift, pk,
    )  # fmt: skip
    fate = dice.choice(("copied", "none", "fitting"))
    if fate == "none":
        run(f"UPDATE {chain.table} SET hash = NULL WHERE id = %s", forged)
    elif fate == "fitting":
        _fit(chain, forged)
    return f"a copy of {pk} as {forged}, its hash {fate}"


def _fit(chain: Chain, forged: int) -> None:
    """Give a forged row the hash that follows from the row before it."""
    rows = _rows(chain)
    place = [row["id"] for row in rows].index(forged)
    before = bytes(rows[place - 1]["hash"]) if place else None
    run(
        f"UPDATE {chain.table} SET hash = %s WHERE id = %s",
        link(before, _said(chain, rows[place])),
        forged,
    )


def _rows(chain: Chain) -> list[dict[str, Any]]:
    model: Any = Fact if chain.table == FACT else LedgerEntry
    order = ("id",) if chain.table == FACT else ("recorded_at", "effective_at")
    return list(model.objects.filter(**{chain.key: chain.owner}).order_by(*order).values())


def _said(chain: Chain, row: dict[str, Any]) -> list[object]:
    if chain.table == ENTRY:
        return chained_entry(row)
    evidence = [
        pk for (pk,) in run(f"SELECT evidence_id FROM {LINK} WHERE fact_id = %s", row["id"])
    ]
    return chained_fact(row, evidence)


def cut_off(dice: random.Random, chain: Chain) -> str:
    """Remove the newest rows."""
    rest = chain.ids[dice.randint(0, len(chain.ids) - 1) :]
    run(f"DELETE FROM {chain.table} WHERE id = ANY(%s)", list(rest))
    return f"{len(rest)} of {len(chain.ids)}"


def cut_off_all(dice: random.Random, chain: Chain) -> str:
    """Remove every row."""
    run(f"DELETE FROM {chain.table} WHERE {chain.key} = %s", chain.owner)
    return "all"


def rest_on_other_evidence(dice: random.Random, chain: Chain) -> str:
    """Take evidence from a fact, or give it some."""
    pk = dice.choice(chain.ids)
    resting = [each for (each,) in run(f"SELECT evidence_id FROM {LINK} WHERE fact_id = %s", pk)]
    if resting and dice.random() < 0.5:
        run(f"DELETE FROM {LINK} WHERE fact_id = %s AND evidence_id = %s", pk, dice.choice(resting))
    else:
        known = [each for (each,) in run("SELECT id FROM compliance_evidence")]
        other = dice.choice([each for each in known if each not in resting])
        run(f"INSERT INTO {LINK} (fact_id, evidence_id) VALUES (%s, %s)", pk, other)
    return f"evidence of {pk}"


WAYS: tuple[tuple[Callable[[random.Random, Chain], str], Callable[[Chain], bool]], ...] = (
    (edit, lambda chain: True),
    (delete, lambda chain: True),
    (exchange, lambda chain: len(chain.ids) > 1),
    (exchange_instants, lambda chain: chain.table == ENTRY and len(chain.ids) > 1),
    (insert, lambda chain: True),
    (cut_off, lambda chain: True),
    (cut_off_all, lambda chain: True),
    (rest_on_other_evidence, lambda chain: chain.table == FACT),
)


@pytest.mark.exhaustive
def test_each_of_a_thousand_random_changes_is_detected(chains: list[Chain]) -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    for chain in chains:
        assert chain.check().is_clean
    tried = dict.fromkeys([way.__name__ for way, _ in WAYS], 0)
    for _ in range(COUNT):
        way, fits = dice.choice(WAYS)
        chain = dice.choice([each for each in chains if fits(each)])
        tried[way.__name__] += 1
        with undone():
            change = way(dice, chain)
            findings = chain.check()
            assert not findings.is_clean, (way.__name__, chain, change)
            named = {each.table for each in findings.bad_rows}
            assert chain.table in named or "compliance_deadline" in named
    assert min(tried.values()) > COUNT / 20
    for chain in chains:
        assert chain.check().is_clean


def rewrite(chain: Chain) -> None:
    """Give every row of a chain the hash that follows, and the chain its head."""
    head = None
    for row in _rows(chain):
        head = link(head, _said(chain, row))
        run(f"UPDATE {chain.table} SET hash = %s WHERE id = %s", head, row["id"])
    if chain.key == "agreement_id":
        Agreement.objects.filter(pk=chain.owner).update(facts_head=head)
    elif chain.table == FACT:
        Deadline.objects.filter(pk=chain.owner).update(facts_head=head)
    else:
        Deadline.objects.filter(pk=chain.owner).update(ledger_head=head)


def test_the_seal_detects_a_chain_rewritten_with_its_head(
    chains: list[Chain],
) -> None:
    for chain in chains:
        with undone():
            column = "note" if chain.table == FACT else "due_on"
            value = "rewritten" if chain.table == FACT else "2031-01-01"
            run(f"UPDATE {chain.table} SET {column} = %s WHERE id = %s", value, chain.ids[0])
            rewrite(chain)
            assert chain.check().is_clean
            findings = Findings()
            check_seals(findings)
            [bad] = findings.bad_rows
            assert (bad.table, bad.id) == ("compliance_seal", Seal.objects.get().pk)


def test_the_seal_detects_a_deadline_removed_with_all_its_records(
    chains: list[Chain],
) -> None:
    owner = next(chain.owner for chain in chains if chain.table == ENTRY)
    with undone():
        for table in (FACT, ENTRY, "compliance_breach", "compliance_alert"):
            run(f"DELETE FROM {table} WHERE deadline_id = %s", owner)
        run("DELETE FROM compliance_deadline WHERE id = %s", owner)
        findings = integrity.check(as_of=NOW)
        assert [each.table for each in findings.bad_rows] == ["compliance_seal"]
        assert "chains instead of" in findings.bad_rows[0].detail


def test_rows_of_a_removed_deadline_are_reported(chains: list[Chain]) -> None:
    chain = next(each for each in chains if each.table == ENTRY)
    with undone():
        run("DELETE FROM compliance_deadline WHERE id = %s", chain.owner)
        findings = integrity.check(as_of=NOW)
        named = {(each.table, each.id) for each in findings.bad_rows}
        assert {(ENTRY, pk) for pk in chain.ids} <= named


def test_an_unreadable_value_is_reported_and_does_not_hide_other_problems(
    chains: list[Chain],
) -> None:
    first, second = [each for each in chains if each.table == ENTRY][:2]
    with undone():
        run(f"UPDATE {ENTRY} SET due_at = 'infinity' WHERE id = %s", first.ids[0])
        run(f"UPDATE {ENTRY} SET status = 'x' WHERE id = %s", second.ids[0])
        findings = integrity.check(as_of=NOW)
        found = {each.deadline: each.detail for each in findings.bad_rows if each.deadline}
        assert set(found) == {first.owner, second.owner}
        assert "cannot be read" in found[first.owner]


def test_a_missing_head_of_an_agreement_chain_is_detected(chains: list[Chain]) -> None:
    agreement = Agreement.objects.get()
    with undone():
        run("UPDATE compliance_agreement SET facts_head = NULL WHERE id = %s", agreement.pk)
        findings = integrity.check(as_of=NOW)
        assert [(each.table, each.agreement) for each in findings.bad_rows] == [
            (FACT, agreement.pk)
        ]
