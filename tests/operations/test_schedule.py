"""Deadlines that depend on milestones and on each other, recur, and last."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.deadlines import sources
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.deadlines.ledger import replay
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import BreachEnd, Reason
from compliance.models import Agreement, Deadline, Fact, LedgerEntry
from compliance.models.deadlines.deadlines import warnings_about
from compliance.models.deadlines.ledger import entry_of
from compliance.operations.agreements import obligations
from compliance.operations.agreements.obligation_checks import StoredAgreement
from compliance.operations.deadlines import (
    facts,
    projection_outcome,
    recomputation,
    sweep,
)
from tests.domain.expensive_rules import REFUSED
from tests.samples import (
    counts,
    create_agreement,
    deadline_of,
    document,
    load,
    obligation,
    record,
    record_agreement_fact,
    update_agreement,
    update_obligation,
    utc,
)

NOW = utc("2026-02-01T00:00")
MONTHLY = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-02-15"}


def days_after(count: int, **anchor: str) -> dict[str, Any]:
    """Return a rule that is due this many days after an anchor."""
    return {"type": "offset", "from": anchor, "count": count, "unit": "days"}


def after_event(count: int, *, unit: str = "days", **event: str) -> dict[str, Any]:
    """Return a rule that is due this many days after its trigger."""
    return {
        "type": "trigger",
        "on": event,
        "then": {"type": "offset", "count": count, "unit": unit},
    }


def milestone(on: str | None = None, **more: Any) -> dict[str, Any]:
    return {"ref": "in-force", "on": on, **more}


def days(ref: str) -> list[date | None]:
    """The due days of an obligation's deadlines, in order, without those withdrawn."""
    found = Deadline.objects.filter(obligation__ref=ref, is_withdrawn=False).order_by("number")
    return list(found.values_list("due_on", flat=True))


def status_and_day(ref: str, number: int = 1) -> tuple[str, date | None]:
    """The status and the due day of a deadline."""
    deadline = deadline_of(ref, number)
    return deadline.status, deadline.due_on


def known(ref: str, *, at: datetime, known_at: datetime) -> tuple[str, datetime | None]:
    """The status and due instant of a deadline at an instant, as known at another."""
    entries = [entry_of(row) for row in LedgerEntry.objects.filter(deadline=deadline_of(ref))]
    found = replay(entries, as_of=at, known_at=known_at)
    assert found is not None
    return found.status, found.due_at


def refused(*duties: Mapping[str, Any], **more: Any) -> dict[str, str]:
    """Return the problems of these obligations by path; assert that nothing is stored."""
    with pytest.raises(Invalid) as error, transaction.atomic():
        load(document("supply", *duties, **more), as_of=NOW)
    assert not Agreement.objects.exists()
    return {problem.path: problem.detail for problem in error.value.problems}


# Milestones


@pytest.mark.django_db
def test_a_document_can_use_every_type_of_rule() -> None:
    create_agreement(
        obligation("DATE", due={"type": "date", "on": "2026-03-15", "time": "17:00"}),
        obligation("OFFSET", due=days_after(90, date="2026-02-01")),
        obligation("AFTER-DATE", due=days_after(10, deadline="DATE")),
        obligation("AFTER-MILESTONE", due=days_after(30, milestone="in-force")),
        obligation("YEARLY", due={**MONTHLY, "rrule": "FREQ=YEARLY"}),
        obligation("WOKEN", due=after_event(5, milestone="in-force")),
        obligation("ON-BREACH", due=after_event(5, breach_of="DATE")),
        milestones=[milestone("2026-02-10")],
    )
    assert deadline_of("DATE").due_at == utc("2026-03-15T09:00")
    assert status_and_day("OFFSET") == ("pending", date(2026, 5, 2))
    assert status_and_day("AFTER-DATE") == ("pending", date(2026, 3, 25))
    assert status_and_day("AFTER-MILESTONE") == ("pending", date(2026, 3, 12))
    assert days("YEARLY") == [date(2026, 2, 15), date(2027, 2, 15)]
    # As of 1 February the milestone is in the future.
    assert status_and_day("WOKEN") == ("dormant", None)
    assert status_and_day("ON-BREACH") == ("dormant", None)
    assert deadline_of("OFFSET").trace[0].startswith("90 days after 2026-02-01, first day not")
    sweep.run(as_of=utc("2026-02-11T00:00"))
    assert status_and_day("WOKEN") == ("pending", date(2026, 2, 15))


@pytest.mark.django_db
def test_a_deadline_counted_from_an_undated_milestone_is_dormant_until_it_is_dated() -> None:
    deadline = create_agreement(
        obligation(due=days_after(30, milestone="in-force"), grace={"count": 2, "unit": "days"}),
        milestones=[milestone()],
    )
    assert (deadline.status, deadline.due_at, deadline.next_check_at) == ("dormant", None, None)
    assert deadline.trace == ["Dormant until the milestone in-force has a date."]
    update_agreement(milestones=[milestone("2026-02-10")], as_of=utc("2026-02-12T00:00"))
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 3, 12))
    assert deadline.due_at == utc("2026-03-12T16:00")
    assert deadline.unmet_at == utc("2026-03-14T16:00")
    assert deadline.next_check_at is not None
    assert deadline.next_check_at <= deadline.due_at


@pytest.mark.django_db
def test_changing_a_milestone_moves_its_dependents_through_the_ledger() -> None:
    create_agreement(
        obligation("A", due=days_after(30, milestone="in-force")),
        obligation("B", due=days_after(5, deadline="A")),
        milestones=[milestone("2026-02-10")],
    )
    assert (days("A"), days("B")) == ([date(2026, 3, 12)], [date(2026, 3, 17)])
    corrected = utc("2026-02-20T00:00")
    update_agreement(milestones=[milestone("2026-02-15")], as_of=corrected)
    assert (days("A"), days("B")) == ([date(2026, 3, 17)], [date(2026, 3, 22)])
    at = utc("2026-02-16T00:00")
    before = corrected - timedelta(seconds=1)
    assert known("B", at=at, known_at=before) == ("pending", utc("2026-03-17T16:00"))
    assert known("B", at=at, known_at=corrected) == ("pending", utc("2026-03-22T16:00"))


