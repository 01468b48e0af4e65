"""breaches/, alerts/ and subscriptions/: what was missed, who is told, what became of it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Alert, DeliveryAttempt, Message
from compliance.operations import sweep
from tests.api.answers import get, patch, paths, post, rows
from tests.samples import DESK, agree, duty, follow, record, utc


def test_breaches_are_listed_the_newest_first(api: Client) -> None:
    agree(duty("A", "2026-03-01"), duty("B", "2026-03-02"), duty("C", "2026-03-02"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    found = rows(api, "breaches/")
    assert [row["obligation_ref"] for row in found] == ["C", "B", "A"]
    assert found[2] == {
        "id": found[2]["id"],
        "deadline": found[2]["deadline"],
        "obligation_ref": "A",
        "agreement": "supply",
        "occurred_at": "2026-03-01T16:00:00Z",
        "detected_at": "2026-03-20T00:00:00Z",
        "ended_at": None,
        "end_reason": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "acknowledged_until": None,
    }
    page = get(api, "breaches/", page_size=1)
    assert api.get(page["next"]).json()["results"] == found[1:2]
    assert get(api, f"breaches/{found[0]['id']}/") == found[0]


def test_breaches_can_be_found_by_when_they_occurred_and_whether_they_last(api: Client) -> None:
    first = agree(duty("A", "2026-03-01"), duty("B", "2026-03-05"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    record(first, as_of=utc("2026-03-21T00:00"), type="waiver", on="2026-03-04")
    for asked, expected in (
        ({"is_open": "true"}, ["B"]),
        ({"is_open": "false"}, ["A"]),
        ({"occurred_after": "2026-03-05T16:00:00Z"}, ["B"]),
        ({"occurred_before": "2026-03-05T16:00:00Z"}, ["A"]),
        ({"occurred_after": "2026-03-02", "occurred_before": "2026-03-05"}, []),
        ({"deadline": first.pk, "agreement": "supply"}, ["A"]),
        ({"agreement": "other"}, []),
    ):
        assert [row["obligation_ref"] for row in rows(api, "breaches/", **asked)] == expected
    assert paths(get(api, "breaches/", 400, is_open="maybe")) == {"is_open"}


def test_an_alert_shows_what_became_of_it(api: Client) -> None:
    deadline = agree()
    follow()
    sweep.run(as_of=utc("2026-03-20T00:00"))
    [alert] = rows(api, "alerts/", state="waiting")
    assert alert == {
        "id": alert["id"],
        "deadline": deadline.pk,
        "obligation_ref": "O-1",
        "agreement": "supply",
        "kind": "missed",
        "occasion": "2026-03-15T16:00:00Z",
        "breach_at": "2026-03-15T16:00:00Z",
        "level": 0,
        "recipient": DESK,
        "created_at": "2026-03-20T00:00:00Z",
        "not_before": "2026-03-20T00:00:00Z",
        "state": "waiting",
        "message_id": None,
        "sent_at": None,
        "attempts": 0,
        "last_answer": None,
    }
    now = timezone.now()
    message = Message.objects.create(
        recipient=DESK, agreement=deadline.agreement, message_id="<1@pacta>", state="refused",
        created_at=now, next_attempt_at=now, attempt_count=2,
    )  # fmt: skip
    for answer in ("450 later", "550 no such mailbox"):
        DeliveryAttempt.objects.create(
            message=message, started_at=now, ended_at=now, outcome="refused", answer=answer
        )
    Alert.objects.update(message=message)
    row = get(api, f"alerts/{alert['id']}/")
    assert (row["state"], row["message_id"], row["attempts"], row["last_answer"]) == (
        "refused", "<1@pacta>", 2, "550 no such mailbox",
    )  # fmt: skip
    assert rows(api, "alerts/", state="refused", recipient=DESK, kind="missed") == [row]
    attempts = rows(api, f"alerts/{alert['id']}/attempts/")
    assert [each["answer"] for each in attempts] == ["450 later", "550 no such mailbox"]
    page = get(api, f"alerts/{alert['id']}/attempts/", page_size=1)
    assert api.get(page["next"]).json()["results"] == attempts[1:]
    get(api, "alerts/999999/attempts/", 404)
    Alert.objects.update(withdrawn_at=now)
    assert get(api, f"alerts/{alert['id']}/")["state"] == "withdrawn"


def test_an_address_follows_one_agreement_or_all(api: Client) -> None:
    agree()
    one = post(api, "subscriptions/", {"email": "lee@example.org", "agreement": "supply"})
    everything = post(api, "subscriptions/", {"email": "lee@example.org"})
    assert one == {
        "id": one["id"],
        "email": "lee@example.org",
        "webhook": None,
        "agreement": "supply",
        "party": None,
        "tag": None,
        "min_severity": "low",
        "is_owner": False,
        "kinds": [],
        "from_escalation": 0,
        "rhythm": "at_once",
        "digest_hour": 8,
        "digest_weekday": 0,
        "quiet_from": None,
        "quiet_until": None,
        "timezone": "UTC",
        "is_active": True,
        "refused_at": None,
        "refusal": None,
    }
    assert everything["agreement"] is None
    assert rows(api, "subscriptions/", agreement="supply", email="lee@example.org") == [one]
    changed = patch(api, f"subscriptions/{one['id']}/", {"is_active": False})
    assert changed == one | {"is_active": False}
    assert rows(api, "subscriptions/", is_active="true") == [everything]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"email": "lee"}, "email"),
        ({"email": "lee@example.org\nBcc: x@example.org"}, "email"),
        ({"agreement": "nothing"}, "agreement"),
        ({"is_active": "perhaps"}, "is_active"),
        ({}, "email"),
        ({"webhook": 99}, ""),
        ({"party": "NOBODY"}, "party"),
        ({"quiet_from": "22:00"}, ""),
        ({"digest_hour": 24}, "digest_hour"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"kinds": ["missed", "missed"]}, "kinds"),
    ],
)
def test_a_bad_subscription_is_refused_at_its_field(
    api: Client, change: dict[str, object], path: str
) -> None:
    agree()
    follow("taken@example.org")
    good = {"email": "taken@example.org"}
    assert paths(post(api, "subscriptions/", good | change, 400)) == {path}
