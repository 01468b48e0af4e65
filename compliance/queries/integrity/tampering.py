"""Checks of hash chains, seals and stored statuses for tampering.

Reads one batch of deadlines at a time, each in one snapshot. So concurrent writes never look like
tampering, and memory use does not grow with the data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from compliance.models.system.jobs import Problem
from compliance.queries.evidence.evidence import damaged_files

BATCH = 1_000

# If a whole database was overwritten, the first thousand rows suffice.
MOST_KEPT = 1_000

_CHANGED = (
    "Its hash does not match its values and the previous row: it was changed, or the row "
    "before it was removed, added or replaced."
)
_UNCHAINED = "It has no hash: it was added outside its chain."
_OUT_OF_ORDER = "Its id is lower than that of the previous row in the chain: it was replaced."
_CUT_OFF = "The chain continued after this row: its end was removed."
_AFTER_THE_END = "It was added after the end of its chain."
_EMPTY = "Its chain has a head but no rows: all of them were removed."
_DAMAGED = "Its bytes are missing or have changed."
_ORPHAN = "Its deadline or agreement does not exist."


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A bad row (of a chain, the first one) and its problem."""

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
    """The counts and findings of a check.

    `quarantined` counts quarantined deadlines: their chains were checked, their status was not.
    """

    deadlines: int = 0
    facts: int = 0
    entries: int = 0
    seals: int = 0
    quarantined: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether no problem was found."""
        return not self.bad

    @property
    def problems(self) -> list[Problem]:
        """Return the bad rows as JSON."""
        return [
            Problem(
                about=row.table,
                id=row.id,
                detail=row.detail,
                deadline=row.deadline,
                agreement=row.agreement,
            )
            for row in self.bad_rows
        ]

    def add(self, row: BadRow) -> None:
        """Record a bad row."""
        self.bad += 1
        if len(self.bad_rows) < MOST_KEPT:
            self.bad_rows.append(row)

    def merge(self, other: Findings) -> None:
        """Add the findings of another check."""
        self.deadlines += other.deadlines
        self.facts += other.facts
        self.entries += other.entries
        self.quarantined += other.quarantined
        for row in other.bad_rows:
            self.add(row)
        self.bad += other.bad - len(other.bad_rows)


class _Row(NamedTuple):
    """The columns of a deadline and its obligation that a check needs."""

    id: int
    agreement_id: int
    begins_at: datetime
    starts_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None
    original_unmet_at: datetime | None
    original_earliest_due_at: datetime | None
    moves: list[dict[str, Any]] | None
    is_withdrawn: bool
    timezone: str
    recorded_at: datetime | None
    quarantine_error: str
    facts_head: bytes | None
    ledger_head: bytes | None
    status: str
    status_since: datetime
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    earliest_due_at: datetime | None
    is_ambiguous: bool
    performed_quantity: Decimal
    target_quantity: Decimal | None
    accepted_share: Decimal | None
    next_check_at: datetime | None
    duty_kind: str
    duty_target: Decimal | None
    has_due_rule: bool
    survives_termination: bool


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
    """Check everything that is stored.

    Recomputes the latest seal, or all with `every_seal`. Always checks the links between seals.
    `root` is that of a seal that somebody kept elsewhere.
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
    """Check the chains and stored timelines of all deadlines, or of the given ones."""
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
    """Check the fact chains of all agreements, or of the given ones."""
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
    """Check the links between seals; recompute the latest one, that of `root`, or `every` one."""
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
            f"No seal has the root {root.hex()}: it was changed, removed, or never created here."
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
    chains = f"{count} chains instead of {seal.chains}" if count != seal.chains else "other heads"
    return (
        f"The sealed records have changed: there are {chains}. Some "
        "chain was rewritten or removed afterwards."
    )