@pytest.mark.django_db
def test_removing_the_date_of_a_milestone_makes_its_dependents_dormant() -> None:
    create_agreement(
        obligation("A", due=days_after(3, milestone="in-force")),
        milestones=[milestone("2026-02-10")],
    )
    sweep.run(as_of=utc("2026-02-20T00:00"))
    assert status_and_day("A")[0] == "unmet"
    update_agreement(milestones=[milestone()], as_of=utc("2026-02-21T00:00"))
    assert status_and_day("A") == ("dormant", None)
    assert deadline_of("A").breaches.get().end_reason == BreachEnd.VOIDED


@pytest.mark.django_db
def test_a_milestone_at_an_instant_counts_as_its_day_in_the_zone_of_the_rule() -> None:
    at = {"ref": "in-force", "at": "2026-02-10T20:00:00Z"}  # the 11th in Shanghai
    create_agreement(
        obligation("DAYS", due=days_after(1, milestone="in-force")),
        obligation("HOURS", due={**days_after(36, milestone="in-force"), "unit": "hours"}),
        milestones=[at],
    )
    assert status_and_day("DAYS") == ("pending", date(2026, 2, 12))
    assert deadline_of("HOURS").due_at == utc("2026-02-12T08:00")


@pytest.mark.django_db
def test_a_milestone_with_dependents_cannot_be_removed() -> None:
    create_agreement(
        obligation("A", due=days_after(3, milestone="in-force")),
        milestones=[milestone("2026-02-10"), {"ref": "spare"}],
    )
    with pytest.raises(Invalid) as error:
        update_agreement(milestones=[{"ref": "spare"}], as_of=NOW)
    assert str(error.value) == ("milestones: A counts from milestone in-force, which must stay.")
    update_agreement(milestones=[milestone("2026-02-10")], as_of=NOW)
    assert Agreement.objects.get().milestones.count() == 1


@pytest.mark.django_db
def test_an_extension_counted_from_a_milestone_moves_with_it() -> None:
    deadline = create_agreement(milestones=[milestone("2026-03-01")])
    later = days_after(60, milestone="in-force")
    record(deadline, as_of=NOW, type="extension", on="2026-01-20", due=later)
    assert deadline.due_on == date(2026, 4, 30)
    update_agreement(milestones=[milestone("2026-03-11")], as_of=NOW + timedelta(days=1))
    deadline.refresh_from_db()
    assert (deadline.due_on, deadline.original_due_on) == (date(2026, 5, 10), date(2026, 3, 15))


# Triggers


@pytest.mark.django_db
def test_a_trigger_on_a_milestone_is_activated_at_it() -> None:
    create_agreement(
        obligation(due=after_event(10, milestone="in-force")), milestones=[milestone()]
    )
    woken = utc("2026-02-12T00:00")
    assert status_and_day("O-1") == ("dormant", None)
    update_agreement(milestones=[milestone("2026-02-10")], as_of=woken)
    deadline = deadline_of("O-1")
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 2, 20))
    assert deadline.status_since == utc("2026-02-09T16:00")
    # It was dormant until then, and the ledger says so.
    assert known("O-1", at=utc("2026-02-05T00:00"), known_at=woken) == ("dormant", None)


@pytest.mark.django_db
def test_a_trigger_on_a_performance_is_dormant_again_when_that_is_retracted() -> None:
    first = create_agreement(obligation("A"), obligation("B", due=after_event(10, met="A")))
    recorded, taken_back = utc("2026-03-12T00:00"), utc("2026-03-14T00:00")
    done = record(first, as_of=recorded, type="performance", on="2026-03-10")
    assert status_and_day("B") == ("pending", date(2026, 3, 20))
    assert deadline_of("B").due_at == utc("2026-03-20T16:00")
    record(first, as_of=taken_back, type="retraction", supersedes=done.pk)
    assert status_and_day("B") == ("dormant", None)
    assert deadline_of("B").next_check_at is None
    at = utc("2026-03-11T00:00")
    assert known("B", at=at, known_at=recorded) == ("pending", utc("2026-03-20T16:00"))
    assert known("B", at=at, known_at=taken_back) == ("dormant", None)


@pytest.mark.django_db
def test_days_after_a_performance_count_from_its_day_in_the_zone_of_the_rule() -> None:
    # 20:00 UTC on the 10th is the 11th in Shanghai, and 16:00 on the 10th in New York.
    in_new_york = after_event(1, met="A")
    in_new_york["then"]["timezone"] = "America/New_York"
    first = create_agreement(
        obligation("A"),
        obligation("HERE", due=after_event(1, met="A")),
        obligation("THERE", due=in_new_york),
    )
    record(first, as_of=utc("2026-03-12T00:00"), type="performance", at="2026-03-10T20:00:00Z")
    assert deadline_of("HERE").due_at == utc("2026-03-12T16:00")
    assert deadline_of("THERE").due_at == utc("2026-03-12T04:00")


@pytest.mark.django_db
def test_hours_after_a_performance_count_from_its_instant() -> None:
    first = create_agreement(
        obligation("A"), obligation("B", due=after_event(48, unit="hours", met="A"))
    )
    record(first, as_of=utc("2026-03-11T00:00"), type="performance", at="2026-03-10T20:30:00Z")
    assert deadline_of("B").due_at == utc("2026-03-12T20:30")


@pytest.mark.django_db
def test_a_breach_activates_its_trigger_in_the_same_sweep() -> None:
    create_agreement(obligation("A"), obligation("B", due=after_event(10, breach_of="A")))
    run = sweep.run(as_of=utc("2026-03-16T00:00"))
    assert counts(run, "breaches", "quarantined") == (1, 0)
    assert status_and_day("A")[0] == "unmet"
    # Missed at the end of the 15th, so at the first instant of the 16th.
    assert status_and_day("B") == ("pending", date(2026, 3, 26))
    deadline = deadline_of("B")
    assert deadline.status_since == deadline_of("A").unmet_at


