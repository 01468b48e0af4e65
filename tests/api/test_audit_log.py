"""The audit log: who did what, when, from where and why, as a feed for administrators."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from compliance import tasks
from compliance.domain.vocabulary import AuditAction
from compliance.models import AuditEntry, Subscription, User, Webhook
from compliance.models.history import event_models
from compliance.operations.system import audit_log
from tests.api.answers import BASE, JSON, get, patch, post
from tests.api.conftest import client_of
from tests.samples import BUYER, document, obligation

pytestmark = pytest.mark.django_db

PARTY = {**BUYER, "code": "FRA", "name": "France", "kind": "state"}


def last(api: Client, **query: Any) -> Any:
    """Return the last entry."""
    return get(api, "audit/", page_size=1000, **query)["results"][-1]


def test_a_change_is_reported_with_who_when_from_where_and_why(api: Client, desk: User) -> None:
    post(api, "parties/", PARTY)
    response = api.patch(
        f"{BASE}parties/FRA/",
        {"name": "French Republic", "reason": "Its official name."},
        content_type=JSON,
        REMOTE_ADDR="192.0.2.7",
        headers={"X-Request-ID": "2f1c7a"},
    )
    assert response.status_code == 200, response.content
    entry = last(api, kind="party")
    assert entry.pop("at") == AuditEntry.objects.latest("id").at.isoformat().replace("+00:00", "Z")
    assert entry.pop("position") > 0
    assert entry.pop("object") > 0
    assert entry == {
        "actor": "desk@example.org",
        "address": "192.0.2.7",
        "request_id": "2f1c7a",
        "action": "changed",
        "kind": "party",
        "name": "FRA",
        "reason": "Its official name.",
        "source": "/api/v1/parties/FRA/",
        "changes": {"name": {"before": "France", "after": "French Republic"}},
        "details": {},
    }


def test_changes_of_webhooks_and_by_imports_carry_their_reason(api: Client) -> None:
    webhook = post(api, "webhooks/", {"name": "Desk", "url": "https://8.8.8.8/hook"})
    patch(api, f"webhooks/{webhook['id']}/", {"name": "Office", "reason": "They moved."})
    assert last(api, kind="webhook")["reason"] == "They moved."
    post(api, "agreements/import/?reason=Signed+today", document("supply", obligation("O-1")))
    assert last(api, kind="agreement")["reason"] == "Signed today"


def test_a_change_by_sql_is_reported_without_an_actor(api: Client) -> None:
    Subscription.objects.create(email="ana@example.org")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_subscription SET is_active = false")
    entry = last(api, kind="subscription")
    assert entry["actor"] is None
    assert entry["changes"] == {"is_active": {"before": True, "after": False}}


def test_changes_of_accounts_and_webhooks_are_reported_without_their_secrets(api: Client) -> None:
    ana = User.objects.create_user("ana@example.org", "first password")
    ana.set_password("second password")
    ana.save()
    webhook = Webhook.objects.create(
        name="Desk", url="https://example.org/url-secret", secret="whsec_one",
        created_at=timezone.now(),
    )  # fmt: skip
    webhook.url, webhook.former_secret, webhook.secret = "https://x.org/b", "whsec_one", "whsec_2"
    webhook.save()
    found = get(api, "audit/", page_size=1000, action="secret_changed")["results"]
    assert [(each["kind"], sorted(each["changes"])) for each in found] == [
        ("user", ["password"]),
        ("webhook", ["former_secret", "secret", "url"]),
    ]
    everything = api.get(f"{BASE}audit/?page_size=1000").content.decode()
    for secret in (ana.password, "whsec", "url-secret", "x.org"):
        assert secret not in everything
        assert secret not in stored_history()


def stored_history() -> str:
    """Return everything in the tables of the change history and the audit log, as text."""
    tables = [each._meta.db_table for each in event_models().values()]
    texts = []
    with connection.cursor() as cursor:
        for table in [*tables, "compliance_auditentry", "pghistory_context"]:
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")
            texts.append(str(cursor.fetchone()))
    return "\n".join(texts)


def test_no_table_of_the_history_has_a_column_for_a_secret() -> None:
    for model in event_models().values():
        names = {each.name for each in model._meta.fields}
        assert not names & {"password", "secret", "former_secret", "digest", "former_digest",
                            "token_hash", "token_key", "salt"}, model  # fmt: skip


def test_every_event_table_feeds_the_audit_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger_audit_%%'"
        )
        fed = {name for (name,) in cursor.fetchall()}
    tables = {each._meta.db_table for each in event_models().values()}
    assert tables <= fed, "run makemigrations"


def test_accounts_groups_teams_tokens_webhooks_and_subscriptions_are_tracked() -> None:
    kinds = set(event_models())
    assert {
        "user", "group", "user_group", "user_permission", "group_permission", "team", "membership",
        "webhook", "subscription", "calendar_feed",
    } <= kinds  # fmt: skip
    assert "api_token" in kinds or not hasattr(apps.get_model("compliance.ApiToken"), "revoked_at")


def test_granting_a_role_is_reported(api: Client) -> None:
    from django.contrib.auth.models import Group

    ana = User.objects.create_user("ana@example.org")
    group = Group.objects.get(name="reviewer")
    ana.groups.add(group)
    entry = last(api, kind="user_group")
    assert entry["action"] == "added"
    assert entry["changes"]["user_id"]["after"] == ana.pk
    assert entry["changes"]["group_id"]["after"] == group.pk


def test_sign_ins_sign_outs_and_failures_are_reported(api: Client) -> None:
    ana = User.objects.create_user("ana@example.org", "secret password")
    request = RequestFactory(REMOTE_ADDR="192.0.2.9").post("/sign-in/")
    for name in ("ana@example.org", "nobody@example.org", "my secret password"):
        assert authenticate(request, username=name, password="wrong") is None
    browser = Client(REMOTE_ADDR="192.0.2.9")
    browser.force_login(ana, backend="django.contrib.auth.backends.ModelBackend")
    browser.logout()
    found = get(api, "audit/", page_size=1000)["results"]
    reported = [
        (each["action"], each["actor"], each["object"], each["details"].get("name"))
        for each in found
        if each["kind"] in {"user", "request"} and each["action"] != "added"
    ]
    assert reported == [
        ("sign_in_failed", None, ana.pk, None),
        ("sign_in_failed", None, None, "nobody@example.org"),
        ("sign_in_failed", None, None, ""),
        ("signed_in", "ana@example.org", ana.pk, None),
        ("signed_out", "ana@example.org", ana.pk, None),
    ]
    assert "my secret password" not in stored_history()


def test_refusals_are_reported_with_who_was_refused(api: Client) -> None:
    viewer = User.objects.create_user("vera@example.org")
    refused = client_of(viewer).post(f"{BASE}parties/", PARTY, content_type=JSON)
    assert refused.status_code == 403
    wrong = Client(headers={"Authorization": "Bearer " + "x" * 64}).get(f"{BASE}parties/")
    assert wrong.status_code == 401
    assert Client().get(f"{BASE}parties/").status_code == 401
    found = get(api, "audit/", action="refused")["results"]
    assert [(each["actor"], each["details"], each["source"]) for each in found] == [
        ("vera@example.org", {"status": 403, "method": "POST"}, "/api/v1/parties/"),
        (None, {"status": 401, "method": "GET"}, "/api/v1/parties/"),
    ]
    assert len(found[0]["request_id"]) == 32


def test_recording_a_refusal_takes_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        audit_log.record(
            action=AuditAction.REFUSED, actor=None, account=None, address="192.0.2.1",
            request_id="", details={"status": 403}, as_of=timezone.now(),
        )  # fmt: skip
    assert AuditEntry.objects.refusals().get().details == {"status": 403}


def test_a_flood_of_refusals_is_limited_for_each_address_and_in_all() -> None:
    now = timezone.now()

    def refuse(address: str, at: Any = now) -> None:
        audit_log.record(
            action=AuditAction.REFUSED, actor=None, account=None, address=address, request_id="",
            details={}, as_of=at,
        )  # fmt: skip

    for _ in range(audit_log.MOST_FROM_ADDRESS + 20):
        refuse("192.0.2.1")
    refuse("192.0.2.2")
    stored = AuditEntry.objects.refusals().order_by("id")
    assert stored.filter(address="192.0.2.1").count() == audit_log.MOST_FROM_ADDRESS
    assert stored.filter(address="192.0.2.2").count() == 1
    assert [each.details for each in stored if each.details] == [{"more_are_not_stored": True}]
    refuse("192.0.2.1", now + audit_log.PERIOD + timedelta(seconds=1))
    assert stored.filter(address="192.0.2.1").count() == audit_log.MOST_FROM_ADDRESS + 1


def test_only_administrators_read_the_audit_log(api: Client) -> None:
    from django.contrib.auth.models import Group

    for role, status in (("viewer", 403), ("analyst", 403), ("reviewer", 403),
                         ("administrator", 200)):  # fmt: skip
        user = User.objects.create_user(f"{role}@example.org")
        user.groups.add(Group.objects.get(name=role))
        assert client_of(user).get(f"{BASE}audit/").status_code == status


def test_the_feed_filters_by_actor_kind_object_action_and_time(api: Client) -> None:
    post(api, "parties/", PARTY)
    party = last(api, kind="party")
    later = (timezone.now() + timedelta(hours=1)).isoformat()

    def count(**query: Any) -> int:
        return len(get(api, "audit/", **query)["results"])

    assert count(kind="party", actor="DESK@example.org") == 1
    assert count(kind="party", actor="ana@example.org") == 0
    assert count(kind="party", object=party["object"]) == 1
    assert count(kind="party", action="removed") == 0
    assert count(kind="party", after=later) == 0
    assert count(kind="party", before=later) == 1
    assert count(kind="party", before=party["at"]) == 0


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("cursor=abc", "cursor"),
        ("kind=A", "kind"),
        ("format=xml", "format"),
        ("after=2026", "after"),
        ("action=x", "action"),
        ("object=0", "object"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_a_wrong_parameter_is_refused(api: Client, query: str, path: str) -> None:
    refused = api.get(f"{BASE}audit/?{query}")
    assert refused.status_code == 400
    assert [each["path"] for each in refused.json()["errors"]] == [path]


def test_csv_and_ndjson_have_the_same_entries_and_name_the_next_page(api: Client) -> None:
    post(api, "parties/", {**PARTY, "name": "=1+1"})
    plain = get(api, "audit/", kind="party")
    lines = api.get(f"{BASE}audit/?kind=party&format=ndjson")
    assert lines["Content-Type"] == "application/x-ndjson"
    assert [orjson.loads(each) for each in lines.content.splitlines()] == plain["results"]
    table = api.get(f"{BASE}audit/?kind=party&format=csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(table.content.decode()))
    assert row["action"] == "added"
    assert row["at"] == plain["results"][0]["at"]
    by_header = api.get(f"{BASE}audit/?kind=party", headers={"Accept": "text/csv"})
    assert by_header.content == table.content
    both = api.get(f"{BASE}audit/?kind=party&format=json", headers={"Accept": "text/csv"})
    assert both["Content-Type"] == "application/json"
    assert both.json()["results"] == plain["results"]
    following = table["Link"].removeprefix("<").removesuffix('>; rel="next"')
    assert "format=csv" in following
    assert api.get(following).content.decode().count("\n") == 1
    subscription = Subscription.objects.create(email="a@example.org", tag="=cmd()")
    assert last(api, kind="subscription")["object"] == subscription.pk


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_resumes_misses_no_entry_of_a_concurrent_transaction(api: Client) -> None:
    seen: list[int] = []
    following = f"{BASE}audit/?kind=subscription"

    def read() -> None:
        nonlocal following
        page = api.get(following).json()
        seen.extend(each["object"] for each in page["results"])
        following = page["next"]

    def store(cursor: Any, email: str) -> int:
        cursor.execute(
            "INSERT INTO compliance_subscription (email, is_active) VALUES (%s, true) RETURNING id",
            [email],
        )
        return int(cursor.fetchone()[0])

    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("host", "dbname", "user")}
    address |= {name: parameters[name] for name in ("port", "password") if parameters.get(name)}
    with psycopg.connect(**address) as slow, slow.cursor() as cursor:
        first = store(cursor, "slow@example.org")
        second = Subscription.objects.create(email="quick@example.org").pk
        read()
        assert seen == [second]
        slow.commit()
    read()
    assert sorted(seen) == [first, second]


def test_published_entries_can_be_neither_changed_nor_removed(api: Client) -> None:
    Subscription.objects.create(email="ana@example.org")
    entry = AuditEntry.objects.get(kind="subscription")
    for statement in (
        "UPDATE compliance_auditentry SET actor_id = 1 WHERE id = %s",
        "DELETE FROM compliance_auditentry WHERE id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [entry.pk])
    audit_log.publish()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_auditentry SET position = 1 WHERE id = %s", [entry.pk])


def test_the_log_has_each_entry_once_as_a_line_of_json(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    settings.AUDIT_LOG = True
    logger = logging.getLogger("pacta.audit")
    logger.addHandler(caplog.handler)
    try:
        Subscription.objects.create(email="ana@example.org")
        tasks.publish_audit_log()
        Subscription.objects.update(tag="energy")
        tasks.publish_audit_log()
    finally:
        logger.removeHandler(caplog.handler)
    lines = [orjson.loads(each.message) for each in caplog.records if each.name == "pacta.audit"]
    reported = [(each["action"], each["changes"].get("tag")) for each in lines
            if each["kind"] == "subscription"]  # fmt: skip
    assert reported == [("added", {"before": None, "after": ""}),
                    ("changed", {"before": "", "after": "energy"})]  # fmt: skip


@pytest.mark.parametrize("reason", ["", "x" * 1001, 7, None, "\u202e"])
def test_a_reason_that_is_no_sentence_is_refused(api: Client, reason: object) -> None:
    refused = post(api, "parties/", {**PARTY, "reason": reason}, 400)
    assert [each["path"] for each in refused["errors"]] == ["reason"]


def test_a_reason_alone_changes_nothing(api: Client) -> None:
    post(api, "parties/", PARTY)
    count = AuditEntry.objects.count()
    patch(api, "parties/FRA/", {"reason": "Nothing to do."})
    assert AuditEntry.objects.count() == count
