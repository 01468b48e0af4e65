"""Closing an account ends everything it could do, and pseudonymising leaves no name behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Alert,
    ApiToken,
    AuditEntry,
    CalendarFeed,
    DeliveryAttempt,
    LedgerEntry,
    Membership,
    Message,
    Obligation,
    Responsibility,
    Subscription,
    Team,
    User,
)
from compliance.models.alerts.calendar_feeds import token_hash
from compliance.operations.integrity import seals
from compliance.operations.system import audit_log
from compliance.queries.integrity import tampering
from tests.api.answers import BASE, get, post
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, record, utc

pytestmark = pytest.mark.django_db

EMAIL, NAME = "ana.lee@example.org", "Ana Lee"
REASON = {"reason": "Left the desk."}


@pytest.fixture
def ana(db: None) -> User:
    """A user with everything that a user can have."""
    user = User.objects.create_user(EMAIL, "secret", first_name="Ana", last_name="Lee")
    user.groups.add(Group.objects.get(name="reviewer"))
    Membership.objects.create(user=user, team=Team.objects.create(slug="asia", name="Asia"))
    CalendarFeed.objects.create(
        name="Ana Lee's", owner=user, token_hash=token_hash("x"), created_at=timezone.now()
    )
    Subscription.objects.create(email=EMAIL)
    return user


@pytest.fixture
def admin(db: None) -> Client:
    return client_of(User.objects.create_superuser("desk@example.org", "secret"))


def close(admin: Client, user: User, **body: Any) -> Any:
    return post(admin, f"users/{user.pk}/close/", {**REASON, **body}, 200)


def occurrences() -> list[str]:
    """Return every column of every table in which the name or the address occurs."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ~* %s',
                [r"ana\.lee(@|%40)example|ana\s+lee|\mlee\M"],
            )
            [count] = cursor.fetchone()
            if count:
                found.append(f"{table}.{column}")
    return found


def test_closing_an_account_ends_everything_it_could_do(admin: Client, ana: User) -> None:
    theirs = client_of(ana)
    browser = Client()
    browser.force_login(ana, backend="django.contrib.auth.backends.ModelBackend")
    assert theirs.get(f"{BASE}deadlines/").status_code == 200
    closing = close(admin, ana)
    assert (closing["tokens"], closing["calendar_feeds"], closing["subscriptions"]) == (1, 1, 1)
    ana.refresh_from_db()
    assert not ana.is_active
    assert not ana.has_usable_password()
    assert not ana.groups.exists()
    assert not ana.teams.exists()
    assert theirs.get(f"{BASE}deadlines/").status_code == 401
    assert browser.get("/admin/").status_code == 302
    assert not ApiToken.objects.filter(user=ana, revoked_at=None).exists()
    assert not CalendarFeed.objects.filter(owner=ana, revoked_at=None).exists()
    assert not Subscription.objects.active().filter(email=EMAIL).exists()
    entry = get(admin, "audit/", kind="user", object=ana.pk)["results"][-1]
    assert (entry["actor"], entry["reason"]) == ("desk@example.org", "Left the desk.")


def test_obligations_are_handed_over_or_listed(admin: Client, ana: User) -> None:
    named = [EMAIL.upper()]
    duties = [obligation(ref, responsible=named) for ref in ("O-1", "O-2")]
    create_agreement(*duties, ref="supply")
    User.objects.create_user("bo@example.org")
    closing = close(admin, ana, successor="BO@example.org")
    assert closing["handed_over"] == ["supply/O-1", "supply/O-2"]
    assert {each.name for each in Responsibility.objects.all()} == {"bo@example.org"}
    bo = User.objects.get(email="bo@example.org")
    assert close(admin, bo)["still_responsible"] == ["supply/O-1", "supply/O-2"]


def test_deadlines_that_nobody_hears_of_any_more_are_listed(admin: Client, ana: User) -> None:
    create_agreement(obligation("O-1"), ref="supply", as_of=utc("2026-02-01T00:00"))
    assert close(admin, ana)["without_recipients"] == ["supply/O-1"]
    bo = User.objects.create_user("bo@example.org")
    Subscription.objects.create(email="bo@example.org")
    Subscription.objects.create(email="cy@example.org")
    assert close(admin, bo)["without_recipients"] == []