@pytest.mark.django_db
def test_after_an_outage_one_sweep_finds_a_breach_and_the_one_that_follows_from_it() -> None:
    create_agreement(
        obligation("A"),
        obligation("B", due=after_event(10, breach_of="A")),
        obligation("C", due=after_event(1, breach_of="B")),
    )
    sweep.run(as_of=utc("2026-06-01T00:00"))
    assert {ref: status_and_day(ref) for ref in "ABC"} == {
        "A": ("unmet", date(2026, 3, 15)),
        "B": ("unmet", date(2026, 3, 26)),
        "C": ("unmet", date(2026, 3, 28)),
    }
    assert deadline_of("B").breaches.get().occurred_at == utc("2026-03-26T16:00")


@pytest.mark.django_db
def test_a_performance_recorded_late_voids_the_breach_and_deactivates_its_trigger() -> None:
    first = create_agreement(obligation("A"), obligation("B", due=after_event(2, breach_of="A")))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    assert status_and_day("B")[0] == "unmet"
    record(first, as_of=utc("2026-03-21T00:00"), type="performance", on="2026-03-14")
    assert status_and_day("A")[0] == "met"
    assert status_and_day("B") == ("dormant", None)
    assert first.breaches.get().end_reason == BreachEnd.VOIDED
    assert deadline_of("B").breaches.get().end_reason == BreachEnd.VOIDED


@pytest.mark.django_db
def test_a_period_without_violations_activates_its_trigger_when_it_ends() -> None:
    create_agreement(
        obligation("A", kind="maintain"), obligation("B", due=after_event(10, met="A"))
    )
    sweep.run(as_of=utc("2026-03-20T00:00"))
    assert status_and_day("A")[0] == "met"
    assert status_and_day("B") == ("pending", date(2026, 3, 26))


@pytest.mark.django_db
def test_a_manual_trigger_activates_a_deadline() -> None:
    deadline = create_agreement(
        obligation("B", due=after_event(10, breach_of="A")), obligation("A")
    )
    fact = record(deadline, as_of=NOW, type="trigger", on="2026-01-30")
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 2, 9))
    assert deadline.status_since == utc("2026-01-29T16:00")
    record(deadline, as_of=NOW + timedelta(hours=1), type="retraction", supersedes=fact.pk)
    assert deadline.status == "dormant"


@pytest.mark.django_db
def test_a_manual_trigger_can_replace_a_milestone() -> None:
    deadline = create_agreement(
        obligation("B", due=days_after(10, milestone="in-force")), milestones=[milestone()]
    )
    record(deadline, as_of=NOW, type="trigger", at="2026-01-29T20:00:00Z")
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 2, 9))


@pytest.mark.django_db
def test_a_manual_trigger_can_activate_a_deadline_that_is_counted_from_another_one() -> None:
    rule = after_event(10, breach_of="A")
    rule["then"]["from"] = {"deadline": "A"}
    deadline = create_agreement(obligation("B", due=rule), obligation("A"))
    record(deadline, as_of=NOW, type="trigger", on="2026-01-30")
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 3, 25))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rule", [{"type": "date", "on": "2026-03-15"}, days_after(3, date="2026-03-15"), MONTHLY]
)
def test_a_deadline_that_waits_for_no_event_cannot_be_triggered(rule: dict[str, Any]) -> None:
    deadline = create_agreement(obligation(due=rule))
    with pytest.raises(Invalid, match="type: This deadline does not wait for an event"):
        record(deadline, as_of=NOW, type="trigger", on="2026-01-30")


# Chains


@pytest.mark.django_db
def test_a_chain_moves_as_a_whole() -> None:
    create_agreement(
        obligation("A", due=days_after(30, milestone="in-force")),
        obligation("B", due=days_after(10, deadline="A")),
        obligation("C", due=after_event(5, met="B")),
        obligation("D", due=days_after(1, deadline="C")),
        milestones=[milestone("2026-02-10")],
    )
    assert [status_and_day(ref) for ref in "ABCD"] == [
        ("pending", date(2026, 3, 12)),
        ("pending", date(2026, 3, 22)),
        ("dormant", None),
        ("dormant", None),
    ]
    record(deadline_of("B"), as_of=utc("2026-03-16T00:00"), type="performance", on="2026-03-15")
    assert status_and_day("C") == ("pending", date(2026, 3, 20))
    assert status_and_day("D") == ("pending", date(2026, 3, 21))
    extended = {"type": "date", "on": "2026-03-27"}
    record(
        deadline_of("C"),
        as_of=utc("2026-03-17T00:00"),
        type="extension",
        on="2026-03-17",
        due=extended,
    )
    assert status_and_day("D") == ("pending", date(2026, 3, 28))


@pytest.mark.django_db
def test_an_extension_moves_dependents_from_the_instant_it_takes_effect() -> None:
    first = create_agreement(
        obligation("A", due_on="2026-03-10"), obligation("B", due=days_after(2, deadline="A"))
    )
    missed_at = utc("2026-03-12T16:00")
    sweep.run(as_of=utc("2026-03-13T00:00"))
    assert status_and_day("B") == ("unmet", date(2026, 3, 12))
    extended_at = utc("2026-03-14T10:00")
    record(
        first,
        as_of=utc("2026-03-15T00:00"),
        type="extension",
        at="2026-03-14T10:00:00Z",
        due={"type": "date", "on": "2026-03-20"},
    )
    second = deadline_of("B")
    assert (second.status, second.due_on) == ("pending", date(2026, 3, 22))
    assert second.original_due_on == date(2026, 3, 12)
    breach = second.breaches.get()
    assert (breach.occurred_at, breach.ended_at) == (missed_at, extended_at)
    assert breach.end_reason == BreachEnd.RESCHEDULED
    # The earlier status remains in the past.
    now = utc("2026-03-15T00:00")
    assert known("B", at=missed_at, known_at=now) == ("unmet", missed_at)


