"""breaches/, alerts/ and subscriptions/."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest
from django.core.validators import validate_email
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance.models import (
    Agreement,
    Alert,
    Breach,
    CalendarFeed,
    DeliveryAttempt,
    Message,
    Obligation,
    Silence,
    Subscription,
    User,
    Webhook,
)
from compliance.operations.deadlines import sweep
from tests.api.answers import BASE, JSON, get, patch, paths, post, rows
from tests.api.conftest import client_of
from tests.operations.test_concurrency import together
from tests.samples import DESK, create_agreement, obligation, record, subscribe, utc


def test_breaches_are_listed_newest_first(api: Client) -> None:
    create_agreement(
        obligation("A", "2026-03-01"), obligation("B", "2026-03-02"), obligation("C", "2026-03-02")
    )
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


def test_filter_breaches_by_time_and_state(api: Client) -> None:
    first = create_agreement(obligation("A", "2026-03-01"), obligation("B", "2026-03-05"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    record(first, as_of=utc("2026-03-21T00:00"), type="waiver", on="2026-03-04")
    for query, expected in (
        ({"is_open": "true"}, ["B"]),
        ({"is_open": "false"}, ["A"]),
        ({"occurred_after": "2026-03-05T16:00:00Z"}, ["B"]),
        ({"occurred_before": "2026-03-05T16:00:00Z"}, ["A"]),
        ({"occurred_after": "2026-03-02", "occurred_before": "2026-03-05"}, []),
        ({"deadline": first.pk, "agreement": "supply"}, ["A"]),
        ({"agreement": "other"}, []),
    ):
        assert [row["obligation_ref"] for row in rows(api, "breaches/", **query)] == expected
    assert paths(get(api, "breaches/", 400, is_open="maybe")) == {"is_open"}


def test_an_alert_shows_its_delivery(api: Client) -> None:
    deadline = create_agreement()
    subscribe()
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
        "predates_entry": False,
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
        email=DESK, agreement=deadline.agreement, message_id="<1@pacta>", state="failed",
        created_at=now, next_attempt_at=now, attempt_count=2,
    )  # fmt: skip
    for answer in ("450 later", "550 no such mailbox"):
        DeliveryAttempt.objects.create(
            message=message, started_at=now, ended_at=now, outcome="refused", answer=answer
        )
    Alert.objects.update(message=message)
    row = get(api, f"alerts/{alert['id']}/")
    assert (row["state"], row["message_id"], row["attempts"], row["last_answer"]) == (
        "failed", "<1@pacta>", 2, "550 no such mailbox",
    )  # fmt: skip
    assert rows(api, "alerts/", state="failed", recipient=DESK, kind="missed") == [row]
    attempts = rows(api, f"alerts/{alert['id']}/attempts/")
    assert [each["answer"] for each in attempts] == ["450 later", "550 no such mailbox"]
    page = get(api, f"alerts/{alert['id']}/attempts/", page_size=1)
    assert api.get(page["next"]).json()["results"] == attempts[1:]
    get(api, "alerts/999999/attempts/", 404)
    Alert.objects.update(withdrawn_at=now)
    assert get(api, f"alerts/{alert['id']}/")["state"] == "withdrawn"


def test_an_address_can_subscribe_to_one_agreement_or_all(api: Client) -> None:
    create_agreement()
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
        "responsible": None,
        "owner": "desk@example.org",
        "kinds": [],
        "from_escalation": 0,
        "frequency": "immediate",
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
def test_an_invalid_subscription_is_refused_at_the_field(
    api: Client, change: dict[str, object], path: str
) -> None:
    create_agreement()
    subscribe("taken@example.org")
    good = {"email": "taken@example.org"}
    assert paths(post(api, "subscriptions/", good | change, 400)) == {path}


@pytest.mark.parametrize(
    "address",
    [
        "\u00fc@example.org", "l\u00e9e@example.org", "a..b@example.org", ".a@example.org",
        "a.@example.org", "lee@intranet", f"lee@{'a' * 64}.org", "lee@-a.org", "lee@127.0.0.1",
        "lee@example.org.", "webhook:1", "lee@[127.0.0.1]", "'a b'@example.org", "lee@@example.org",
        f"{'a' * 250}@example.org", "a\x00@example.org",
    ],
)  # fmt: skip
def test_an_undeliverable_address_is_refused_on_entry(api: Client, address: str) -> None:
    assert paths(post(api, "subscriptions/", {"email": address}, 400)) == {"email"}
    assert not Subscription.objects.exists()


def test_delivery_accepts_every_address_that_the_api_accepts(api: Client) -> None:
    for address in ("o'brien+x@mail.example.co.uk", "a_b-c=d@xn--bcher-kva.example", "x@localhost"):
        post(api, "subscriptions/", {"email": address})
        validate_email(address)


ODD: tuple[object, ...] = (
    None, True, 0, -1, 2**63, 10**400, 1.5, "", "\x00", "x\x00y", "\ud800", "\u202e", "x" * 100_000,
    [], {}, [[[[]]]], {"a": {"b": []}}, "localtime", "../etc/passwd", "/etc/passwd", "posixrules",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00",
    "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:00", "24:00", "22:00Z",
    "22:00+05:00", "-1:00", "NaN", "1e400", ["missed"] * 50, ["x"], "' OR 1=1 --", "%s", "{}",
    {"reminders": [{"count": 10**9}]}, {"reminders": [{"count": 1}] * 5000},
    {"escalations": [{"count": 1, "unit": "years"}]}, {"reminders": [{"count": "\x00"}]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("subscriptions/", {"email": "lee@example.org", "kinds": [], "frequency": "daily",
          "timezone": "UTC", "digest_hour": 8, "digest_weekday": 0, "quiet_from": None,
          "quiet_until": None, "tag": None, "party": None, "agreement": None, "webhook": None,
          "min_severity": "low", "responsible": None, "from_escalation": 0, "is_active": True}),
        ("silences/", {"agreement": "supply", "reason": "Move", "until_at": "2026-12-31T00:00:00Z",
          "deadline": None}),
        ("calendar-feeds/", {"name": "Mine", "agreement": None}),
        ("webhooks/", {"name": "Desk", "kind": "chat", "is_active": True,
          "url": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"}),
        ("breaches/{breach}/acknowledge/", {"until_at": None}),
        ("obligations/", {"agreement": "supply", "ref": "N-1", "title": "New", "obligors": ["CHN"],
          "obligees": ["ACME"], "notification_policy": None}),
    ],
)  # fmt: skip
@pytest.mark.exhaustive
def test_unusual_input_is_refused_and_stores_nothing(
    api: Client, address: str, good: dict[str, object]
) -> None:
    create_agreement()
    subscribe()
    sweep.run(as_of=timezone.now())
    address = address.format(breach=Breach.objects.get().pk)
    tables = (Subscription, Silence, CalendarFeed, Webhook, Obligation)
    before = [table._default_manager.count() for table in tables]
    tried = 0
    for name in good:
        for value in ODD:
            with transaction.atomic():
                sent = json.dumps({**good, name: value})
                answer = api.post(f"{BASE}{address}", sent, content_type=JSON)
                after = [table._default_manager.count() for table in tables]
                transaction.set_rollback(True)
            assert answer.status_code < 500, (name, value, answer.content)
            assert (answer.status_code < 300) or before == after, (name, value)
            tried += 1
    assert tried == len(good) * len(ODD)


@pytest.mark.parametrize(
    "address", ["subscriptions/", "silences/", "calendar-feeds/", "webhooks/",
                "calendar-feeds/1/revoke/",
                "silences/1/end/", "webhooks/1/rotate/", "alerts/1/redeliver/",
                "breaches/1/acknowledge/"],
)  # fmt: skip
def test_read_only_tokens_and_users_without_permissions_cannot_write(
    desk: User, client: Client, address: str
) -> None:
    lee = User.objects.create_user("lee@example.org", "secret")
    for asker, expected in (
        (client, 401), (client_of(desk, is_read_only=True), 403), (client_of(lee), 403),
    ):  # fmt: skip
        post(asker, address, {}, expected)


def test_users_cannot_see_or_revoke_calendar_feeds_of_others(api: Client) -> None:
    feed = post(api, "calendar-feeds/", {"name": "Mine"})
    other = client_of(User.objects.create_superuser("other@example.org", "secret"))
    get(other, f"calendar-feeds/{feed['id']}/", 404)
    post(other, f"calendar-feeds/{feed['id']}/revoke/", {}, 404)
    assert rows(other, "calendar-feeds/") == []
    assert CalendarFeed.objects.get().revoked_at is None


@pytest.mark.django_db(transaction=True)
def test_concurrent_identical_requests_take_effect_once() -> None:
    user = User.objects.create_superuser("desk@example.org", "secret")
    create_agreement()
    subscribe()
    now = timezone.now()
    sweep.run(as_of=now)
    webhook = Webhook.objects.create(
        name="Desk", url="https://example.org/", secret="whsec_eA==", created_at=now
    )
    message = Message.objects.create(
        email=DESK, message_id="<1@pacta>", state="sent", created_at=now, next_attempt_at=now
    )
    Alert.objects.update(message=message)
    silence = Silence.objects.create(
        agreement=Agreement.objects.get(), until_at=now + timedelta(days=1), reason="x",
        created_at=now, created_by=user,
    )  # fmt: skip
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    breach, alert = Breach.objects.get().pk, Alert.objects.get().pk
    clients = [client_of(user) for _ in range(6)]
    for address, value, expected in (
        ("subscriptions/", {"email": "two@example.org"}, 1),
        ("webhooks/", {"name": "New", "kind": "chat", "url": slack}, 1),
        (f"webhooks/{webhook.pk}/rotate/", {}, None),
        (f"breaches/{breach}/acknowledge/", {}, None),
        (f"silences/{silence.pk}/end/", {}, None),
        (f"alerts/{alert}/redeliver/", {}, 1),
    ):
        statuses: list[int] = []

        def ask(
            client: Client,
            address: str = address,
            value: object = value,
            statuses: list[int] = statuses,
        ) -> None:
            answer = client.post(BASE + address, value, content_type=JSON)
            statuses.append(answer.status_code)

        together(*[partial(ask, client) for client in clients])
        assert all(200 <= each < 300 or each in {400, 409} for each in statuses), (
            address, statuses,
        )  # fmt: skip
        good = sum(each < 300 for each in statuses)
        assert good >= 1 if expected is None else good == expected, (address, statuses)
    assert Subscription.objects.filter(email="two@example.org").count() == 1
    webhook.refresh_from_db()
    assert webhook.secret != webhook.former_secret
    assert Alert.objects.filter(kind="silence_ended", recipient=DESK).count() == 1