@contextmanager
def _snapshot() -> Iterator[None]:
    """Read everything within the block from one snapshot."""
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
        # Pacta never writes such values. Bisect until only their rows are left out.
        if len(rows) == 1:
            detail = f"Its stored values cannot be read: {error!r}."
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
    known = facts_about(rows, surviving={row.id for row in rows if row.survives_termination})
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
        if row.quarantine_error:
            findings.quarantined += 1
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
    """Return the first row that does not follow from the previous ones, and its problem."""
    last: bytes | None = None
    before = 0
    for each in chain:
        if each.hash is None:
            # Before the first seal there may be rows older than the chains.
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
    """Return the fact chains by the id of their deadline or agreement."""
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
    """Return how a deadline differs from its projection; empty if it does not."""
    # It may have been refreshed after the check began. If the sweep is behind, the state before
    # the change that fell due is also right.
    at = max(as_of, row.recorded_at or as_of)
    if row.next_check_at is not None and row.next_check_at <= at:
        at = row.next_check_at - TICK
    try:
        duty = Duty(
            kind=ObligationKind(row.duty_kind),
            target_quantity=row.duty_target,
            has_due_rule=row.has_due_rule,
            survives_termination=row.survives_termination,
        )
        timeline = project(terms_of(row, duty), facts)
        held = [_entry_of(each) for each in entries]
        is_retold = not ledger_delta(held, timeline.until(at))
        has_breaches = not breach_changes(breaches, timeline.breaches(at))
    except Exception as error:  # Pacta never writes values that cannot be read
        return f"It cannot be projected: {error!r}."
    following = timeline.next_after(at)
    if following is not None and (row.next_check_at is None or row.next_check_at > following):
        # An earlier check is harmless: notification steps lie between the changes.
        return f"Its next check is at {row.next_check_at}, after its next change at {following}."
    expected = _columns(timeline, at)
    differing = [name for name, value in expected.items() if getattr(row, name) != value]
    if differing:
        stored = ", ".join(f"{name} {getattr(row, name)}" for name in differing)
        due = ", ".join(f"{expected[name]}" for name in differing)
        return f"Its status does not follow from its terms and facts: {stored} instead of {due}."
    if not is_retold:
        return "Its ledger does not match its terms and facts."
    if not has_breaches:
        return "Its breaches do not match its terms and facts."
    if entries and (row.recorded_at is None or row.recorded_at < entries[-1]["recorded_at"]):
        return "Its latest ledger entry is later than its recorded_at."
    return ""


def _columns(timeline: Timeline, at: datetime) -> dict[str, object]:
    """Return what must be stored for a timeline."""
    # Before a deadline begins, it has the first status of its timeline.
    now = timeline.at(at) or timeline.transitions[0]
    return {
        "status": now.status,
        "status_since": timeline.status_since(at) or now.effective_at,
        "due_on": now.due and now.due.due_on,
        "due_at": now.due and now.due.due_at,
        "unmet_at": now.due and now.due.unmet_at,
        "earliest_due_at": now.due and now.due.earliest_due_at,
        "is_ambiguous": now.is_ambiguous,
        "performed_quantity": now.performed,
        "target_quantity": now.target,
        "accepted_share": now.accepted_share,
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
        earliest_due_at=row["earliest_due_at"],
        performed=row["performed"],
        target=row["target"],
        accepted_share=row["accepted_share"],
    )


def _check_orphans(findings: Findings) -> None:
    """Find rows whose deadline or agreement was removed."""
    for table, pk, deadline_id, agreement_id in fetch(_ORPHANS, limit=MOST_KEPT):
        findings.add(
            BadRow(table=table, id=pk, deadline=deadline_id, agreement=agreement_id, detail=_ORPHAN)
        )


_OF_DEADLINE = ", ".join(f"d.{name}" for name in _Row._fields[: _Row._fields.index("duty_kind")])

# The left join also finds deadlines whose obligation was removed.
_DEADLINES = f"""
    SELECT {_OF_DEADLINE}, o.kind, o.target_quantity, o.due IS NOT NULL,
        coalesce(o.survives_termination, FALSE)
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
    "due_on", "due_at", "unmet_at", "earliest_due_at", "performed", "target", "accepted_share",
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
