"""Whether what is stored is what was recorded: chains, seals, and statuses that follow from both.

Reads a batch of deadlines at a time, each in one snapshot, so that nobody who writes meanwhile is
mistaken for somebody who tampers, and the memory it takes does not grow with what is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import DataError, connection, transaction

from compliance.domain.deadlines.breaches import breach_changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import Entry, ledger_delta
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.suspensions import TICK
from compliance.domain.deadlines.timeline import BreachInterval, Timeline
from compliance.domain.integrity.chains import link, merkle_root
from compliance.domain.vocabulary import BreachEnd, ObligationKind, Reason, Status
from compliance.models import Fact as StoredFact
from compliance.models import Seal
from compliance.models.bulk import fetch
from compliance.models.deadlines.deadlines import Duty, terms_of
from compliance.models.deadlines.facts import chained_fact, facts_about
from compliance.models.deadlines.ledger import chained_entry
from compliance.models.integrity.chains import chained_seal, leaves
from compliance.queries.evidence.evidence import damaged_files

BATCH = 1_000

# Of a database that was overwritten as a whole the first thousand rows say enough.
MOST_KEPT = 1_000

_CHANGED = (
    "Its hash does not follow from what it says and the row before it: it was changed, or what "
    "stood before it was removed, added or exchanged."
)
_UNCHAINED = "It has no hash: it was added past its chain."
_OUT_OF_ORDER = "Its id is lower than that of the row before it in the chain: it was exchanged."
_CUT_OFF = "The chain went on after this row: its end was cut off."
_AFTER_THE_END = "It was added after the end of its chain."
_EMPTY = "Its chain has a head but no row: all of it was removed."
_DAMAGED = "Its bytes are gone, or are no longer those that were stored."
_ORPHAN = "What it belongs to does not exist."


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """The first row of a chain, or the one row, that is not as it must be, and what is wrong."""

    table: str
    id: int | None
    deadline: int | None = None
    agreement: int | None = None
    detail: str

    def __str__(self) -> str:
        of = (("deadline", self.deadline), ("agreement", self.agreement))
        where = "".join(f", {name} {pk}" for name, pk in of if pk is not None)
        return f"{self.table} {'-' if self.id is None else self.id}{where}: {self.detail}"


@dataclass(kw_only=True, slots=True)
class Findings:
    """What a check has looked at, and what it found wrong.

    `set_aside` are deadlines whose stored status waits for a mend of their data: their chains
    were checked, their status was not.
    """

    deadlines: int = 0
    facts: int = 0
    entries: int = 0
    seals: int = 0
    set_aside: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.bad

    @property
    def problems(self) -> list[dict[str, Any]]:
        """The bad rows as JSON."""
        return [asdict(each) for each in self.bad_rows]

    def add(self, row: BadRow) -> None:
        """Take note of a bad row."""
        self.bad += 1
        if len(self.bad_rows) < MOST_KEPT:
            self.bad_rows.append(row)

    def merge(self, other: Findings) -> None:
        """Take over what was found elsewhere."""
        self.deadlines += other.deadlines
        self.facts += other.facts
        self.entries += other.entries
        self.set_aside += other.set_aside
        for row in other.bad_rows:
            self.add(row)
        self.bad += other.bad - len(other.bad_rows)


class _Row(NamedTuple):
    """The columns of a deadline that a check needs, and those of its obligation."""

    id: int
    agreement_id: int
    begins_at: datetime
    starts_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None
    original_unmet_at: datetime | None
    original_first_at: datetime | None
    moves: list[dict[str, Any]] | None
    is_withdrawn: bool
    timezone: str
    recorded_at: datetime | None
    set_aside_error: str
    facts_head: bytes | None
    ledger_head: bytes | None
    status: str
    status_since: datetime
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    first_at: datetime | None
    is_ambiguous: bool
    performed_quantity: Decimal
    target_quantity: Decimal | None
    next_check_at: datetime | None
    duty_kind: str
    duty_target: Decimal | None
    has_due_rule: bool
    is_surviving: bool


class _Link(NamedTuple):
    """A row of a chain."""

    id: int
    hash: bytes | None
    values: list[object]


def check(
    *,
    as_of: datetime,
    every_seal: bool = False,
    root: bytes | None = None,
) -> Findings:
    """Check all that is stored, as of now.

    The newest seal is worked out again, or each with `every_seal`; that all are linked to each
    other is always looked at. `root` is that of a seal that somebody kept elsewhere.
    """
    findings = Findings()
    check_deadlines(findings, as_of=as_of)
    check_agreements(findings)
    _check_orphans(findings)
    check_seals(findings, every=every_seal, root=root)
    for file in damaged_files():
        findings.add(BadRow(table="compliance_evidencefile", id=file.pk, detail=_DAMAGED))
    return findings


def check_deadlines(
    findings: Findings, *, as_of: datetime, deadline_ids: Collection[int] | None = None
) -> None:
    """Check the chains and the stored courses of all deadlines, or of the given ones."""
    after = 0
    ids = None if deadline_ids is None else list(deadline_ids)
    is_sealed = Seal.objects.exists()
    while True:
        with _snapshot():
            rows = [_Row(*row) for row in fetch(_DEADLINES, after=after, ids=ids, limit=BATCH)]
            if not rows:
                return
            _check_some(findings, rows, as_of, is_sealed=is_sealed)
        after = rows[-1].id


def check_agreements(findings: Findings, *, agreement_ids: Collection[int] | None = None) -> None:
    """Check the chains of what befell all agreements as a whole, or the given ones."""
    after = 0
    wanted = None if agreement_ids is None else list(agreement_ids)
    is_sealed = Seal.objects.exists()
    while True:
        with _snapshot():
            heads = dict(fetch(_AGREEMENTS, after=after, ids=wanted, limit=BATCH))
            if not heads:
                return
            chains = _fact_chains("agreement_id", list(heads))
        for pk, head in heads.items():
            findings.facts += len(chains[pk])
            if bad := _first_bad(chains[pk], head, is_sealed=is_sealed):
                row_id, detail = bad
                findings.add(
                    BadRow(table="compliance_fact", id=row_id, agreement=pk, detail=detail)
                )
        after = max(heads)


def check_seals(findings: Findings, *, every: bool = False, root: bytes | None = None) -> None:
    """Check that every seal is linked to the one before it, and that the newest, the one with
    `root`, or `every` one still is what it sealed."""
    seals: list[Seal] = []
    before: bytes | None = None
    newest: Seal | None = None
    last_id = 0
    is_whole = True
    for each in Seal.objects.order_by("id").iterator(chunk_size=BATCH):
        findings.seals += 1
        if is_whole and bytes(each.hash) != link(before, chained_seal(each)):
            is_whole = False
            findings.add(BadRow(table="compliance_seal", id=each.pk, detail=_CHANGED))
        before, newest, last_id = bytes(each.hash), each, each.pk
        if every or (root is not None and bytes(each.root) == root):
            seals.append(each)
    if root is not None and not any(bytes(each.root) == root for each in seals):
        detail = (
            f"No seal has the root {root.hex()}: it was changed or removed, or never made here."
        )
        findings.add(BadRow(table="compliance_seal", id=None, detail=detail))
    if newest is not None and not any(each.pk == last_id for each in seals):
        seals.append(newest)
    for each in seals:
        if detail := _broken_seal(each):
            findings.add(BadRow(table="compliance_seal", id=each.pk, detail=detail))


def _broken_seal(seal: Seal) -> str:
    count = 0

    def counted(found: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal count
        for leaf in found:
            count += 1
            yield leaf

    with transaction.atomic():
        sealed = leaves(last_fact_id=seal.last_fact_id, last_entry_id=seal.last_entry_id)
        root = merkle_root(counted(sealed))
    if root == bytes(seal.root) and count == seal.chains:
        return ""
    chains = f"{count} chains in place of {seal.chains}" if count != seal.chains else "other heads"
    return (
        f"What was stored when it was made is no longer what is stored: there are {chains}. Some "
        "chain was written anew, or removed, after that."
    )


@contextmanager
def _snapshot() -> Iterator[None]:
    """Within the block all is read as it stood at one instant."""
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        if is_own:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _check_some(
    findings: Findings, rows: Sequence[_Row], as_of: datetime, *, is_sealed: bool
) -> None:
    try:
        found = _check_batch(rows, as_of, is_sealed=is_sealed)
    except _UNREADABLE as error:
        # Values that we would not have written. Half by half, until only theirs are left out.
        if len(rows) == 1:
            detail = f"What is stored of it cannot be read: {error!r}."
            pk = rows[0].id
            findings.add(BadRow(table="compliance_deadline", id=pk, deadline=pk, detail=detail))
            return
        half = len(rows) // 2
        _check_some(findings, rows[:half], as_of, is_sealed=is_sealed)
        _check_some(findings, rows[half:], as_of, is_sealed=is_sealed)
    else:
        findings.merge(found)


_UNREADABLE = (ValueError, TypeError, ArithmeticError, LookupError, DataError)


def _check_batch(rows: Sequence[_Row], as_of: datetime, *, is_sealed: bool) -> Findings:
    findings = Findings()
    ids = [row.id for row in rows]
    facts = _fact_chains("deadline_id", ids)
    ledger = _ledger_chains(ids)
    breaches = _breaches_of(ids)
    known = facts_about(rows, surviving={row.id for row in rows if row.is_surviving})
    for row in rows:
        entries = ledger.get(row.id, [])
        chain = [_link_of(each) for each in entries]
        findings.deadlines += 1
        findings.facts += len(facts[row.id])
        findings.entries += len(entries)
        for table, links, head in (
            ("compliance_fact", facts[row.id], row.facts_head),
            ("compliance_ledgerentry", chain, row.ledger_head),
        ):
            if bad := _first_bad(links, head, is_sealed=is_sealed):
                row_id, detail = bad
                findings.add(BadRow(table=table, id=row_id, deadline=row.id, detail=detail))
        if row.set_aside_error:
            findings.set_aside += 1
            continue
        if detail := _other_course(
            row, known.get(row.id, ()), entries, breaches.get(row.id, ()), as_of
        ):
            findings.add(
                BadRow(table="compliance_deadline", id=row.id, deadline=row.id, detail=detail)
            )
    return findings


def _first_bad(
    chain: Sequence[_Link], head: bytes | None, *, is_sealed: bool
) -> tuple[int | None, str] | None:
    """The first row that does not follow from those before it, and what is wrong with it."""
    last: bytes | None = None
    before = 0
    for each in chain:
        if each.hash is None:
            # Until the first seal there may be rows from before there were chains.
            if last is None and not is_sealed:
                continue
            return each.id, _UNCHAINED
        if each.id < before:
            return each.id, _OUT_OF_ORDER
        if each.hash != link(last, each.values):
            return each.id, _CHANGED
        last, before = each.hash, each.id
    if last == head:
        return None
    if not chain:
        return None, _EMPTY
    hashes = [each.hash for each in chain]
    if head is None or head in hashes:
        place = 0 if head is None else hashes.index(head) + 1
        return chain[place].id, _AFTER_THE_END
    return chain[-1].id, _CUT_OFF


def _fact_chains(key: str, ids: Sequence[int]) -> dict[int, list[_Link]]:
    """The chains of facts, by the ids of what they are about."""
    found: dict[int, list[_Link]] = defaultdict(list)
    facts = StoredFact.objects.filter(**{f"{key}__in": ids}).order_by(key, "id").values()
    rows: list[Any] = list(facts)
    evidence: dict[int, list[int]] = defaultdict(list)
    for fact_id, evidence_id in fetch(_EVIDENCE_OF, ids=[row["id"] for row in rows]):
        evidence[fact_id].append(evidence_id)
    for row in rows:
        stored = None if row["hash"] is None else bytes(row["hash"])
        values = chained_fact(row, evidence[row["id"]])
        found[row[key]].append(_Link(id=row["id"], hash=stored, values=values))
    return found


def _ledger_chains(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for values in fetch(_LEDGER_OF, ids=ids):
        row = dict(zip(_LEDGER_COLUMNS, values, strict=True))
        found[row["deadline_id"]].append(row)
    return found


def _link_of(row: Mapping[str, Any]) -> _Link:
    return _Link(id=row["id"], hash=row["hash"], values=chained_entry(row))


def _breaches_of(ids: Sequence[int]) -> dict[int, list[BreachInterval]]:
    found: dict[int, list[BreachInterval]] = defaultdict(list)
    for deadline_id, occurred_at, ended_at, end_reason in fetch(_BREACHES_OF, ids=ids):
        found[deadline_id].append(
            BreachInterval(
                occurred_at=occurred_at,
                ended_at=ended_at,
                end_reason=BreachEnd(end_reason) if end_reason else None,
            )
        )
    return found


def _other_course(
    row: _Row,
    facts: Sequence[Fact],
    entries: Sequence[Mapping[str, Any]],
    breaches: Sequence[BreachInterval],
    as_of: datetime,
) -> str:
    """What of a deadline differs from what follows from its terms and facts; empty if nothing."""
    # What was settled after the check began; and where the sweep has not come yet, what held
    # until something fell due.
    at = max(as_of, row.recorded_at or as_of)
    if row.next_check_at is not None and row.next_check_at <= at:
        at = row.next_check_at - TICK
    try:
        duty = Duty(
            kind=ObligationKind(row.duty_kind),
            target_quantity=row.duty_target,
            has_due_rule=row.has_due_rule,
            is_surviving=row.is_surviving,
        )
        timeline = project(terms_of(row, duty), facts)
        held = [_entry_of(each) for each in entries]
        is_retold = not ledger_delta(held, timeline, at)
        has_breaches = not breach_changes(breaches, timeline.breaches(at))
    except Exception as error:  # whatever cannot be read was not written by us
        return f"Its course cannot be worked out: {error!r}."
    following = timeline.next_after(at)
    if following is not None and (row.next_check_at is None or row.next_check_at > following):
        # Looking sooner than anything changes does no harm: the alert ladder has steps between.
        return f"It is looked at {row.next_check_at}, after its next change at {following}."
    expected = _columns(timeline, at)
    differing = [name for name, value in expected.items() if getattr(row, name) != value]
    if differing:
        stored = ", ".join(f"{name} {getattr(row, name)}" for name in differing)
        due = ", ".join(f"{expected[name]}" for name in differing)
        return f"It does not stand as its facts and terms have it: {stored}, in place of {due}."
    if not is_retold:
        return "Its ledger does not hold the course that follows from its facts and terms."
    if not has_breaches:
        return "Its breaches are not those that follow from its facts and terms."
    if entries and (row.recorded_at is None or row.recorded_at < entries[-1]["recorded_at"]):
        return "Its newest ledger entry is later than it says of itself."
    return ""


def _columns(timeline: Timeline, at: datetime) -> dict[str, object]:
    """What must be stored of a course."""
    # A deadline agreed for a later instant stands, until then, as it will stand at first.
    now = timeline.at(at) or timeline.transitions[0]
    return {
        "status": now.status,
        "status_since": timeline.status_since(at) or now.effective_at,
        "due_on": now.due and now.due.due_on,
        "due_at": now.due and now.due.due_at,
        "unmet_at": now.due and now.due.unmet_at,
        "first_at": now.due and now.due.first_at,
        "is_ambiguous": now.is_ambiguous,
        "performed_quantity": now.performed,
        "target_quantity": now.target,
    }


def _entry_of(row: Mapping[str, Any]) -> Entry:
    return Entry(
        recorded_at=row["recorded_at"],
        effective_at=row["effective_at"],
        status=Status(row["status"]),
        reason=Reason(row["reason"]),
        fact_id=row["fact_id"],
        due_at=row["due_at"],
        unmet_at=row["unmet_at"],
        first_at=row["first_at"],
        performed=row["performed"],
        target=row["target"],
    )


def _check_orphans(findings: Findings) -> None:
    """Find rows whose deadline or agreement was removed from under them."""
    for table, pk, deadline_id, agreement_id in fetch(_ORPHANS, limit=MOST_KEPT):
        findings.add(
            BadRow(table=table, id=pk, deadline=deadline_id, agreement=agreement_id, detail=_ORPHAN)
        )


_OF_DEADLINE = ", ".join(f"d.{name}" for name in _Row._fields[: _Row._fields.index("duty_kind")])

# A deadline without its obligation is to be found, not passed over.
_DEADLINES = f"""
    SELECT {_OF_DEADLINE}, o.kind, o.target_quantity, o.due IS NOT NULL,
        coalesce(o.is_surviving, FALSE)
    FROM compliance_deadline AS d
    LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
    WHERE d.id > %(after)s AND (%(ids)s::bigint[] IS NULL OR d.id = ANY(%(ids)s::bigint[]))
    ORDER BY d.id LIMIT %(limit)s