@pytest.mark.django_db
def test_an_extension_in_time_prevents_a_breach_of_dependents() -> None:
    first = create_agreement(
        obligation("A", due_on="2026-03-10"), obligation("B", due=days_after(2, deadline="A"))
    )
    record(
        first,
        as_of=utc("2026-03-09T00:00"),
        type="extension",
        on="2026-03-08",
        due={"type": "date", "on": "2026-03-20"},
    )
    sweep.run(as_of=utc("2026-03-19T00:00"))
    assert status_and_day("B") == ("pending", date(2026, 3, 22))
    assert not deadline_of("B").breaches.exists()


@pytest.mark.django_db
def test_retracting_an_extension_moves_dependents_back() -> None:
    first = create_agreement(
        obligation("A", due_on="2026-03-10"), obligation("B", due=days_after(2, deadline="A"))
    )
    later = {"type": "date", "on": "2026-03-20"}
    fact = record(first, as_of=NOW, type="extension", on="2026-01-30", due=later)
    assert status_and_day("B") == ("pending", date(2026, 3, 22))
    record(first, as_of=NOW + timedelta(hours=1), type="retraction", supersedes=fact.pk)
    assert status_and_day("B") == ("pending", date(2026, 3, 12))


@pytest.mark.django_db
def test_a_performance_does_not_move_what_is_counted_from_the_due_date() -> None:
    first = create_agreement(
        obligation("A", due_on="2026-03-10"), obligation("B", due=days_after(2, deadline="A"))
    )
    record(first, as_of=NOW, type="performance", on="2026-01-30")
    assert status_and_day("B") == ("pending", date(2026, 3, 12))


@pytest.mark.django_db
def test_a_suspension_of_the_agreement_moves_dependents_only_once() -> None:
    create_agreement(
        obligation("A", due_on="2026-03-20"), obligation("B", due=days_after(10, deadline="A"))
    )
    lasting: dict[str, Any] = {"on": "2026-03-01", "until": "2026-03-10"}
    record_agreement_fact(
        as_of=utc("2026-03-02T00:00"), type="suspension", is_tolling=True, **lasting
    )
    assert status_and_day("B") == ("suspended", date(2026, 4, 9))
    sweep.run(as_of=utc("2026-03-11T00:00"))
    assert status_and_day("A") == ("pending", date(2026, 3, 30))
    assert status_and_day("B") == ("pending", date(2026, 4, 9))


@pytest.mark.django_db
def test_a_surviving_obligation_still_follows_the_deadline_it_is_counted_from() -> None:
    after_a = days_after(10, deadline="A")
    create_agreement(
        obligation("A", due_on="2026-03-20"),
        obligation("B", due=after_a, survives_termination=True),
    )
    lasting: dict[str, Any] = {"on": "2026-03-01", "until": "2026-03-10"}
    record_agreement_fact(
        as_of=utc("2026-03-02T00:00"), type="suspension", is_tolling=True, **lasting
    )
    assert status_and_day("A")[1] == date(2026, 3, 30)
    assert status_and_day("B") == ("pending", date(2026, 4, 9))


@pytest.mark.django_db
def test_a_suspension_of_one_deadline_moves_its_dependents() -> None:
    first = create_agreement(
        obligation("A", due_on="2026-03-20"), obligation("B", due=days_after(10, deadline="A"))
    )
    lasting: dict[str, Any] = {"on": "2026-03-01", "until": "2026-03-10"}
    record(first, as_of=utc("2026-03-02T00:00"), type="suspension", is_tolling=True, **lasting)
    assert status_and_day("A") == ("suspended", date(2026, 3, 30))
    assert status_and_day("B") == ("pending", date(2026, 4, 9))


@pytest.mark.django_db
def test_a_source_that_cannot_be_projected_fails_only_its_dependents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = create_agreement(
        obligation("A"), obligation("B", due=days_after(1, deadline="A")), obligation("F")
    )
    create_agreement(
        obligation("C"), obligation("D", due=after_event(1, breach_of="C")), ref="other"
    )
    marked = bad.begins_at - timedelta(days=1)
    Deadline.objects.filter(pk=bad.pk).update(begins_at=marked)

    def refusing(terms: Terms, recorded: Any) -> Timeline:
        if terms.begins_at == marked:
            sentence = "cannot be projected"
            raise ValueError(sentence)
        return project(terms, recorded)

    with monkeypatch.context() as patch:
        patch.setattr(projection_outcome, "project", refusing)
        patch.setattr(sources, "project", refusing)
        sweep.run(as_of=utc("2026-03-20T00:00"))
    assert "cannot be projected" in deadline_of("A").quarantine_error
    assert status_and_day("C")[0] == "unmet"
    assert status_and_day("D") == ("unmet", date(2026, 3, 17))
    assert status_and_day("F")[0] == "unmet"


# Cycles and refs


@pytest.mark.django_db
def test_a_cycle_of_rules_in_a_document_is_refused_with_its_path() -> None:
    found = refused(
        obligation("A", due=days_after(1, deadline="C")),
        obligation("B", due=after_event(1, met="A")),
        obligation("C", due=after_event(1, breach_of="B")),
    )
    assert set(found) == {f"obligations/{index}/due" for index in range(3)}
    sentence = "These obligations would depend on each other: A > C > B > A."
    assert found["obligations/0/due"] == sentence


@pytest.mark.django_db
def test_a_cycle_of_thousands_is_reported_briefly() -> None:
    ring = [
        obligation(f"O-{n}", due=days_after(1, deadline=f"O-{(n + 1) % 3_000}"))
        for n in range(3_000)
    ]
    found = refused(obligation("A"), *ring, obligation("Z", due=days_after(1, deadline="O-7")))
    assert len(found) == 20
    assert "obligations/3001/due" not in found
    assert found["obligations/1/due"].startswith(
        "These obligations would depend on each other: O-0 > O-1"
    )
    assert max(map(len, found.values())) < 200


