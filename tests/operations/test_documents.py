"""Documents with a history: facts and when each became known."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.documents import read_agreement
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import (
    Agreement,
    Alert,
    Breach,
    Deadline,
    Fact,
    LedgerEntry,
    Position,
    User,
)
from compliance.operations.agreements import documents
from compliance.operations.deadlines import sweep
from compliance.operations.deadlines.approvals import ApprovalNeeded
from tests.samples import (
    create_agreement,
    deadline_of,
    document,
    load,
    obligation,
    record,
    subscribe,
    utc,
)

pytestmark = pytest.mark.django_db

NOW = utc("2026-06-01T00:00")
EXAMPLES = Path(__file__).parents[2] / "examples"

DONE: dict[str, Any] = {
    "type": "performance",
    "on": "2026-03-20",
    "recorded_at": "2026-03-25T09:00:00Z",
}
LATER: dict[str, Any] = {
    "type": "extension",
    "on": "2026-03-12",
    "due": {"type": "date", "on": "2026-03-18"},
    "recorded_at": "2026-03-16T12:00:00Z",
}


def ledger(deadline: Deadline) -> list[tuple[Any, ...]]:
    """Return the ledger of a deadline, without the ids of facts."""
    rows = LedgerEntry.objects.filter(deadline=deadline).order_by("recorded_at", "effective_at")
    return list(
        rows.values_list("recorded_at", "effective_at", "status", "reason", "due_at", "performed")
    )


def paths(refused: Invalid) -> set[str]:
    return {problem.path for problem in refused.problems}


def test_an_imported_history_has_the_ledger_that_live_recording_would_have_written() -> None:
    content = document(
        "imported", obligation("O-1", facts=[DONE, LATER]), recorded_at="2026-02-01T00:00:00Z"
    )
    load(content, as_of=NOW)
    lived = create_agreement(obligation("O-1"), ref="live", as_of=utc("2026-02-01T00:00"))
    for fact in (LATER, DONE):
        fields = dict(fact)
        as_of = datetime.fromisoformat(fields.pop("recorded_at"))
        # A sweep at the exact instant of a change, which is the earliest possible.
        while lived.next_check_at is not None and lived.next_check_at <= as_of:
            sweep.run(as_of=lived.next_check_at)
            lived.refresh_from_db()
        record(lived, as_of=as_of, **fields)
    history = Deadline.objects.get(agreement__ref="imported")
    assert ledger(history) == ledger(lived)
    assert [row[2] for row in ledger(history)] == [
        "pending", "unmet", "pending", "unmet", "met_late",
    ]  # fmt: skip
    assert (history.status, history.status_since) == (lived.status, lived.status_since)


def test_facts_keep_their_recorded_and_stored_times() -> None:
    load(document("imported", obligation(facts=[DONE, LATER])), as_of=NOW)
    first, second = Fact.objects.order_by("id")
    # In the order in which they became known, not that of the document.
    assert (first.kind, second.kind) == ("extension", "performance")
    assert first.recorded_at == utc("2026-03-16T12:00")
    assert first.stored_at == NOW


def test_a_history_without_recorded_at_begins_with_the_agreement() -> None:
    load(document("imported", obligation(facts=[DONE])), as_of=NOW)
    deadline = deadline_of("O-1")
    assert ledger(deadline)[0][0] == deadline.begins_at == utc("2026-01-09T16:00")


def test_an_obligation_is_known_no_later_than_the_first_fact_about_it() -> None:
    late = document("imported", obligation(facts=[DONE]), recorded_at="2026-05-01T00:00:00Z")
    load(late, as_of=NOW)
    assert ledger(deadline_of("O-1"))[0][0] == utc("2026-03-25T09:00")


def test_a_document_without_recorded_at_is_known_from_loading_on() -> None:
    plain = {name: value for name, value in DONE.items() if name != "recorded_at"}
    load(document("plain", obligation(facts=[plain])), as_of=NOW)
    assert {row[0] for row in ledger(deadline_of("O-1"))} == {NOW}


def test_undated_entries_become_known_on_loading() -> None:
    plain = {name: value for name, value in DONE.items() if name != "recorded_at"}
    load(
        document("imported", obligation(facts=[plain]), recorded_at="2026-02-01T00:00:00Z"),
        as_of=NOW,
    )
    assert [(row[0], row[2]) for row in ledger(deadline_of("O-1"))] == [
        (utc("2026-02-01T00:00"), "pending"),
        (utc("2026-03-15T16:00"), "unmet"),
        (NOW, "met_late"),
    ]


def test_only_breaches_open_at_the_end_of_a_history_are_announced() -> None:
    subscribe()
    load(document("imported", obligation("OVER", facts=[DONE]), obligation("OPEN")), as_of=NOW)
    assert [alert.deadline for alert in Alert.objects.all()] == [deadline_of("OPEN")]
    over = Breach.objects.get(deadline=deadline_of("OVER"))
    assert (over.occurred_at, over.ended_at) == (utc("2026-03-15T16:00"), utc("2026-03-19T16:00"))


def test_loading_a_history_twice_changes_nothing() -> None:
    content = document(
        "imported", obligation(facts=[DONE, LATER]), recorded_at="2026-02-01T00:00:00Z"
    )
    load(content, as_of=NOW)
    before = (ledger(deadline_of("O-1")), Fact.objects.count())
    again = documents.load(
        document=read(AgreementDocument, content), by=None, as_of=NOW + timedelta(days=1)
    )
    assert not again.is_changed
    assert (ledger(deadline_of("O-1")), Fact.objects.count()) == before


def test_records_that_became_known_later_than_the_ledger_keep_their_recorded_times() -> None:
    create_agreement(obligation(), as_of=utc("2026-02-01T00:00"))
    load(document("supply", obligation(facts=[DONE])), as_of=NOW)
    assert [(row[0], row[2]) for row in ledger(deadline_of("O-1"))] == [
        (utc("2026-02-01T00:00"), "pending"),
        (utc("2026-03-15T16:00"), "unmet"),
        (utc("2026-03-25T09:00"), "met_late"),
    ]


def test_what_was_stated_at_the_time_is_not_denied_afterwards() -> None:
    create_agreement(obligation(), as_of=utc("2026-02-01T00:00"))
    sweep.run(as_of=utc("2026-04-01T00:00"))
    stated = ledger(deadline_of("O-1"))
    position = {
        "party": "ACME", "verdict": "not_met", "on": "2026-03-20",
        "recorded_at": "2026-03-20T12:00:00Z",
    }  # fmt: skip
    found = documents.load(
        document=read(
            AgreementDocument,
            document("supply", obligation(facts=[DONE], positions=[position])),
        ),
        by=None,
        as_of=NOW,
    )
    assert [each.path for each in found.report.warnings] == [
        "obligations/0/facts/0/recorded_at",
        "obligations/0/positions/0/recorded_at",
    ]
    assert ledger(deadline_of("O-1"))[: len(stated)] == stated
    assert Fact.objects.get().recorded_at == Position.objects.get().recorded_at == NOW


def test_an_obligation_added_by_a_document_can_have_a_history() -> None:
    create_agreement(obligation(), as_of=utc("2026-02-01T00:00"))
    load(document("supply", obligation(), obligation("O-2", facts=[DONE])), as_of=NOW)
    assert [row[2] for row in ledger(deadline_of("O-2"))] == ["pending", "unmet", "met_late"]
    assert {row[0] for row in ledger(deadline_of("O-1"))} == {utc("2026-02-01T00:00")}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"recorded_at": "2026-06-01T00:00:01Z"}, "recorded_at"),
        ({"obligations": [obligation(facts=[{**DONE, "recorded_at": "2027-01-01T00:00:00Z"}])]},
         "obligations/0/facts/0/recorded_at"),
        ({"facts": [{"type": "termination", "on": "2026-05-01",
                     "recorded_at": "2026-07-01T00:00:00Z"}]}, "facts/0/recorded_at"),
        ({"obligations": [obligation(facts=[{**DONE, "recorded_at": "2026-03-01T00:00:00Z"}])]},
         "obligations/0/facts/0/on"),
        ({"recorded_at": "2026-03-01"}, "recorded_at"),
    ],
)  # fmt: skip
def test_impossible_recorded_times_are_refused(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        load({**document("imported"), **change}, as_of=NOW)
    assert paths(refused.value) == {path}
    assert not Agreement.objects.exists()


def test_a_document_cannot_add_facts_that_need_approval() -> None:
    create_agreement(obligation(), as_of=utc("2026-02-01T00:00"), requires_approval=True)
    waiver = {"type": "waiver", "on": "2026-03-14"}
    with pytest.raises(ApprovalNeeded, match="Facts that need approval: 1 waiver"):
        load(document("supply", obligation(facts=[waiver])), as_of=NOW)
    assert not Fact.objects.exists()


def test_facts_about_an_agreement_take_effect_when_they_became_known() -> None:
    ended = {"type": "termination", "on": "2026-03-01", "recorded_at": "2026-03-20T00:00:00Z"}
    load(
        document("imported", obligation(), facts=[ended], recorded_at="2026-02-01T00:00:00Z"),
        as_of=NOW,
    )
    assert [(row[0], row[2]) for row in ledger(deadline_of("O-1"))] == [
        (utc("2026-02-01T00:00"), "pending"),
        (utc("2026-03-15T16:00"), "unmet"),
        (utc("2026-03-20T00:00"), "cancelled"),
    ]
    [breach] = Breach.objects.all()
    assert breach.end_reason == "voided"


def test_the_geneva_example_has_a_history(admin_user: User) -> None:
    text = (EXAMPLES / "geneva-2025.yaml").read_bytes()
    documents.load(
        document=read_agreement(text, is_yaml=True), by=admin_user, as_of=utc("2026-11-24T00:00")
    )
    release = deadline_of("CN-2d")
    assert [(row[0], row[2]) for row in ledger(release)] == [
        (utc("2025-05-12T12:00"), "pending"),
        (utc("2025-05-14T16:00"), "unmet"),
    ]
    extended = deadline_of("US-3")
    assert [row[4] for row in ledger(extended) if row[4]] == [
        utc("2025-08-12T04:01"),
        utc("2025-08-12T04:01"),
        utc("2025-11-10T05:01"),
        utc("2026-11-10T05:01"),
        utc("2026-11-10T05:01"),
    ]
    recorded = [row[0] for row in ledger(extended)]
    assert all(earlier < later for earlier, later in pairwise(recorded))


def test_licences_in_november_would_end_the_breach_of_may_without_erasing_it() -> None:
    text = (EXAMPLES / "geneva-2025.yaml").read_bytes()
    load_at = utc("2025-11-08T00:00")
    documents.load(document=read_agreement(text, is_yaml=True), by=None, as_of=load_at)
    release = deadline_of("CN-2d")
    record(release, as_of=utc("2025-11-20T00:00"), type="performance", on="2025-11-10")
    [breach] = Breach.objects.filter(deadline=release)
    assert (release.status, breach.end_reason) == ("met_late", "performed")
    assert (breach.occurred_at, breach.ended_at) == (
        utc("2025-05-14T16:00"),
        utc("2025-11-09T16:00"),
    )


def test_a_stored_parent_does_not_learn_of_a_component_before_its_fact_was_recorded() -> None:
    part = obligation("PART-1", "2026-04-15", parent="WHOLE")
    create_agreement(obligation("WHOLE", "2026-05-01"), part, as_of=utc("2026-02-01T00:00"))
    waiver = {"type": "waiver", "on": "2026-02-17", "recorded_at": "2026-02-21T03:00:00Z"}
    later = {"type": "performance", "on": "2026-03-01", "recorded_at": "2026-03-06T03:00:00Z"}
    load(
        document(
            "supply",
            obligation("WHOLE", "2026-05-01", facts=[later]),
            {**part, "facts": [waiver]},
        ),
        as_of=utc("2026-03-20T09:00"),
    )
    rows = LedgerEntry.objects.filter(deadline=deadline_of("WHOLE")).order_by("recorded_at")
    known = [(row.recorded_at, row.status) for row in rows]
    assert known[:2] == [
        (utc("2026-02-01T00:00"), "pending"),
        (utc("2026-02-21T03:00"), "waived"),
    ]