def test_a_pseudonymised_name_and_address_occur_nowhere(
    admin: Client, ana: User, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "1.eml").write_bytes(b"To: Ana.Lee@example.org\r\n\r\nMissed")
    (tmp_path / "mail" / "2.eml").write_bytes(b"To: bo@example.org\r\n\r\nMissed")
    value = obligation("O-1", title="Report to Ana Lee", responsible=[EMAIL])
    deadline = create_agreement(value, ref="supply")
    record(deadline, type="performance", on="2026-02-03", by=ana, as_of=utc("2026-02-04T00:00"))
    message = Message.objects.create(
        email=EMAIL, message_id="<1@pacta>", created_at=timezone.now(),
        next_attempt_at=timezone.now(),
    )  # fmt: skip
    DeliveryAttempt.objects.create(
        message=message, started_at=timezone.now(), ended_at=timezone.now(), outcome="refused",
        answer=f"550 <{EMAIL}>: unknown user",
    )  # fmt: skip
    Alert.objects.create(
        deadline=deadline, agreement=deadline.agreement, kind="missed", occasion=timezone.now(),
        email=EMAIL, created_at=timezone.now(), message=message,
    )  # fmt: skip
    ana.email = "ana.lee@example.com"
    ana.save()
    ana.email = EMAIL
    ana.save()
    Client().post("/admin/login/", {"username": EMAIL, "password": "wrong"})
    seals.seal(as_of=timezone.now())
    audit_log.publish()
    hashes = list(LedgerEntry.objects.order_by("id").values_list("hash", flat=True))
    assert len(occurrences()) > 10
    close(admin, ana, pseudonymise=True, reason=f"{NAME} ({EMAIL}) has left.")
    assert occurrences() == []
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["2.eml"]
    ana.refresh_from_db()
    assert ana.email == f"former-user-{ana.pk}@pseudonym.invalid"
    found = tampering.check(as_of=timezone.now(), every_seal=True)
    assert found.is_clean, [str(each) for each in found.bad_rows]
    assert list(LedgerEntry.objects.order_by("id").values_list("hash", flat=True)) == hashes
    entry = get(admin, "audit/", kind="user", object=ana.pk)["results"][-1]
    assert entry["reason"] == f"Former user {ana.pk} ({ana.email}) has left."
    with pytest.raises(Exception, match="Cannot update"), connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_auditentry SET address = 'x'")


def test_texts_that_a_hash_covers_stay_and_are_reported(admin: Client, ana: User) -> None:
    deadline = create_agreement(ref="supply")
    fact = record(
        deadline, type="performance", on="2026-02-03", note="Received by Ana Lee.",
        as_of=utc("2026-02-04T00:00"),
    )  # fmt: skip
    closing = close(admin, ana, pseudonymise=True)
    assert closing["remaining"] == [f"compliance_fact.note of row {fact.pk}"]
    assert tampering.check(as_of=timezone.now()).is_clean


def test_similar_names_and_addresses_stay(admin: Client, ana: User) -> None:
    others = ["diana.lee@example.org", "ana.lee@example.org.uk", "ana.lee2@example.org"]
    for each in others:
        Subscription.objects.create(email=each)
    create_agreement(obligation("O-1", title="Banana Leek"), ref="supply")
    close(admin, ana, pseudonymise=True)
    assert set(others) <= set(Subscription.objects.values_list("email", flat=True))
    assert Obligation.objects.get().title == "Banana Leek"


def test_only_an_administrator_closes_accounts_and_never_their_own(ana: User) -> None:
    administrator = User.objects.create_user("ada@example.org")
    administrator.groups.add(Group.objects.get(name="administrator"))
    other = User.objects.create_user("bo@example.org")
    assert client_of(ana).post(f"{BASE}users/{other.pk}/close/").status_code == 403
    theirs = client_of(administrator)
    own = post(theirs, f"users/{administrator.pk}/close/", REASON, 400)
    assert "your own account" in own["detail"]
    post(theirs, f"users/{other.pk}/close/", {}, 400)
    superuser = User.objects.create_superuser("root@example.org")
    post(theirs, f"users/{superuser.pk}/close/", REASON, 403)
    post(theirs, "users/999999/close/", REASON, 404)
    assert not AuditEntry.objects.filter(object_id=superuser.pk, action="changed").exists()
    refused = post(
        theirs, f"users/{other.pk}/close/", {**REASON, "successor": "x@example.org"}, 400
    )
    assert [each["path"] for each in refused["errors"]] == ["successor"]


def test_the_command_and_the_admin_close_accounts_as_well(
    ana: User, capsys: pytest.CaptureFixture[str]
) -> None:
    bo = User.objects.create_user("bo@example.org")
    call_command("close_account", "BO@example.org", "--reason", "Left.", "--pseudonymise")
    assert "is closed: 0 tokens" in capsys.readouterr().out
    bo.refresh_from_db()
    assert bo.email == f"former-user-{bo.pk}@pseudonym.invalid"
    with pytest.raises(CommandError, match="There is no user"):
        call_command("close_account", "bo@example.org", "--reason", "Left.")
    browser = Client()
    root = User.objects.create_superuser("root@example.org")
    browser.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("admin:compliance_user_close_account", args=[ana.pk])
    assert b"Close the account" in browser.get(page).content
    assert browser.post(page, {"reason": ""}).status_code == 200
    assert browser.post(page, {"reason": "Left."}).status_code == 302
    ana.refresh_from_db()
    assert not ana.is_active