@pytest.mark.django_db
def test_a_draft_is_checked_without_listing_the_others_of_its_document() -> None:
    class Refs(set[str]):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("a document of thousands would take quadratic time")

    stored = StoredAgreement.load(create_agreement(obligation("A")).agreement)
    draft = read(ObligationDraft, obligation("B", parent="C"))
    assert stored.problems_of(draft, as_of=NOW, others=Refs({"B", "C"})) == []
    assert [each.path for each in stored.problems_of(draft, as_of=NOW, others=Refs())] == ["parent"]


@pytest.mark.django_db
def test_a_cycle_caused_by_a_correction_is_refused_with_its_path() -> None:
    create_agreement(obligation("A"), obligation("B", due=days_after(1, deadline="A")))
    with pytest.raises(Invalid) as error:
        update_obligation(obligation("A", due=days_after(1, deadline="B")), as_of=NOW)
    assert str(error.value) == "due: These obligations would depend on each other: A > B > A."
    assert status_and_day("A") == ("pending", date(2026, 3, 15))


@pytest.mark.django_db
def test_a_cycle_through_the_start_of_a_period_is_refused() -> None:
    create_agreement(obligation("A"), obligation("B", due=days_after(1, deadline="A")))
    keeping = obligation("A", kind="maintain", starts=days_after(1, deadline="B"))
    with pytest.raises(Invalid) as error:
        update_obligation(keeping, as_of=NOW)
    assert str(error.value) == "starts: These obligations would depend on each other: A > B > A."


@pytest.mark.django_db
def test_an_obligation_counted_from_itself_is_refused() -> None:
    own = obligation("A", due=days_after(1, deadline="A"))
    sentence = "These obligations would depend on each other: A > A."
    assert refused(own) == {"obligations/0/due": sentence}
    agreement = create_agreement(obligation("B")).agreement
    with pytest.raises(Invalid, match=f"^due: {sentence}$"):
        obligations.create(agreement=agreement, draft=read(ObligationDraft, own), as_of=NOW)
    with pytest.raises(Invalid, match="B > B"):
        update_obligation(obligation("B", due=after_event(1, met="B")), as_of=NOW)


def chain(count: int) -> list[dict[str, Any]]:
    """Return obligations of which each is counted from the one before it."""
    later = (
        obligation(f"C-{n}", due=days_after(1, deadline=f"C-{n - 1}")) for n in range(1, count)
    )
    return [obligation("C-0"), *later]


@pytest.mark.exhaustive
@pytest.mark.django_db
def test_a_chain_of_dependencies_has_a_limit() -> None:
    sentence = (
        "A chain of more than 100 obligations would depend on each other: count some of them "
        "from a date or a milestone."
    )
    assert refused(*chain(102)) == {f"obligations/{n}/due": sentence for n in (100, 101)}
    create_agreement(*chain(100), obligation("X"))
    assert days("C-99") == [date(2026, 6, 22)]
    with pytest.raises(Invalid, match=r"^due: A chain of more than 100 obligations"):
        update_obligation(obligation("C-0", due=days_after(1, deadline="X")), as_of=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (days_after(1, milestone="x"), "due/from/milestone"),
        (days_after(1, deadline="x"), "due/from/deadline"),
        (after_event(1, milestone="x"), "due/on/milestone"),
        (after_event(1, met="x"), "due/on/met"),
        (after_event(1, breach_of="x"), "due/on/breach_of"),
        (
            {**after_event(1, met="O-1"), "then": days_after(1, deadline="x")},
            "due/then/from/deadline",
        ),
        ({**days_after(1, date="2026-03-01"), "calendars": ["custom:x"]}, "due/calendars"),
    ],
)
def test_an_unknown_ref_is_refused_at_its_path(rule: dict[str, Any], path: str) -> None:
    assert set(refused(obligation("O-1"), obligation("O-2", due=rule))) == {f"obligations/1/{path}"}


@pytest.mark.django_db
def test_a_source_may_follow_its_dependent_in_a_document() -> None:
    create_agreement(obligation("B", due=days_after(1, deadline="A")), obligation("A"))
    assert days("B") == [date(2026, 3, 16)]
    assert deadline_of("A").has_dependents


@pytest.mark.django_db
def test_a_dependent_can_be_added_later() -> None:
    first = create_agreement(obligation("A"))
    draft = read(ObligationDraft, obligation("B", due=after_event(2, met="A")))
    record(first, as_of=NOW, type="performance", on="2026-01-30")
    obligations.create(agreement=first.agreement, draft=draft, as_of=NOW + timedelta(hours=1))
    assert status_and_day("B") == ("pending", date(2026, 2, 1))
    # Its source, which had no dependents before, now activates it.
    fact = Fact.objects.get()
    record(deadline_of("A"), as_of=utc("2026-02-02T00:00"), type="retraction", supersedes=fact.pk)
    assert status_and_day("B") == ("dormant", None)


@pytest.mark.django_db
def test_a_dependent_gets_a_deadline_when_its_source_gets_one() -> None:
    duties = (obligation("A", due=None), obligation("B", due=days_after(2, deadline="A")))
    load(document("supply", *duties), as_of=NOW)
    assert days("B") == []
    source = Agreement.objects.get().obligations.get(ref="A")
    obligations.update(obligation=source, draft=read(ObligationDraft, obligation("A")), as_of=NOW)
    assert days("B") == [date(2026, 3, 17)]


# Recurrences


@pytest.mark.django_db
def test_deadlines_of_a_recurrence_are_created_for_two_years_and_numbered() -> None:
    create_agreement(obligation(due={**MONTHLY, "start": "2026-01-31", "end_of_month": True}))
    found = Deadline.objects.order_by("number").values_list("number", "due_on")
    assert list(found)[:3] == [
        (1, date(2026, 1, 31)),
        (2, date(2026, 2, 28)),
        (3, date(2026, 3, 31)),
    ]
    assert list(found)[-1] == (25, date(2028, 1, 31))
    assert Deadline.objects.get(number=2).trace[0] == (
        "Date 2 of FREQ=MONTHLY from 2026-01-31: 2026-02-28, a Saturday."
    )


