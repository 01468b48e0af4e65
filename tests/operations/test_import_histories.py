"""After the purge of any import, everything is as if it had never been imported.

Each random history is lived through twice: without the import, and with it and its purge.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.deadlines.ledger import replay
from compliance.domain.drafts import read
from compliance.models import (
    Agreement,
    Breach,
    Deadline,
    Evidence,
    Fact,
    ImportBatch,
    LedgerEntry,
    Milestone,
    Obligation,
    Position,
)
from compliance.models.deadlines.ledger import entry_of
from compliance.operations.agreements import documents, import_purges
from compliance.operations.deadlines import sweep
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from tests.samples import (
    create_agreement,
    deadline_of,
    document,
    obligation,
    record,
    record_agreement_fact,
    utc,
)

pytestmark = pytest.mark.django_db

BEGIN = utc("2026-02-01T00:00")
IMPORTED = utc("2026-03-20T09:00")
NOW = utc("2026-08-01T00:00")
TEN_DAYS = {"type": "offset", "count": 10, "unit": "days"}
STORED: dict[str, dict[str, Any]] = {
    "PLAIN": {"due": {"type": "date", "on": "2026-03-15"}, "grace": {"count": 3, "unit": "days"}},
    "EVENT": {"due": {"type": "trigger", "on": {"milestone": "M"}, "then": TEN_DAYS}},
    "NEXT": {"due": {**TEN_DAYS, "from": {"deadline": "PLAIN"}}},
    "REMEDY": {"due": {"type": "trigger", "on": {"breach_of": "PLAIN"}, "then": TEN_DAYS}},
    "WHOLE": {"due": {"type": "date", "on": "2026-05-01"}},
    "PART-1": {"parent": "WHOLE", "due": {"type": "date", "on": "2026-04-15"}},
}
NEW: dict[str, dict[str, Any]] = {
    "PART-2": {"parent": "WHOLE", "due": {"type": "date", "on": "2026-03-30"}},
    "AFTER": {"due": {**TEN_DAYS, "from": {"deadline": "NEXT"}}},
    "ALONE": {"due": {"type": "date", "on": "2026-04-01"}},
}


def random_facts(source: random.Random, ref: str) -> list[dict[str, Any]]:
    """Return random facts about an obligation, as in a document."""
    found = []
    kinds = ["performance", "extension", "waiver", "suspension"]
    for _ in range(source.randint(0, 2)):
        on = BEGIN + timedelta(days=source.randint(1, 46))
        kind = "trigger" if ref == "EVENT" and source.random() < 0.5 else source.choice(kinds)
        fact: dict[str, Any] = {"type": kind, "on": f"{on:%Y-%m-%d}", "note": f"{source.random()}"}
        if kind == "extension":
            later = on + timedelta(days=source.randint(20, 90))
            fact["due"] = {"type": "date", "on": f"{later:%Y-%m-%d}"}
        if kind == "suspension":
            fact["until"] = f"{on + timedelta(days=9):%Y-%m-%d}"
            fact["is_tolling"] = source.random() < 0.5
        if source.random() < 0.3:
            known_at = on + timedelta(days=source.randint(1, 5), hours=3)
            fact["recorded_at"] = min(known_at, IMPORTED).isoformat()
        found.append(fact)
    return found


def random_document(source: random.Random) -> dict[str, Any]:
    """Return the document that is imported: facts about stored and new obligations."""
    chosen = [ref for ref in NEW if source.random() < 0.5]
    every = [*STORED.items(), *((ref, NEW[ref]) for ref in chosen)]
    suspension = {"type": "suspension", "on": "2026-03-01", "until": "2026-03-09", "note": "all"}
    first = {"ref": "M"}
    if source.random() < 0.4:
        first["on"] = f"2026-0{source.randint(2, 6)}-10"
    if "on" in first and source.random() < 0.4:
        first["recorded_at"] = f"2026-0{source.randint(2, 3)}-05T00:00:00Z"
    log = {"ref": "E-1", "title": "Log", "kind": "search_log", "stance": "against"}
    return document(
        "supply",
        *(obligation(ref, **fields, facts=random_facts(source, ref)) for ref, fields in every),
        facts=[suspension] if source.random() < 0.3 else [],
        evidence=[{**log, "obligations": ["NEXT"]}],
        milestones=[first, {"ref": "N", "on": "2026-04-01"}],
    )


def later_work(source: random.Random, number: int, day: datetime) -> None:
    """Record something that does not depend on the import."""
    on, note = f"{day:%Y-%m-%d}", f"later {number}"
    if source.random() < 0.2:
        until = f"{day + timedelta(days=5):%Y-%m-%d}"
        record_agreement_fact(as_of=day, type="suspension", on=on, note=note, until=until)
        return
    kind = source.choice(["performance", "waiver", "cancellation"])
    record(deadline_of(source.choice(list(STORED))), as_of=day, type=kind, on=on, note=note)


def sweep_until(sweeps: Sequence[datetime], since: datetime, until: datetime) -> None:
    for each in sweeps:
        if since < each <= until:
            sweep.run(as_of=each)
    sweep.run(as_of=until)


def live(seed: int, *, imports: bool) -> dict[str, Any]:
    """Live through a random history, with an import that is purged, or without it."""
    source = random.Random(seed)
    create_agreement(
        *(obligation(ref, **fields) for ref, fields in STORED.items()),
        as_of=BEGIN,
        milestones=[{"ref": "M"}],
    )
    if source.random() < 0.5:
        day = BEGIN + timedelta(days=9)
        record(deadline_of("PLAIN"), as_of=day, type="performance", on="2026-02-08", note="first")
    sweeps = sorted(BEGIN + timedelta(days=source.randint(10, 170)) for _ in range(8))
    day = IMPORTED - timedelta(days=1)
    sweep_until(sweeps, BEGIN, day)
    seals.seal(as_of=day)
    value = read(AgreementDocument, random_document(source))
    if imports:
        documents.load(document=value, by=None, as_of=IMPORTED)
    for number in range(source.randint(0, 4)):
        before, day = day, max(day, IMPORTED) + timedelta(days=source.randint(1, 25))
        sweep_until(sweeps, before, day)
        later_work(source, number, day)
        if source.random() < 0.3:
            seals.seal(as_of=day)
    sweep_until(sweeps, day, NOW)
    if imports:
        batch = ImportBatch.objects.get(is_new_agreement=False)
        import_purges.purge_import(batch=batch, reason="Wrong", by=None, as_of=NOW)
    assert integrity.check(as_of=NOW, every_seal=True).bad_rows == []
    return states([BEGIN, *sweeps, NOW])


def states(moments: Sequence[datetime]) -> dict[str, Any]:
    """Return everything that is stored, and what was known about the deadlines at some moments."""
    found: dict[str, Any] = {
        "facts": sorted(Fact.objects.values_list("note", "recorded_at")),
        "evidence": sorted(Evidence.objects.values_list("ref", flat=True)),
        "positions": Position.objects.count(),
        "milestones": sorted(Milestone.objects.values_list("ref", "on")),
        "obligations": sorted(Obligation.objects.values_list("ref", flat=True)),
        "known from": Agreement.objects.get().recorded_at,
    }
    for deadline in Deadline.objects.filter(is_withdrawn=False).select_related("obligation"):
        entries = [entry_of(row) for row in LedgerEntry.objects.filter(deadline=deadline)]
        breaches = Breach.objects.filter(deadline=deadline).exclude(end_reason="voided")
        replayed = [replay(entries, as_of=each, known_at=each) for each in moments]
        found[f"{deadline.obligation.ref}/{deadline.number}"] = {
            "now": (deadline.status, deadline.status_since, deadline.due_at, deadline.is_closed),
            "then": [each and (each.status, each.reason, each.due_at) for each in replayed],
            "breaches": sorted(breaches.values_list("occurred_at", "ended_at", "end_reason")),
        }
    return found


def compare(seed: int) -> None:
    found = []
    for imports in (False, True):
        with transaction.atomic():
            found.append(live(seed, imports=imports))
            transaction.set_rollback(True)
    without, purged = found
    assert without.keys() == purged.keys()
    assert {
        name: (without[name], purged[name]) for name in without if without[name] != purged[name]
    } == {}


def test_after_a_purge_everything_is_as_if_nothing_had_been_imported() -> None:
    compare(0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(1, 31))
def test_after_any_purge_everything_is_as_if_nothing_had_been_imported(seed: int) -> None:
    compare(seed)
