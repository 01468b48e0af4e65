"""The stored status, ledger, breaches and alerts follow from the projection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance import delivery
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.ledger import Entry, entry_of, replay
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import BreachEnd, FactKind, Status
from compliance.models import (
    Agreement,
    Alert,
    Breach,
    Deadline,
    Fact,
    LedgerEntry,
    Message,
    Obligation,
    Party,
)
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.ledger import entry_of as stored_entry
from compliance.models.deadlines.terms import dump_due
from compliance.operations.deadlines import (
    deadline_rows,
    projection,
    projection_outcome,
    sweep,
)
from tests.domain.strategies import LAST_HOUR, histories, hour, terms
from tests.profiles import scaled
from tests.samples import DESK, counts, create_agreement, obligation, record, subscribe, utc

BEFORE = utc("2026-03-01T00:00")
DUE_AT = utc("2026-03-15T16:00")  # the end of 15 March in Shanghai
AFTER = utc("2026-03-20T00:00")


@pytest.mark.django_db
def test_a_deadline_becomes_unmet_at_its_due_instant_whenever_the_sweep_runs() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=AFTER)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.status_since) == (Status.UNMET, DUE_AT)
    breach = deadline.breaches.get()
    assert (breach.occurred_at, breach.detected_at) == (DUE_AT, AFTER)
    # The first escalation.
    assert deadline.next_check_at == AFTER + timedelta(days=1)


@pytest.mark.django_db
def test_a_deadline_is_not_flagged_early() -> None:
    deadline = create_agreement()
    sweep.run(as_of=DUE_AT - timedelta(microseconds=1))
    deadline.refresh_from_db()
    assert deadline.status == Status.PENDING
    sweep.run(as_of=DUE_AT)
    deadline.refresh_from_db()
    assert deadline.status == Status.UNMET


@pytest.mark.django_db
def test_each_recipient_is_notified_once_however_often_the_sweep_runs() -> None:
    deadline = create_agreement()
    create_agreement(ref="other")
    subscribe()
    subscribe("lawyer@example.org", deadline.agreement)
    for minutes in range(5):
        sweep.run(as_of=AFTER + timedelta(minutes=minutes))
    notified = Alert.objects.filter(deadline=deadline).values_list("recipient", flat=True)
    assert sorted(notified) == [DESK, "lawyer@example.org"]
    assert list(Alert.objects.exclude(deadline=deadline).values_list("recipient", flat=True)) == [
        DESK
    ]


@pytest.mark.django_db
def test_a_recipient_with_two_subscriptions_is_notified_once() -> None:
    deadline = create_agreement()
    subscribe()
    subscribe(DESK, deadline.agreement)
    sweep.run(as_of=AFTER)
    assert Alert.objects.get().recipient == DESK


@pytest.mark.django_db
def test_ended_subscriptions_are_not_notified() -> None:
    create_agreement()
    subscription = subscribe()
    subscription.is_active = False
    subscription.save()
    sweep.run(as_of=AFTER)
    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_a_late_performance_ends_the_breach_and_notifies_its_recipients() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=DUE_AT)
    subscribe("newcomer@example.org")
    record(deadline, as_of=AFTER, type="performance", on="2026-03-18")
    assert deadline.status == Status.MET_LATE
    breach = deadline.breaches.get()
    assert breach.end_reason == BreachEnd.PERFORMED
    assert breach.ended_at == utc("2026-03-17T16:00")
    assert sorted(Alert.objects.values_list("kind", "recipient")) == [
        ("missed", DESK),
        ("recovered", DESK),
    ]


@pytest.mark.django_db
def test_a_breach_detected_after_its_end_is_still_announced() -> None:
    deadline = create_agreement()
    subscribe()
    record(deadline, as_of=AFTER, type="performance", on="2026-03-18")
    assert deadline.breaches.get().end_reason == BreachEnd.PERFORMED
    assert Alert.objects.get().kind == "missed"


@pytest.mark.django_db
def test_loading_history_announces_only_open_breaches() -> None:
    subscribe()
    late = {"type": "performance", "on": "2026-03-18"}
    create_agreement(obligation("O-1", facts=[late]), obligation("O-2"), as_of=AFTER)
    assert Breach.objects.count() == 2
    assert Alert.objects.get().deadline.obligation.ref == "O-2"


@pytest.mark.django_db
def test_a_waiver_effective_before_the_due_instant_voids_the_breach() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=DUE_AT)
    record(deadline, as_of=AFTER, type="waiver", on="2026-03-10")
    breach = deadline.breaches.get()
    assert breach.end_reason == BreachEnd.VOIDED
    assert breach.ended_at == breach.occurred_at
    # The breach had not been announced, so only the waiver is.
    assert Alert.objects.get(kind="missed").withdrawn_at is not None
    assert Alert.objects.get(withdrawn_at__isnull=True).kind == "changed"


@pytest.mark.django_db
def test_retracting_the_waiver_restores_a_voided_breach() -> None:
    deadline = create_agreement()
    sweep.run(as_of=DUE_AT)
    waiver = record(deadline, as_of=AFTER, type="waiver", on="2026-03-10")
    record(deadline, as_of=AFTER, type="retraction", supersedes=waiver.pk)
    assert deadline.status == Status.UNMET
    breach = deadline.breaches.get()
    assert (breach.occurred_at, breach.ended_at, breach.end_reason) == (DUE_AT, None, None)


@pytest.mark.django_db
def test_a_reopened_breach_is_announced_again() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=DUE_AT)
    waiver = record(deadline, as_of=AFTER, type="waiver", on="2026-03-10")
    assert not Alert.objects.filter(withdrawn_at__isnull=True, kind="missed").exists()
    record(deadline, as_of=AFTER, type="retraction", supersedes=waiver.pk)
    alert = Alert.objects.get(withdrawn_at__isnull=True, kind="missed")
    assert alert.message is None


@pytest.mark.django_db
def test_recipients_of_a_recovery_alert_learn_that_the_breach_is_open_again() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=DUE_AT)
    delivery.deliver(as_of=DUE_AT)
    done = record(deadline, as_of=AFTER, type="performance", on="2026-03-18")
    delivery.deliver(as_of=AFTER)
    assert Message.objects.count() == 2
    record(deadline, as_of=AFTER, type="retraction", supersedes=done.pk)
    assert Alert.objects.get(kind="missed").message is None
    assert not Alert.objects.filter(kind="recovered").exists()
    record(deadline, as_of=AFTER, type="performance", on="2026-03-19")
    assert Alert.objects.filter(kind="recovered").count() == 1


@pytest.mark.django_db
def test_a_request_that_started_before_a_sweep_keeps_what_the_sweep_stored() -> None:
    deadline = create_agreement()
    subscribe()
    sweep.run(as_of=DUE_AT + timedelta(seconds=1))
    earlier = DUE_AT - timedelta(seconds=1)
    record(deadline, as_of=earlier, type="extension", on="2026-03-17", due=date_rule("2026-04-01"))
    assert deadline.status == Status.UNMET
    assert deadline.breaches.get().ended_at is None
    assert Alert.objects.get().withdrawn_at is None


@pytest.mark.django_db
def test_performance_on_the_next_day_does_not_erase_the_breach() -> None:
    deadline = create_agreement()
    sweep.run(as_of=DUE_AT)
    record(deadline, as_of=AFTER, type="performance", on="2026-03-16")
    assert deadline.status == Status.MET_LATE
    assert deadline.breaches.get().end_reason == BreachEnd.PERFORMED


@pytest.mark.django_db
def test_the_ledger_keeps_superseded_statuses() -> None:
    deadline = create_agreement()
    sweep.run(as_of=DUE_AT)
    record(deadline, as_of=AFTER, type="waiver", on="2026-03-10")
    entries = stored_entries(deadline)
    believed = replay(entries, as_of=DUE_AT, known_at=AFTER - timedelta(seconds=1))
    known = replay(entries, as_of=DUE_AT, known_at=AFTER)
    assert believed is not None
    assert known is not None
    assert (believed.status, known.status) == (Status.UNMET, Status.WAIVED)


@pytest.mark.django_db
def test_a_corrected_due_date_is_recorded_in_the_ledger() -> None:
    from compliance.domain.agreements.drafts import ObligationDraft
    from compliance.domain.drafts import read
    from compliance.operations.agreements import obligations

    deadline = create_agreement()
    sweep.run(as_of=DUE_AT)
    obligations.update(
        obligation=deadline.obligation,
        draft=read(ObligationDraft, obligation(due_on="2026-04-15")),
        as_of=AFTER,
    )
    deadline.refresh_from_db()
    assert deadline.status == Status.PENDING
    assert deadline.due_at == deadline.original_due_at == utc("2026-04-15T16:00")
    assert deadline.breaches.get().end_reason == BreachEnd.VOIDED
    believed = replay(stored_entries(deadline), as_of=DUE_AT, known_at=DUE_AT)
    assert believed is not None
    assert believed.status == Status.UNMET


@pytest.mark.django_db
def test_a_deadline_that_cannot_be_projected_is_quarantined_without_stopping_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = create_agreement(obligation("O-1"), obligation("O-2"))
    good = Deadline.objects.exclude(pk=bad.pk).get()

    def refusing(agreed: Terms, facts: list[DomainFact]) -> Any:
        if broken and agreed.begins_at == marked:
            sentence = "cannot be projected"
            raise ValueError(sentence)
        return project(agreed, facts)

    marked = bad.begins_at - timedelta(days=1)
    Deadline.objects.filter(pk=bad.pk).update(begins_at=marked)
    broken = True
    monkeypatch.setattr(projection_outcome, "project", refusing)
    run = sweep.run(as_of=AFTER)
    assert counts(run, "refreshed", "quarantined") == (1, 1)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert good.status == Status.UNMET
    assert bad.status == Status.PENDING
    assert "cannot be projected" in bad.quarantine_error
    broken = False
    sweep.run(as_of=AFTER + deadline_rows.QUARANTINED_FOR)
    bad.refresh_from_db()
    assert (bad.status, bad.quarantine_error) == (Status.UNMET, "")


@pytest.mark.django_db
def test_the_number_of_queries_of_a_sweep_is_constant(django_assert_max_num_queries: Any) -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{number}") for number in range(60)))
    with django_assert_max_num_queries(20):
        assert counts(sweep.run(as_of=AFTER), "breaches") == (60,)


@pytest.mark.django_db
def test_the_batch_size_does_not_change_the_result_of_a_sweep() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(7)))
    assert counts(sweep.run(as_of=AFTER, batch=2), "breaches") == (7,)
    assert set(Deadline.objects.values_list("status", flat=True)) == {Status.UNMET}


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["fact", "ledgerentry", "position", "evidence"])
@pytest.mark.parametrize(
    "statement", ["UPDATE compliance_{} SET id = id", "DELETE FROM compliance_{}"]
)
def test_recorded_rows_cannot_be_changed_even_by_sql(table: str, statement: str) -> None:
    deadline = create_agreement(
        obligation(
            facts=[{"type": "performance", "on": "2026-03-01", "evidence": ["E1"]}],
            positions=[{"party": "ACME", "verdict": "met", "on": "2026-03-02"}],
        ),
        evidence=[{"ref": "E1", "title": "Customs record", "kind": "document", "stance": "for"}],
        as_of=BEFORE,
    )
    assert deadline.status == Status.MET
    with (
        pytest.raises(DatabaseError, match="append_only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))


@pytest.mark.django_db(transaction=True)
def test_refreshing_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        projection.refresh([], as_of=AFTER)


def date_rule(day: str) -> dict[str, str]:
    return {"type": "date", "on": day}


def stored_entries(deadline: Deadline) -> list[Entry]:
    return [stored_entry(row) for row in LedgerEntry.objects.filter(deadline=deadline)]


def stored_deadline(agreed: Terms) -> Deadline:
    """Store a deadline with exactly these terms, without a projection."""
    agreement = Agreement.objects.create(
        ref="random",
        title="Random",
        kind="other",
        created_at=hour(0),
        ends_on=agreed.expires_at - timedelta(days=1) if agreed.expires_at else None,
    )
    party = Party.objects.create(code="P", name="P", kind="company", timezone="UTC")
    agreement.memberships.create(party=party)
    obligation = Obligation.objects.create(
        agreement=agreement,
        ref="O",
        title="O",
        kind=agreed.kind,
        due=None if agreed.is_endless else {"type": "date"},
        target_quantity=agreed.target_quantity,
    )
    due = agreed.due
    return Deadline.objects.create(
        agreement=agreement,
        obligation=obligation,
        status=Status.PENDING,
        status_since=agreed.begins_at,
        next_check_at=hour(0),
        begins_at=agreed.begins_at,
        starts_at=agreed.starts_at,
        due_on=due.due_on if due else None,
        due_at=due.due_at if due else None,
        unmet_at=due.unmet_at if due else None,
        original_due_on=due.due_on if due else None,
        original_due_at=due.due_at if due else None,
        original_unmet_at=due.unmet_at if due else None,
        original_earliest_due_at=due.earliest_due_at if due else None,
        moves=[
            {
                "at": each.at.isoformat(),
                "reason": each.reason,
                "due": dump_due(each.due) if each.due else None,
            }
            for each in agreed.moves
        ],
        is_withdrawn=agreed.is_withdrawn,
        timezone="UTC",
    )


def store_fact(
    deadline: Deadline, fact: DomainFact, recorded_at: datetime, ids: dict[int, int]
) -> None:
    """Store a domain fact unchanged; its due date is already computed."""
    due: Due | None = fact.due
    row = Fact.objects.create(
        deadline=None if fact.is_of_agreement else deadline,
        agreement=deadline.agreement if fact.is_of_agreement else None,
        kind=fact.kind,
        effective_at=fact.effective_at,
        effective_on=fact.effective_on,
        until_at=fact.until_at,
        until_on=fact.until_on,
        is_tolling=fact.tolls,
        quantity=fact.quantity,
        verdict=fact.verdict,
        share=fact.share,
        is_final=fact.is_final,
        successor=deadline.obligation if fact.kind is FactKind.REPLACEMENT else None,
        due={} if fact.kind is FactKind.EXTENSION and due is not None else None,
        due_on=due.due_on if due else None,
        due_at=due.due_at if due else None,
        unmet_at=due.unmet_at if due else None,
        supersedes_id=ids[fact.supersedes] if fact.supersedes else None,
        recorded_at=recorded_at,
    )
    ids[fact.id] = row.pk
    if due is not None:
        moves = [*(deadline.moves or ()), {"fact": row.pk, "due": dump_due(due)}]
        deadline.moves = moves
        Deadline.objects.filter(pk=deadline.pk).update(moves=moves)


def projected(deadline: Deadline, agreed: Terms) -> Timeline:
    """Return the timeline of a deadline from all facts recorded so far."""
    deadline.refresh_from_db()
    return project(agreed, facts_about([deadline]).get(deadline.pk, ()))


def storing(
    deadline: Deadline,
    history: list[tuple[DomainFact, datetime]],
    *,
    hours_between_sweeps: int,
) -> Iterator[datetime]:
    """Record a history, with sweeps in between; yield the time after each fact and sweep."""
    ids: dict[int, int] = {}
    sweeps = range(0, LAST_HOUR + 1, hours_between_sweeps)
    events: list[tuple[datetime, int, DomainFact | None]] = [
        *((recorded_at, 1, fact) for fact, recorded_at in history),
        *((hour(number), 0, None) for number in sweeps),
    ]
    for as_of, _, fact in sorted(events, key=lambda event: event[:2]):
        with transaction.atomic():
            if fact is None:
                sweep.run(as_of=as_of)
            else:
                store_fact(deadline, fact, as_of, ids)
                projection.refresh([deadline.pk], as_of=as_of)
        yield as_of


class EveryTimeline(DatabaseTestCase):
    """Random histories, recorded in any order, with sweeps in between."""

    @given(terms(), histories())
    @settings(max_examples=scaled(0.15), suppress_health_check=list(HealthCheck))
    def test_stored_status_ledger_and_breaches_match_the_projection(
        self, agreed: Terms, history: list[tuple[DomainFact, datetime]]
    ) -> None:
        deadline = stored_deadline(agreed)
        known: list[tuple[datetime, Any]] = []
        for as_of in storing(deadline, history, hours_between_sweeps=8):
            timeline = projected(deadline, agreed)
            now = timeline.at(as_of) or timeline.transitions[0]
            assert deadline.status == now.status
            assert deadline.due_at == (now.due and now.due.due_at)
            assert deadline.earliest_due_at == (now.due and now.due.earliest_due_at)
            assert deadline.is_ambiguous == now.is_ambiguous
            assert deadline.is_closed == now.is_closed
            assert (deadline.performed_quantity, deadline.target_quantity) == (
                now.performed,
                now.target,
            )
            assert deadline.accepted_share == now.accepted_share
            following = timeline.next_after(as_of)
            looked_at = deadline.next_check_at
            assert looked_at is None or looked_at > as_of
            assert following is None or (looked_at is not None and looked_at <= following)
            live = Breach.objects.exclude(end_reason=BreachEnd.VOIDED).order_by("occurred_at")
            assert [(each.occurred_at, each.ended_at) for each in live] == [
                (each.occurred_at, each.ended_at) for each in timeline.breaches(as_of)
            ]
            known.append((deadline.recorded_at or as_of, timeline))
        entries = stored_entries(deadline)
        for known_at, timeline in dict(known).items():
            for number in range(LAST_HOUR + 1):
                if hour(number) > known_at:
                    break
                expected = timeline.at(hour(number))
                found = replay(entries, as_of=hour(number), known_at=known_at)
                assert (found is None) == (expected is None)
                if found is not None and expected is not None:
                    assert found == entry_of(
                        expected.effective_from(found.effective_at), found.recorded_at
                    )