@pytest.mark.django_db
def test_more_deadlines_of_a_recurrence_and_its_dependents_are_created_over_time() -> None:
    create_agreement(obligation("A", due=MONTHLY), obligation("B", due=days_after(5, deadline="A")))
    assert (len(days("A")), len(days("B"))) == (24, 24)
    assert recomputation.run(as_of=NOW) is not None
    later = utc("2026-05-20T00:00")
    run = recomputation.run(as_of=later)
    assert run is not None
    assert (len(days("A")), len(days("B"))) == (28, 28)
    assert days("A")[-1] == date(2028, 5, 15)
    assert days("B")[-1] == date(2028, 5, 20)
    assert {status_and_day("A", 28)[0], status_and_day("B", 28)[0]} == {"pending"}
    assert LedgerEntry.objects.filter(deadline=deadline_of("B", 28)).count() == 1
    assert recomputation.run(as_of=later) is None


@pytest.mark.django_db
def test_each_deadline_of_a_recurrence_has_its_own_dependent() -> None:
    create_agreement(obligation("A", due=MONTHLY), obligation("B", due=after_event(5, met="A")))
    second = deadline_of("A", 2)
    record(second, as_of=utc("2026-03-12T00:00"), type="performance", on="2026-03-10")
    woken = Deadline.objects.filter(obligation__ref="B").exclude(status="dormant")
    assert [(each.number, each.due_on) for each in woken] == [(2, date(2026, 3, 15))]


@pytest.mark.django_db
def test_deadlines_that_a_corrected_rule_no_longer_yields_are_withdrawn_and_can_return() -> None:
    create_agreement(obligation("A", due=MONTHLY), obligation("B", due=days_after(5, deadline="A")))
    quarterly = {**MONTHLY, "until": "2026-04-30"}
    update_obligation(obligation("A", due=quarterly), as_of=NOW + timedelta(days=1))
    assert len(days("A")) == 3
    left = deadline_of("A", 4)
    assert (left.status, left.is_withdrawn, left.next_check_at) == ("cancelled", True, None)
    assert LedgerEntry.objects.filter(deadline=left).order_by("-id")[0].reason == Reason.WITHDRAWN
    # The dependents of those no longer have a source.
    assert len(days("B")) == 3
    assert status_and_day("B", 4)[0] == "cancelled"
    update_obligation(obligation("A", due=MONTHLY), as_of=NOW + timedelta(days=2))
    assert (len(days("A")), len(days("B"))) == (24, 24)
    assert status_and_day("A", 4) == ("pending", date(2026, 5, 15))
    assert status_and_day("B", 4) == ("pending", date(2026, 5, 20))


@pytest.mark.django_db
def test_a_recurrence_turned_into_a_date_keeps_its_first_deadline() -> None:
    create_agreement(obligation(due=MONTHLY))
    update_obligation(obligation(due_on="2026-03-15"), as_of=NOW)
    assert days("O-1") == [date(2026, 3, 15)]
    assert Deadline.objects.filter(is_withdrawn=True, status="cancelled").count() == 23


@pytest.mark.django_db
def test_a_recurrence_with_too_many_dates_is_refused_at_its_path() -> None:
    daily = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": "2020-01-01"}
    found = refused(obligation("O-1"), obligation("O-2", due=daily))
    assert found == {
        "obligations/1/due/rrule": (
            "This rule yields more than 2000 dates up to 2028-02-01: "
            "start it later, or make it recur less often."
        )
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=DAILY;INTERVAL=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=9999;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_an_expensive_rule_is_refused_within_a_second(rrule: str) -> None:
    # Processor time, which other work on the machine does not add to.
    start = time.thread_time()
    expensive = {"type": "recurrence", "rrule": rrule, "start": "1971-01-01"}
    assert set(refused(obligation(due=expensive))) == {"obligations/0/due/rrule"}
    assert time.thread_time() - start < 1


@pytest.mark.django_db
def test_a_rule_that_repeats_within_a_day_is_refused() -> None:
    start = time.perf_counter()
    for rrule, begins_on, _ in REFUSED:
        expensive = {"type": "recurrence", "rrule": rrule, "start": begins_on.isoformat()}
        assert set(refused(obligation(due=expensive))) <= {
            "obligations/0/due/rrule",
            "obligations/0/due/start",
        }
    assert time.thread_time() - start < 1


@pytest.mark.django_db
def test_an_extension_of_one_deadline_of_a_recurrence_does_not_move_the_others() -> None:
    create_agreement(obligation(due=MONTHLY), obligation("B", due=days_after(1, deadline="O-1")))
    later = {"type": "date", "on": "2026-04-01"}
    record(deadline_of("O-1", 2), as_of=NOW, type="extension", on="2026-01-30", due=later)
    assert days("O-1")[:3] == [date(2026, 2, 15), date(2026, 4, 1), date(2026, 4, 15)]
    assert days("B")[:3] == [date(2026, 2, 16), date(2026, 4, 2), date(2026, 4, 16)]


@pytest.mark.django_db
def test_a_fact_recorded_long_after_leaves_every_deadline_refreshed() -> None:
    create_agreement(obligation(due=MONTHLY))
    later = {"type": "date", "on": "2026-04-01"}
    as_of = utc("2026-06-20T00:00")
    record(deadline_of("O-1", 2), as_of=as_of, type="extension", on="2026-03-01", due=later)
    silent = Deadline.objects.filter(recorded_at__isnull=True)
    assert not silent.exists()


# Zones


@pytest.mark.django_db
def test_an_extension_without_a_zone_uses_the_zone_of_the_rule() -> None:
    named = {"type": "date", "on": "2026-03-15", "timezone": "America/New_York"}
    deadline = create_agreement(obligation(due=named))
    later = {"type": "date", "on": "2026-03-20"}
    record(deadline, as_of=NOW, type="extension", on="2026-01-30", due=later)
    assert deadline.due_at == utc("2026-03-21T04:00")


TWO_SIDED = {"type": "date", "on": "2026-03-15", "is_two_sided": True}
FIRST_AT, LAST_AT = utc("2026-03-15T16:00"), utc("2026-03-16T04:00")
IN_NEW_YORK = {
    "code": "ACME",
    "name": "Acme Inc",
    "kind": "company",
    "country": "US",
    "timezone": "America/New_York",
}


def across_the_sea(**more: Any) -> Deadline:
    """A deadline that ends first in Shanghai and last in New York."""
    value = document("supply", obligation(due=TWO_SIDED, **more))
    value["parties"][0] = IN_NEW_YORK
    load(value, as_of=NOW)
    return deadline_of("O-1")


@pytest.mark.django_db
def test_a_deadline_is_ambiguous_in_a_two_sided_window_and_unmet_after_it() -> None:
    deadline = across_the_sea()
    assert (deadline.earliest_due_at, deadline.due_at) == (FIRST_AT, LAST_AT)
    assert (deadline.status, deadline.is_ambiguous) == ("pending", False)
    assert deadline.next_check_at is not None
    assert deadline.next_check_at <= FIRST_AT
    for as_of, expected in (
        (FIRST_AT - timedelta(microseconds=1), ("pending", False)),
        (FIRST_AT, ("pending", True)),
        (LAST_AT - timedelta(microseconds=1), ("pending", True)),
        (LAST_AT, ("unmet", False)),
    ):
        sweep.run(as_of=as_of)
        deadline.refresh_from_db()
        assert (deadline.status, deadline.is_ambiguous) == expected, as_of
    assert deadline.breaches.get().occurred_at == LAST_AT


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-15T15:59:59Z", ("met", False)),
        ("2026-03-15T16:00:00Z", ("met", True)),
        ("2026-03-16T03:59:59Z", ("met", True)),
        ("2026-03-16T04:00:00Z", ("met_late", False)),
    ],
)
def test_a_performance_within_the_window_is_ambiguous(at: str, expected: tuple[str, bool]) -> None:
    deadline = across_the_sea()
    record(deadline, as_of=utc("2026-03-20T00:00"), type="performance", at=at)
    assert (deadline.status, deadline.is_ambiguous) == expected


