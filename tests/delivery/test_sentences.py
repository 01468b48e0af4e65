"""What an email says about obligations to maintain or refrain, and about the end of a breach."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.delivery import messages, sentences
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.deadlines.drafts import AgreementFactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import AlertKind, BreachEnd, ObligationKind, Status
from compliance.models import Breach, Deadline, Obligation
from compliance.models.alerts.reported_alerts import AlertRow
from compliance.operations.agreements import agreements, obligations
from compliance.operations.alerts.alerts import COLLECTED_FOR
from compliance.operations.deadlines import facts
from tests.delivery.conftest import DUE, NOW, Desk, Sink
from tests.delivery.test_rendering import html_of, sentences_of, text_of

DAY = timedelta(days=1)


def refraining(desk: Desk, **terms: Any) -> Deadline:
    """Create an obligation of China to refrain, without an end, and return its deadline."""
    return desk.deadline(desk.agreement(), "Not to resell", kind="refrain", due=None, **terms)


def record_violation(desk: Desk, deadline: Deadline, as_of: datetime, **more: Any) -> None:
    """Record a violation that began at `NOW`."""
    desk.record(deadline, as_of, type="violation", at=NOW.isoformat(), **more)


def test_a_violation_email_states_since_when(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = refraining(desk)
    record_violation(desk, deadline, NOW)
    desk.deliver(NOW + 3 * DAY)

    assert sink.subjects == ["Violated: Not to resell (China)"]
    for sentence in (text_of(sink.received[0]), html_of(sink.received[0])):
        assert "Violated since Monday, 2 March 2026, 09:00 UTC, for 3 days." in sentence
        assert "A violation is on record. Detected on Monday, 2 March 2026, 09:00 UTC." in sentence
        assert "no end date" in sentence
        assert " late." not in sentence
        assert "missed" not in sentence.lower()
    assert "Binds until: no end date\n" in text_of(sink.received[0])


def test_the_end_of_a_violation_is_announced_in_its_thread(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = refraining(desk)
    record_violation(desk, deadline, NOW)
    desk.deliver(NOW)
    end = NOW + 2 * DAY
    fact = deadline.facts.get()
    record_violation(desk, deadline, end, until=end.isoformat(), supersedes=fact.pk)
    desk.pass_to(end)

    assert sink.subjects[1] == "Cured: Not to resell (China)"
    sentence = "The violation ended on Wednesday, 4 March 2026, 09:00 UTC. It had lasted 2 days."
    assert sentence in sentences_of(sink.received[1])
    assert sink.received[1]["In-Reply-To"] == sink.received[0]["Message-ID"]


def test_a_retracted_violation_is_announced_as_not_violated_after_all(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    deadline = refraining(desk)
    record_violation(desk, deadline, NOW)
    desk.deliver(NOW)
    fact = deadline.facts.get()
    desk.record(deadline, NOW + DAY, type="retraction", supersedes=fact.pk)
    desk.deliver(NOW + DAY)

    assert sink.subjects[1] == "Not violated after all: Not to resell (China)"
    assert "shows that it was not violated" in text_of(sink.received[1])


def test_an_email_counts_missed_deadlines_and_violations_separately(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    desk.deadline(agreement, "Deliver")
    deadline = desk.deadline(agreement, "Not to resell", kind="refrain", due=None)
    record_violation(desk, deadline, NOW)
    desk.pass_to(DUE)

    assert sink.subjects == ["1 missed, 1 violated: Supply agreement"]


def test_a_ceiling_that_is_missed_is_described_by_its_value(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    terms: dict[str, Any] = {"target_quantity": "100", "target_bound": "at_most", "unit": "kt"}
    measured = desk.deadline(agreement, "Emit at most 100 kt", **terms)
    desk.deadline(agreement, "Store at most 100 kt", **terms)
    desk.record(measured, NOW, type="measurement", on="2026-03-01", quantity="120")
    desk.pass_to(DUE)

    text = sentences_of(sink.received[0])
    assert "late. The value is 120 kt; the target is at most 100 kt. Detected" in text
    assert "late. No value has been measured yet. Detected" in text
    assert text.count("The due date passed without a value that meets the target.") == 2
    assert "accepted performance" not in text


def test_a_suspension_of_a_missed_deadline_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    at = DUE + DAY
    desk.record(deadline, at, type="suspension", at=at.isoformat())
    desk.deliver(at)

    assert sink.subjects[1] == "Suspended: Deliver (China)"
    sentence = "It was suspended on Tuesday, 3 March 2026, 12:00 UTC, after it had been missed."
    assert sentence in sentences_of(sink.received[1])


def test_a_termination_of_the_agreement_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = refraining(desk)
    record_violation(desk, deadline, NOW)
    desk.deliver(NOW)
    at = NOW + DAY
    draft = read(AgreementFactDraft, {"type": "termination", "at": at.isoformat()})
    facts.record_of_agreement(agreement=deadline.agreement, draft=draft, by=None, as_of=at)
    desk.deliver(at)

    assert sink.subjects[1] == "Closed as unmet (terminated): Not to resell (China)"
    sentence = (
        "Its agreement was terminated on Tuesday, 3 March 2026, 09:00 UTC. It had been violated "
        "and is closed as unmet."
    )
    assert sentence in sentences_of(sink.received[1])


def test_a_date_moved_by_its_dependency_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    first = desk.deadline(agreement, "Deliver")
    rule = {"type": "offset", "from": {"deadline": "O-1"}, "count": 1, "unit": "days"}
    desk.deadline(agreement, "Pay", due=rule)
    desk.pass_to(DUE + 3 * DAY)
    at = DUE + 4 * DAY
    later = {"type": "date", "on": "2026-06-01"}
    desk.record(first, at, type="extension", at=at.isoformat(), due=later)
    desk.pass_to(at)

    assert sink.subjects == [
        "2 missed: Supply agreement",
        "1 extended, 1 rescheduled: Supply agreement",
    ]
    sentence = (
        "It was rescheduled on Friday, 6 March 2026, 12:00 UTC, because a date on which it depends "
        "moved. It had been missed."
    )
    assert sentence in sentences_of(sink.received[1])
    text = text_of(sink.received[1])
    assert "Due:         end of Monday, 1 June 2026 (UTC)" in text
    assert "Was due" not in text
    changes = text.partition("What happened:\n")[2].partition("\n\n")[0].splitlines()
    assert [line for line in changes if line.startswith(("2 March", "6 March"))] == [
        "2 March 2026, 12:00 UTC: The due date passed without an accepted",
        "6 March 2026, 12:00 UTC: The due date was extended. It is now due on 1",
    ]


def test_a_deadline_that_lost_its_date_is_described_without_one(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    deadline = desk.deadline(agreement, "Deliver")
    desk.pass_to(DUE)
    at = DUE + DAY
    Breach.objects.update(ended_at=at, end_reason=BreachEnd.WITHDRAWN)
    Deadline.objects.update(due_on=None, due_at=None, unmet_at=None)
    message = _message(deadline)
    [item] = messages.load([message], as_of=at).contents(message).items
    assert item.headline == "Missed, then withdrawn"
    assert item.situation == "Its due rule was corrected and no longer requires it."
    assert item.due.lines == ("no longer known",)


def test_every_end_of_a_breach_has_a_sentence(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    message = _message(deadline)
    for kind in ObligationKind:
        deadline.obligation.kind = kind.value
        deadline.obligation.save()
        for end in BreachEnd:
            Breach.objects.update(ended_at=timezone.now(), end_reason=end.value)
            contents = messages.load([message], as_of=timezone.now()).contents(message)
            assert contents.total == 1
            [item] = contents.items
            assert item.headline.startswith(("Missed, then ", "Violated, then "))
            assert item.situation.endswith("."), end
            assert "{" not in item.headline + item.situation


def test_removing_the_date_of_a_milestone_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    draft = {
        "ref": agreement.ref,
        "title": agreement.title,
        "kind": agreement.kind,
        "timezone": agreement.timezone,
        "parties": [{"code": "CHN"}, {"code": "USA"}],
    }
    with_day = {**draft, "milestones": [{"ref": "m", "on": "2026-02-01"}]}
    agreements.update(agreement=agreement, draft=read(AgreementDraft, with_day), as_of=NOW)
    rule = {"type": "offset", "from": {"milestone": "m"}, "count": 1, "unit": "days"}
    terms = {"ref": "O-1", "title": "Pay", "obligors": ["CHN"], "obligees": ["USA"], "due": rule}
    obligations.create(agreement=agreement, draft=read(ObligationDraft, terms), as_of=NOW)
    desk.pass_to(NOW + COLLECTED_FOR)
    assert sink.subjects == ["Missed before entry: Pay (China)"]
    undated = {**draft, "milestones": [{"ref": "m"}]}
    agreements.update(agreement=agreement, draft=read(AgreementDraft, undated), as_of=NOW + DAY)
    desk.pass_to(NOW + DAY)

    assert sink.subjects[1].endswith(": Pay (China)")
    assert "no longer known" in text_of(sink.received[1])


def _message(deadline: Deadline) -> int:
    """Return the id of the message that contains the only alert about a deadline."""
    message_id = deadline.alerts.get().message_id
    assert message_id is not None
    return message_id


def ended_row(end: BreachEnd, **more: Any) -> AlertRow:
    """Return an alert about a breach that ended for this reason."""
    return AlertRow(
        1, AlertKind.RECOVERED, 1, occurred_at=DUE, detected_at=DUE, ended_at=DUE + 3 * DAY,
        end_reason=end, **more,
    )  # fmt: skip


def unstored_deadline(status: Status = Status.UNMET) -> Deadline:
    obligation = Obligation(kind=ObligationKind.ACHIEVE.value)
    return Deadline(
        obligation=obligation, status=status, timezone="UTC", due_at=DUE, entered_at=DUE + DAY
    )


@pytest.mark.parametrize("end", [end for end in BreachEnd if end is not BreachEnd.VOIDED])
def test_every_end_of_a_breach_from_before_its_entry_has_a_verb(end: BreachEnd) -> None:
    alert = ended_row(end, predates_entry=True)
    said = sentences.situation(alert, unstored_deadline(), DUE + 9 * DAY)
    assert said.split()[:2] in (["It", "was"], ["It", "ended"])
    assert said.endswith(", after it had been missed.")


def test_what_was_partly_met_is_not_said_to_be_closed_as_unmet() -> None:
    for end in (BreachEnd.TERMINATED, BreachEnd.EXPIRED, BreachEnd.DETERMINED):
        for status, words in ((Status.UNMET, "unmet"), (Status.PARTLY_MET, "partly met")):
            alert = ended_row(end, is_partly_met=status is Status.PARTLY_MET)
            deadline = unstored_deadline(status)
            said = sentences.situation(alert, deadline, DUE + 9 * DAY)
            assert said.endswith(f"closed as {words}.")
            heading, _ = sentences.headline(alert, deadline, DUE + 9 * DAY)
            assert f"Closed as {words}" in heading
