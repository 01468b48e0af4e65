"""Recurrences that start with events, and triggers for each event, as they are stored."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import Invalid
from compliance.models import Deadline
from compliance.models.deadlines.deadlines import warnings_about
from compliance.operations.agreements import recomputation as all_recomputation
from compliance.operations.deadlines import recomputation, sweep
from compliance.operations.due_dates import calendars
from tests.samples import (
    create_agreement,
    deadline_of,
    obligation,
    record,
    update_agreement,
    update_obligation,
    utc,
)

NOW = utc("2026-02-01T00:00")
PENALTY = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": {"breach_of": "PAY"}}


def due_days(ref: str) -> dict[int, date | None]:
    """The due days of an obligation by number, without those withdrawn."""
    found = Deadline.objects.filter(obligation__ref=ref, is_withdrawn=False)
    return dict(found.order_by("number").values_list("number", "due_on"))


def march(*days: int) -> dict[int, date]:
    return {number: date(2026, 3, day) for number, day in enumerate(days, start=1)}


@pytest.mark.django_db
def test_a_penalty_accrues_every_day_until_the_payment_is_made() -> None:
    payment = create_agreement(
        obligation("PAY"), obligation("PENALTY", due=PENALTY), timezone="UTC"
    )
    assert deadline_of("PENALTY").status == "dormant"
    sweep.run(as_of=utc("2026-03-16T06:00"))
    assert due_days("PENALTY") == march(16, 17, 18, 19, 20, 21, 22, 23, 24)
    recomputation.run(as_of=utc("2026-03-18T00:05"))
    sweep.run(as_of=utc("2026-03-18T00:06"))
    assert due_days("PENALTY") == march(*range(16, 27))
    assert [deadline_of("PENALTY", number).status for number in (1, 2, 3)] == [
        "unmet", "unmet", "pending",
    ]  # fmt: skip
    first = deadline_of("PENALTY", 1)
    record(first, as_of=utc("2026-03-18T08:00"), type="performance", on="2026-03-17")
    record(payment, as_of=utc("2026-03-19T08:00"), type="performance", on="2026-03-18")
    assert due_days("PENALTY") == march(16, 17)
    first.refresh_from_db()
    assert (first.status, first.due_on) == ("met_late", date(2026, 3, 16))
    assert deadline_of("PENALTY", 5).status == "cancelled"
    assert not deadline_of("PENALTY", 2).quarantine_error


@pytest.mark.django_db
def test_a_corrected_milestone_leaves_facts_with_their_deadline() -> None:
    yearly = {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": {"milestone": "m"}}
    create_agreement(
        obligation("REPORT", due=yearly), milestones=[{"ref": "m", "on": "2026-03-01"}]
    )
    second = deadline_of("REPORT", 2)
    fact = record(second, as_of=NOW, type="performance", on="2026-01-31")
    update_agreement(as_of=NOW, milestones=[{"ref": "m", "on": "2026-04-01"}])
    second.refresh_from_db()
    assert (second.due_on, second.status) == (date(2027, 4, 1), "met")
    assert list(second.facts.values_list("id", flat=True)) == [fact.pk]


@pytest.mark.django_db
def test_every_invoice_is_a_deadline_of_its_own() -> None:
    rule: dict[str, Any] = {
        "type": "trigger", "on": {"milestone": "invoice"}, "each": True,
        "then": {"count": 30, "unit": "days"},
    }  # fmt: skip
    create_agreement(obligation("PAY", due=rule), milestones=[{"ref": "invoice"}])
    assert due_days("PAY") == {1: None}
    for number, day in ((1, "2026-01-10"), (2, "2026-01-20")):
        record(deadline_of("PAY", number), as_of=NOW, type="trigger", on=day)
    assert due_days("PAY") == {1: date(2026, 2, 9), 2: date(2026, 2, 19), 3: None}
    record(deadline_of("PAY", 1), as_of=NOW, type="performance", on="2026-01-31")
    assert [deadline_of("PAY", number).status for number in (1, 2, 3)] == [
        "met", "pending", "dormant",
    ]  # fmt: skip
    assert deadline_of("PAY", 3).trace == ["Dormant until the milestone invoice happens."]


@pytest.mark.django_db
def test_a_date_of_the_milestone_does_not_move_an_event_that_was_recorded() -> None:
    rule: dict[str, Any] = {
        "type": "trigger", "on": {"milestone": "invoice"}, "each": True,
        "then": {"count": 30, "unit": "days"},
    }  # fmt: skip
    create_agreement(obligation("PAY", due=rule), milestones=[{"ref": "invoice"}])
    trigger = record(deadline_of("PAY"), as_of=NOW, type="trigger", on="2026-01-10")
    update_agreement(milestones=[{"ref": "invoice", "on": "2026-01-20"}], as_of=NOW)
    assert due_days("PAY") == {1: date(2026, 2, 9), 2: None}
    assert deadline_of("PAY").due_on == date(2026, 2, 9)
    record(deadline_of("PAY"), as_of=NOW, type="retraction", supersedes=trigger.pk)
    assert deadline_of("PAY").due_on == date(2026, 2, 19)


@pytest.mark.django_db
def test_a_recurrence_that_ends_before_its_event_says_so() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": {"milestone": "judgment"}}
    create_agreement(
        obligation("PAY", due={**rule, "until": "2026-01-31"}), milestones=[{"ref": "judgment"}]
    )
    update_agreement(milestones=[{"ref": "judgment", "on": "2026-02-15"}], as_of=NOW)
    deadline = deadline_of("PAY")
    assert deadline.status == "dormant"
    [warning] = warnings_about(deadline.warnings, None)
    assert warning.startswith("The recurrence ends before the event that starts it")
    assert deadline.trace[-1] == warning


@pytest.mark.django_db
def test_a_milestone_with_a_rule_moves_with_a_custom_calendar() -> None:
    draft = {"code": "hq", "title": "Headquarters", "weekend": [5, 6], "closing_days": []}
    calendar = calendars.save(calendar=None, draft=read(CustomCalendarDraft, draft))
    due = {
        "type": "offset", "from": {"milestone": "a"}, "count": 1, "unit": "business_days",
        "calendars": ["custom:hq"],
    }  # fmt: skip
    after = {"type": "offset", "from": {"milestone": "b"}, "count": 1, "unit": "days"}
    create_agreement(
        obligation("O-1", due=after),
        milestones=[{"ref": "a", "on": "2026-03-02"}, {"ref": "b", "due": due}],
    )
    all_recomputation.run(as_of=NOW)
    assert deadline_of("O-1").due_on == date(2026, 3, 4)
    closed = {**draft, "closing_days": [{"on": "2026-03-03", "reason": "Closed"}]}
    calendars.save(calendar=calendar, draft=read(CustomCalendarDraft, closed))
    all_recomputation.run(as_of=NOW)
    assert deadline_of("O-1").due_on == date(2026, 3, 5)
    assert deadline_of("O-1").trace[0].startswith("Milestone b was dated 2026-03-04")


@pytest.mark.django_db
def test_a_breach_found_later_does_not_move_the_facts_about_a_cure() -> None:
    cure = {
        "type": "trigger", "on": {"breach_of": "SECRET"}, "each": True,
        "then": {"count": 10, "unit": "days"},
    }  # fmt: skip
    secret = create_agreement(
        obligation("SECRET", kind="refrain", due=None), obligation("CURE", due=cure)
    )
    record(secret, as_of=NOW, type="violation", on="2026-01-25", until="2026-01-26")
    record(deadline_of("CURE"), as_of=NOW, type="performance", on="2026-01-28")
    record(secret, as_of=NOW, type="violation", on="2026-01-15", until="2026-01-16")
    assert due_days("CURE") == {1: date(2026, 2, 4), 1_000_001: date(2026, 1, 25)}
    assert deadline_of("CURE").status == "met"
    assert deadline_of("CURE", 1_000_001).status == "unmet"


@pytest.mark.django_db
def test_a_rule_that_requires_more_each_period_keeps_the_facts_about_the_first() -> None:
    yearly = {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-12-31"}
    create_agreement(obligation("MEET", due=yearly))
    record(deadline_of("MEET", 2), as_of=NOW, type="performance", on="2026-01-31")
    update_obligation(obligation("MEET", due={**yearly, "times": 2}), as_of=NOW)
    assert set(due_days("MEET")) == {1, 2, 2001, 2002}
    assert [deadline_of("MEET", number).status for number in (2, 2002)] == ["met", "pending"]


@pytest.mark.django_db
def test_a_document_names_the_deadline_of_a_fact_by_number_if_several_are_due_that_day() -> None:
    twice = {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-12-31", "times": 2}
    done = {"type": "performance", "on": "2026-01-31", "due_on": "2026-12-31"}
    with pytest.raises(Invalid, match=r"due_on: Several deadlines .* give number .*1 or 2001"):
        create_agreement(obligation("MEET", due=twice, facts=[done]))
    with pytest.raises(Invalid, match="number: This obligation has no deadline with the number 9"):
        create_agreement(obligation("MEET", due=twice, facts=[{**done, "number": 9}]))
    create_agreement(obligation("MEET", due=twice, facts=[{**done, "number": 2001}]), as_of=NOW)
    assert [deadline_of("MEET", number).status for number in (1, 2001)] == ["pending", "met"]


@pytest.mark.django_db
def test_what_counts_from_a_milestone_with_a_rule_moves_when_its_source_is_dated() -> None:
    in_force = {
        "ref": "in-force",
        "due": {
            "type": "offset", "from": {"milestone": "deposit"}, "count": 2, "unit": "months",
            "on_day": {"day": 1, "of": "month"},
        },
    }  # fmt: skip
    report = {"type": "offset", "from": {"milestone": "in-force"}, "count": 30, "unit": "days"}
    create_agreement(obligation("REPORT", due=report), milestones=[in_force, {"ref": "deposit"}])
    assert deadline_of("REPORT").status == "dormant"
    deposit = {"ref": "deposit", "on": "2026-03-17"}
    update_agreement(as_of=NOW, milestones=[in_force, deposit])
    assert deadline_of("REPORT").due_on == date(2026, 5, 31)
    assert deadline_of("REPORT").trace[0].startswith("Milestone in-force was dated 2026-05-01")