@pytest.mark.django_db
def test_differing_readings_of_a_period_make_a_window_too() -> None:
    rule = {
        "type": "offset",
        "from": {"date": "2026-03-02"},
        "count": 72,
        "unit": "hours",
        "timezone": "America/New_York",
    }
    deadline = create_agreement(obligation(due=rule))
    # On the 2nd, at an unknown hour.
    assert deadline.earliest_due_at == utc("2026-03-05T05:00")
    assert deadline.due_at == utc("2026-03-06T05:00")
    sweep.run(as_of=utc("2026-03-05T12:00"))
    deadline.refresh_from_db()
    assert (deadline.status, deadline.is_ambiguous) == ("pending", True)


# Obligations to maintain and to refrain


def keeping(kind: str = "maintain", **more: Any) -> Deadline:
    """A period from 1 to 15 March, in Shanghai."""
    starts = {"type": "date", "on": "2026-02-28"}
    return create_agreement(obligation(kind=kind, **{"starts": starts, **more}))


MID_MARCH = utc("2026-03-12T00:00")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["maintain", "refrain"])
def test_a_period_without_violations_begins_holds_and_is_met(kind: str) -> None:
    deadline = keeping(kind)
    assert (deadline.status, deadline.starts_at) == ("pending", utc("2026-02-27T16:00"))
    sweep.run(as_of=MID_MARCH)
    deadline.refresh_from_db()
    assert deadline.status == "holding"
    assert deadline.next_check_at is not None
    assert deadline.next_check_at <= utc("2026-03-15T16:00")
    sweep.run(as_of=utc("2026-03-16T00:00"))
    deadline.refresh_from_db()
    assert (deadline.status, deadline.breaches.count()) == ("met", 0)


