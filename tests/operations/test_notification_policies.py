"""Notification policies: reminders before a due date, escalations after a breach."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from compliance.domain.agreements.drafts import AgreementDraft
from compliance.domain.alerts.drafts import AcknowledgementDraft, SilenceDraft, SubscriptionDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Alert, Breach, Deadline, Subscription, User
from compliance.operations.agreements import agreements
from compliance.operations.alerts import silences, subscriptions
from compliance.operations.deadlines import breaches, sweep
from compliance.queries.system.audit import audit
from tests.samples import DESK, create_agreement, obligation, record, utc

pytestmark = pytest.mark.django_db

# Due on 15 March in Shanghai, so at 16:00 UTC; reminded at nine there, 01:00 UTC.
DUE_AT = utc("2026-03-15T16:00")
DAY = timedelta(days=1)


def follow(email: str = DESK, **more: Any) -> None:
    subscriptions.create(draft=read(SubscriptionDraft, {"email": email, **more}), by=None)


def alerts(*kinds: str) -> list[tuple[str, datetime, int, str]]:
    found = Alert.objects.filter(withdrawn_at__isnull=True, kind__in=kinds).order_by("id")
    return list(found.values_list("kind", "occasion", "level", "recipient"))


def reloaded(deadline: Deadline) -> Deadline:
    return Deadline.objects.get(pk=deadline.pk)


def test_reminders_are_sent_thirty_seven_and_one_days_before() -> None:
    deadline = create_agreement()
    follow()
    at = utc("2026-02-10T00:00")
    while (check := reloaded(deadline).next_check_at) is not None and check < DUE_AT:
        at = check
        sweep.run(as_of=at)
    assert [each[1] for each in alerts("reminder")] == [
        utc("2026-02-13T01:00"), utc("2026-03-08T01:00"), utc("2026-03-14T01:00"),
    ]  # fmt: skip


def test_after_a_missed_run_the_latest_reminder_is_sent_and_stale_ones_are_not() -> None:
    create_agreement()
    follow()
    sweep.run(as_of=utc("2026-03-14T12:00"))
    assert [each[1] for each in alerts("reminder")] == [utc("2026-03-14T01:00")]


def test_met_and_past_deadlines_have_no_reminders() -> None:
    deadline = create_agreement()
    follow()
    record(deadline, as_of=utc("2026-03-01T00:00"), type="performance", on="2026-02-28")
    sweep.run(as_of=utc("2026-03-14T12:00"))
    sweep.run(as_of=DUE_AT)
    assert alerts("reminder", "missed") == []


def test_a_reminder_that_predates_the_due_date_being_known_is_not_sent() -> None:
    deadline = create_agreement()
    follow()
    due = {"type": "date", "on": "2026-03-20"}
    record(deadline, as_of=utc("2026-03-10T12:00"), type="extension", on="2026-03-10", due=due)
    assert alerts("reminder") == []
    assert reloaded(deadline).next_check_at == utc("2026-03-13T01:00")
    [(kind, *_)] = alerts("changed")
    assert kind == "changed"


def test_an_open_breach_escalates_after_one_seven_and_thirty_days() -> None:
    deadline = create_agreement()
    follow()
    follow("head@example.org", from_escalation=2)
    for days in (0, 1, 7, 30):
        sweep.run(as_of=DUE_AT + days * DAY)
    assert [(each[1] - DUE_AT, each[2], each[3]) for each in alerts("escalated")] == [
        (1 * DAY, 1, DESK),
        (7 * DAY, 2, DESK), (7 * DAY, 2, "head@example.org"),
        (30 * DAY, 3, DESK), (30 * DAY, 3, "head@example.org"),
    ]  # fmt: skip
    assert reloaded(deadline).next_check_at is None
    record(deadline, as_of=DUE_AT + 31 * DAY, type="performance", on="2026-04-14")
    assert {each[3] for each in alerts("recovered")} == {DESK, "head@example.org"}


def test_a_breach_detected_late_escalates_from_its_detection() -> None:
    deadline = create_agreement()
    follow()
    found_at = DUE_AT + 40 * DAY
    sweep.run(as_of=found_at)
    assert alerts("escalated") == []
    assert reloaded(deadline).next_check_at == found_at + DAY


def test_an_acknowledgement_pauses_escalations_until_it_expires() -> None:
    deadline = create_agreement()
    follow()
    sweep.run(as_of=DUE_AT)
    user = User.objects.create_superuser("lee@example.org", "x")
    draft = read(AcknowledgementDraft, {"until_at": (DUE_AT + 10 * DAY).isoformat()})
    breach = Breach.objects.get()
    breaches.acknowledge(breach=breach, draft=draft, by=user, as_of=DUE_AT + timedelta(hours=1))
    assert reloaded(deadline).next_check_at == DUE_AT + 10 * DAY
    for days in (1, 7, 9):
        sweep.run(as_of=DUE_AT + days * DAY)
    assert alerts("escalated") == []
    sweep.run(as_of=DUE_AT + 10 * DAY)
    assert alerts("escalated") == [("escalated", DUE_AT + 10 * DAY, 2, DESK)]
    sweep.run(as_of=DUE_AT + 30 * DAY)
    assert alerts("escalated")[-1] == ("escalated", DUE_AT + 30 * DAY, 3, DESK)


def test_business_days_of_a_notification_policy_exclude_weekends() -> None:
    steps = [{"count": 1, "unit": "business_days"}]
    notification_policy = {"reminders": steps, "escalations": steps}
    # A Monday, so that the business day before is a Friday.
    deadline = create_agreement(
        obligation(due_on="2026-03-16", notification_policy=notification_policy)
    )
    follow()
    assert reloaded(deadline).next_check_at == utc("2026-03-13T01:00")
    friday = utc("2026-03-20T10:00")
    sweep.run(as_of=friday)
    assert reloaded(deadline).next_check_at == friday + 3 * DAY


def test_obligations_inherit_the_notification_policy_of_their_agreement() -> None:
    deadline = create_agreement()
    agreement = deadline.agreement
    draft = {
        "ref": agreement.ref, "title": agreement.title, "kind": agreement.kind,
        "parties": [{"code": "ACME"}, {"code": "CHN"}],
        "notification_policy": {"reminders": [{"count": 3}], "escalations": []},
    }  # fmt: skip
    now = utc("2026-03-01T00:00")
    agreements.update(agreement=agreement, draft=read(AgreementDraft, draft), as_of=now)
    follow()
    sweep.run(as_of=now)
    assert reloaded(deadline).next_check_at == utc("2026-03-12T01:00")
    sweep.run(as_of=DUE_AT)
    assert reloaded(deadline).next_check_at is None


@pytest.mark.parametrize(
    ("more", "is_notified"),
    [
        ({}, True),
        ({"agreement": "supply"}, True),
        ({"party": "CHN"}, True),
        ({"party": "USA"}, False),
        ({"tag": "hs:2805"}, True),
        ({"tag": "other"}, False),
        ({"min_severity": "high"}, True),
        ({"min_severity": "critical"}, False),
        ({"responsible": "me"}, True),
        ({"responsible": "me", "email": "other@example.org"}, False),
        ({"kinds": ["missed"]}, True),
        ({"kinds": ["reminder"]}, False),
        ({"from_escalation": 1}, False),
        ({"is_active": False}, False),
    ],
)
def test_a_subscription_matches_obligations_that_meet_all_its_conditions(
    more: dict[str, Any], is_notified: bool
) -> None:
    create_agreement(
        obligation(tags=["hs:2805"], severity="high", responsible=["Desk@example.org"])
    )
    if more.get("party") == "USA":
        from compliance.domain.agreements.drafts import PartyDraft
        from compliance.operations.agreements import parties

        usa = {"code": "USA", "name": "USA", "kind": "state", "timezone": "UTC"}
        parties.create(draft=read(PartyDraft, usa))
    follow(**{"email": DESK, **more})
    sweep.run(as_of=DUE_AT)
    assert bool(alerts("missed")) == is_notified
    # The audit agrees, by its own rule.
    Alert.objects.all().delete()
    Breach.objects.update(detected_at="2027-01-01T00:00Z")
    found = audit(as_of=utc("2028-01-01T00:00")).problems
    assert any("follows it" in each["detail"] for each in found) == is_notified


def test_a_recipient_with_two_subscriptions_is_notified_once_at_the_earlier_time() -> None:
    create_agreement()
    follow(frequency="daily", digest_hour=8)
    follow(agreement="supply")
    sweep.run(as_of=DUE_AT)
    alert = Alert.objects.get()
    assert (alert.not_before, alert.is_digest) == (DUE_AT, False)


def test_a_silence_holds_alerts_back_until_its_end_is_announced() -> None:
    deadline = create_agreement()
    follow()
    user = User.objects.create_superuser("lee@example.org", "x")
    until = DUE_AT + 2 * DAY
    draft = {"agreement": "supply", "until_at": until.isoformat(), "reason": "They are moving."}
    silences.create(draft=read(SilenceDraft, draft), by=user, as_of=DUE_AT - DAY)
    sweep.run(as_of=DUE_AT)
    assert not Alert.objects.releasable(DUE_AT + DAY).exists()
    assert not Alert.objects.releasable(until).exists()
    assert Alert.objects.releasable(until + timedelta(minutes=1)).exists(), (
        "even if nobody ended it"
    )
    assert silences.end_due(as_of=until - timedelta(seconds=1)) == 0
    assert silences.end_due(as_of=until) == 1
    assert [each[:2] for each in alerts("silence_ended")] == [("silence_ended", until)]
    assert reloaded(deadline).status == "unmet"


def test_calendars_without_business_days_do_not_suppress_alerts() -> None:
    notification_policy = {
        "reminders": [{"count": 5, "unit": "business_days"}],
        "escalations": [{"count": 2, "unit": "business_days"}],
    }
    never = ["weekend:mon-tue-wed", "weekend:thu-fri-sat-sun"]
    deadline = create_agreement(notification_policy=notification_policy, calendars=never)
    follow()
    sweep.run(as_of=DUE_AT - 4 * DAY)
    sweep.run(as_of=DUE_AT)
    sweep.run(as_of=DUE_AT + 3 * DAY)
    assert reloaded(deadline).quarantine_error == ""
    assert [each[0] for each in alerts("reminder", "missed", "escalated")] == [
        "reminder", "missed", "escalated",
    ]  # fmt: skip


def test_a_missing_calendar_does_not_suppress_alerts() -> None:
    deadline = create_agreement(
        notification_policy={"escalations": [{"count": 2, "unit": "business_days"}]}
    )
    Agreement.objects.update(calendars=["custom:gone"])
    follow()
    sweep.run(as_of=DUE_AT)
    sweep.run(as_of=DUE_AT + 3 * DAY)
    assert reloaded(deadline).quarantine_error == ""
    assert [each[0] for each in alerts("missed", "escalated")] == ["missed", "escalated"]


@pytest.mark.parametrize("frequency", ["immediate", "daily", "weekly"])
def test_a_zone_dropped_from_the_tz_database_does_not_suppress_alerts(frequency: str) -> None:
    create_agreement()
    follow(frequency=frequency, quiet_from="15:00", quiet_until="17:00", timezone="Europe/Berlin")
    follow("other@example.org")
    Subscription.objects.update(timezone="Europe/Atlantis")
    sweep.run(as_of=DUE_AT)
    assert {each[3] for each in alerts("missed")} == {DESK, "other@example.org"}


def test_the_longest_notification_policy_quarantines_nothing() -> None:
    steps = [
        {"count": 366 - place, "unit": unit}
        for place in range(6)
        for unit in ("days", "business_days")
    ]
    notification_policy = {"reminders": steps, "escalations": steps}
    for number, due_on in enumerate(("1900-01-02", "2026-03-15", "2199-12-30")):
        create_agreement(
            obligation(due_on=due_on, notification_policy=notification_policy),
            ref=f"a-{number}",
            signed_on="1900-01-01",
        )
    follow()
    for days in (0, 1, 400, 1000):
        sweep.run(as_of=DUE_AT + days * DAY)
    assert set(Deadline.objects.values_list("quarantine_error", flat=True)) == {""}