"""

_AGREEMENTS = """
    SELECT a.id, c.facts_head
    FROM (SELECT agreement_id AS id FROM compliance_fact WHERE agreement_id IS NOT NULL
          UNION SELECT agreement_id FROM compliance_agreementchain) AS a
    LEFT JOIN compliance_agreementchain AS c ON c.agreement_id = a.id
    WHERE a.id > %(after)s AND (%(ids)s::bigint[] IS NULL OR a.id = ANY(%(ids)s::bigint[]))
    ORDER BY a.id LIMIT %(limit)s
"""

_EVIDENCE_OF = """
    SELECT fact_id, evidence_id FROM compliance_fact_evidence WHERE fact_id = ANY(%(ids)s)
"""

_LEDGER_COLUMNS = (
    "id", "hash", "deadline_id", "recorded_at", "effective_at", "status", "reason", "fact_id",
    "due_on", "due_at", "unmet_at", "first_at", "performed", "target",
)  # fmt: skip

_LEDGER_OF = f"""
    SELECT {", ".join(_LEDGER_COLUMNS)} FROM compliance_ledgerentry
    WHERE deadline_id = ANY(%(ids)s) ORDER BY deadline_id, recorded_at, effective_at
"""

_BREACHES_OF = """
    SELECT deadline_id, occurred_at, ended_at, end_reason
    FROM compliance_breach WHERE deadline_id = ANY(%(ids)s)
"""

_ORPHANS = """
    (SELECT 'compliance_fact', f.id, f.deadline_id, f.agreement_id FROM compliance_fact AS f
     WHERE (f.deadline_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM compliance_deadline AS d WHERE d.id = f.deadline_id))
        OR (f.agreement_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM compliance_agreement AS a WHERE a.id = f.agreement_id))
     LIMIT %(limit)s)
    UNION ALL
    (SELECT 'compliance_ledgerentry', e.id, e.deadline_id, NULL FROM compliance_ledgerentry AS e
     WHERE NOT EXISTS (SELECT FROM compliance_deadline AS d WHERE d.id = e.deadline_id)
     LIMIT %(limit)s)
"""