@pytest.mark.django_db
def test_a_violation_lasts_until_its_last_day_and_the_period_is_met_late() -> None:
    deadline = keeping()
    broken: dict[str, Any] = {"on": "2026-03-05", "until": "2026-03-07"}
    record(deadline, as_of=utc("2026-03-06T00:00"), type="violation", **broken)
    assert (deadline.status, deadline.next_check_at) == ("unmet", utc("2026-03-07T00:00"))
    sweep.run(as_of=MID_MARCH)
    deadline.refresh_from_db()
    assert deadline.status == "holding"
    breach = deadline.breaches.get()
    assert (breach.occurred_at, breach.ended_at) == (
        utc("2026-03-04T16:00"),
        utc("2026-03-07T16:00"),
    )
    assert breach.end_reason == BreachEnd.CURED
    sweep.run(as_of=utc("2026-03-16T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "met_late"


@pytest.mark.django_db
def test_an_open_violation_is_cured_by_one_with_an_end() -> None:
    deadline = keeping("refrain")
    open_ended = record(deadline, as_of=MID_MARCH, type="violation", at="2026-03-05T08:00:00Z")
    first_escalation = MID_MARCH + timedelta(days=1)
    assert (deadline.status, deadline.next_check_at) == ("unmet", first_escalation)
    sweep.run(as_of=utc("2026-03-20T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "unmet"
    record(
        deadline,
        as_of=utc("2026-03-21T00:00"),
        type="violation",
        at="2026-03-05T08:00:00Z",
        until="2026-03-18T08:00:00Z",
        supersedes=open_ended.pk,
    )
    assert deadline.status == "met_late"
    assert deadline.breaches.get().ended_at == utc("2026-03-18T08:00")


@pytest.mark.django_db
def test_an_obligation_to_refrain_without_an_end_has_no_due_date() -> None:
    deadline = create_agreement(obligation(kind="refrain", due=None))
    assert (deadline.status, deadline.due_at, deadline.next_check_at) == ("holding", None, None)
    record(deadline, as_of=NOW, type="violation", on="2026-01-20", until="2026-01-22")
    assert (deadline.status, deadline.breaches.count()) == ("holding", 1)


@pytest.mark.django_db
def test_a_period_with_an_undated_start_is_dormant() -> None:
    deadline = create_agreement(
        obligation(kind="maintain", due=None, starts=days_after(5, milestone="in-force")),
        milestones=[milestone()],
    )
    assert deadline.status == "pending"
    update_agreement(milestones=[milestone("2026-01-20")], as_of=NOW)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.status_since) == ("holding", utc("2026-01-24T16:00"))


@pytest.mark.django_db
@pytest.mark.parametrize(("is_tolling", "due_on"), [(True, 20), (False, 15)])
def test_a_suspension_stops_the_clock_or_lets_it_run(is_tolling: bool, due_on: int) -> None:
    deadline = create_agreement()
    lasting: dict[str, Any] = {"on": "2026-03-05", "until": "2026-03-09"}
    record(deadline, as_of=NOW, type="suspension", is_tolling=is_tolling, **lasting)
    sweep.run(as_of=utc("2026-03-06T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "suspended"
    sweep.run(as_of=MID_MARCH)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 3, due_on))


@pytest.mark.django_db
def test_a_termination_cancels_all_but_surviving_obligations_and_can_be_retracted() -> None:
    create_agreement(
        obligation("A"),
        obligation("B", survives_termination=True),
        obligation("C", kind="maintain", survives_termination=False),
    )
    fact = record_agreement_fact(as_of=NOW, type="termination", on="2026-01-31")
    assert [status_and_day(ref)[0] for ref in "ABC"] == ["cancelled", "pending", "cancelled"]
    later = NOW + timedelta(days=1)
    record_agreement_fact(as_of=later, type="retraction", supersedes=fact.pk)
    assert [status_and_day(ref)[0] for ref in "ABC"] == ["pending", "pending", "holding"]
    at = utc("2026-01-31T12:00")
    assert known("A", at=at, known_at=NOW + timedelta(minutes=1))[0] == "cancelled"
    assert known("A", at=at, known_at=later)[0] == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["maintain", "refrain"])
def test_an_obligation_to_maintain_or_refrain_cannot_be_performed(kind: str) -> None:
    with pytest.raises(Invalid, match=f"type: An obligation to {kind} cannot be performed"):
        record(keeping(kind), as_of=NOW, type="performance", on="2026-01-30")


@pytest.mark.django_db
def test_an_obligation_to_achieve_cannot_be_violated() -> None:
    with pytest.raises(Invalid, match="type: An obligation to achieve cannot be violated"):
        record(create_agreement(), as_of=NOW, type="violation", on="2026-01-30")


# Quantities


def progress(deadline: Deadline) -> tuple[Any, Any]:
    """The performed and the target quantity."""
    return deadline.performed_quantity, deadline.target_quantity


@pytest.mark.django_db
def test_performances_add_up_to_the_target() -> None:
    deadline = create_agreement(obligation(target_quantity=100, unit="t"))
    assert (deadline.performed_quantity, deadline.target_quantity) == (Decimal(0), Decimal(100))
    record(deadline, as_of=NOW, type="performance", on="2026-01-20", quantity="60")
    assert (deadline.status, deadline.performed_quantity) == ("pending", Decimal(60))
    sweep.run(as_of=utc("2026-03-16T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "partly_met"
    record(
        deadline,
        as_of=utc("2026-03-18T00:00"),
        type="performance",
        on="2026-03-17",
        quantity="40.000001",
    )
    assert (deadline.status, deadline.performed_quantity) == ("met_late", Decimal("100.000001"))


@pytest.mark.django_db
def test_a_restated_target_applies_from_then_on() -> None:
    deadline = create_agreement(obligation(target_quantity=100, unit="t"))
    record(deadline, as_of=NOW, type="restatement", on="2026-01-15", quantity="150")
    record(deadline, as_of=NOW, type="performance", on="2026-01-20", quantity="100")
    assert (deadline.status, deadline.performed_quantity, deadline.target_quantity) == (
        "pending",
        Decimal(100),
        Decimal(150),
    )
    record(deadline, as_of=NOW, type="restatement", on="2026-01-25", quantity="90")
    assert (deadline.status, deadline.target_quantity) == ("met", Decimal(90))


@pytest.mark.django_db
def test_recording_a_fact_reads_its_deadline_with_a_lock() -> None:
    deadline = create_agreement()
    stale = Deadline.objects.get(pk=deadline.pk)
    record(deadline, as_of=NOW, type="performance", on="2026-01-20")
    draft = read(FactDraft, {"type": "waiver", "on": "2026-01-25"})
    facts.record(deadline=stale, draft=draft, by=None, as_of=NOW)
    assert status_and_day("O-1")[0] == "met"


@pytest.mark.django_db
def test_warnings_are_about_the_current_due_date() -> None:
    skipped = {"type": "date", "on": "2011-12-30", "timezone": "Pacific/Apia"}
    deadline = create_agreement(obligation("O-1", due=skipped), signed_on="2011-01-01")

    def current() -> list[str]:
        deadline.refresh_from_db()
        return warnings_about(deadline.warnings, deadline.due_at)

    assert "2011-12-30" in current()[0]
    later = {"type": "date", "on": "2012-01-05", "timezone": "Pacific/Apia"}
    extension = record(
        deadline, as_of=utc("2026-03-01T00:00"), type="extension", on="2011-12-01", due=later
    )
    assert current() == []
    record(deadline, as_of=utc("2026-03-02T00:00"), type="retraction", supersedes=extension.pk)
    assert "2011-12-30" in current()[0]
