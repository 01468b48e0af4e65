"""Accounts: only their owners choose passwords, and editing users grants no rights."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse

from compliance.domain.vocabulary import Role
from compliance.models import ApiToken, User
from compliance.operations.people.roles import set_roles
from compliance.operations.people.setup import ensure_administrator
from compliance.operations.people.tokens import create_token
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, errors

NEW = "correct-horse-battery"
CHOSEN = {"new_password1": NEW, "new_password2": NEW}
Committed = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def ana(db: None) -> User:
    """A user whose account others try to take over."""
    return staff("ana@example.org", "approve_proposal")


@pytest.fixture
def clerk(db: None) -> Client:
    """The client of a user who may add and edit users like Ana, but is not a superuser."""
    rights = ("view_user", "change_user", "add_user", "approve_proposal")
    return logged_in(staff("clerk@example.org", *rights))


def token_of(user: User) -> Client:
    """Return an API client with a token of this user."""
    token = create_token(name=f"of {user.email}", user=user, is_read_only=False)
    return Client(headers={"Authorization": f"Bearer {token}"})


def status(client: Client) -> int:
    """Return the status of a list for a client; 401 if it is not authenticated."""
    return client.get("/api/v1/parties/").status_code


def link_in(message: Any) -> str:
    """Return the path of the password link in an email."""
    found = re.search(rf"{re.escape(settings.SITE_URL)}(/password/\S+)", str(message.body))
    assert found, message.body
    return found[1]


# --- Who chooses a password -------------------------------------------------------------------


@pytest.mark.parametrize("fixture", ["clerk", "browser"])
def test_users_cannot_set_the_password_of_another_user(
    request: pytest.FixtureRequest, ana: User, fixture: str
) -> None:
    browser: Client = request.getfixturevalue(fixture)
    before = ana.password
    url = reverse("admin:auth_user_password_change", args=[ana.pk])
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert browser.get(url).status_code == 403
    assert browser.post(url, form).status_code == 403
    browser.post(
        address("user", "change", ana.pk),
        {"email": ana.email, "is_active": "on", "password": make_password(NEW), **form, **CHOSEN},
    )
    ana.refresh_from_db()
    assert ana.password == before
    assert url not in browser.get(address("user", "change", ana.pk)).content.decode()


def test_the_form_for_the_own_password_requires_the_old_one(desk: User, browser: Client) -> None:
    url = reverse("admin:auth_user_password_change", args=[desk.pk])
    response = browser.post(url, {"password1": NEW, "password2": NEW})
    assert (response.status_code, response["Location"]) == (302, reverse("admin:password_change"))
    assert browser.get(response["Location"])["Location"] == reverse("account_change_password")
    url = reverse("account_change_password")
    chosen = {"password1": NEW, "password2": NEW}
    assert "oldpassword" in errors(browser.post(url, {**chosen, "oldpassword": "wrong"}))
    assert browser.post(url, {**chosen, "oldpassword": "secret"}).status_code == 302
    desk.refresh_from_db()
    assert desk.check_password(NEW)


def test_a_new_user_chooses_a_password_by_a_mailed_link(
    clerk: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    form = {"email": "bo@example.org", "password1": NEW, "password2": NEW, "usable_password": "on"}
    with django_capture_on_commit_callbacks(execute=True):
        assert clerk.post(address("user", "add"), form).status_code == 302
    bo = User.objects.get(email="bo@example.org")
    assert not bo.has_usable_password()
    assert not bo.is_staff
    [message] = mail.outbox
    assert message.to == ["bo@example.org"]
    assert message.subject == "Your Pacta account"
    assert "created an account for you" in str(message.body)

    stranger = Client()
    form_page = stranger.get(link_in(message), follow=True)
    assert form_page.status_code == 200
    response = stranger.post(form_page.request["PATH_INFO"], CHOSEN, follow=True)
    assert "Your password is set" in response.content.decode()
    bo.refresh_from_db()
    assert bo.check_password(NEW)
    assert "_auth_user_id" not in stranger.session

    again = clerk.post(address("user", "add"), {"email": "Bo@Example.org"})
    assert "already" in " ".join(errors(again)["email"])


def test_a_password_link_is_sent_only_to_its_owner(clerk: Client, ana: User) -> None:
    url = address("user", "send_password_link", ana.pk)
    assert clerk.get(url).status_code == 200
    assert not mail.outbox
    response = clerk.post(url, follow=True)
    [message] = mail.outbox
    assert message.to == [ana.email]
    assert message.subject == "Choose a new password for Pacta"
    assert link_in(message) not in response.content.decode()
    assert "sent to ana@example.org" in response.content.decode()


@pytest.mark.parametrize("pk", ["superuser", "inactive", "nobody"])
def test_a_clerk_cannot_send_a_password_link_to_a_superuser_or_an_inactive_user(
    clerk: Client, desk: User, ana: User, pk: str
) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    target = {"superuser": desk.pk, "inactive": ana.pk, "nobody": 9_999_999}[pk]
    response = clerk.post(address("user", "send_password_link", target))
    assert response.status_code == {"superuser": 403, "inactive": 302, "nobody": 404}[pk]
    assert not mail.outbox


def test_a_mail_server_that_is_down_is_reported(
    browser: Client, ana: User, settings: Any, unused_tcp_port: int
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_tcp_port
    response = browser.post(address("user", "send_password_link", ana.pk))
    assert response.status_code == 302
    [text] = [str(each) for each in get_messages(response.wsgi_request)]
    assert "could not be sent" in text


@pytest.fixture
def unused_tcp_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def password_link(browser: Client, user: User) -> str:
    """Email a password link to a user, and return its path."""
    browser.post(address("user", "send_password_link", user.pk))
    return link_in(mail.outbox[-1])


def test_a_password_link_works_once(browser: Client, ana: User) -> None:
    link = password_link(browser, ana)
    stranger = Client()
    page = stranger.get(link, follow=True)
    assert stranger.post(page.request["PATH_INFO"], CHOSEN).status_code == 302
    for each in (stranger, Client()):
        response = each.get(link, follow=True)
        assert response.status_code == 404
        assert "This link" in response.content.decode()
    ana.refresh_from_db()
    assert ana.check_password(NEW)


def test_a_password_link_ends_with_its_account(browser: Client, ana: User) -> None:
    link = password_link(browser, ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert Client().get(link, follow=True).status_code == 404


def test_a_weak_password_is_refused_with_a_reason(browser: Client, ana: User) -> None:
    stranger = Client()
    page = stranger.get(password_link(browser, ana), follow=True)
    weak = {"new_password1": "12345", "new_password2": "12345"}
    response = stranger.post(page.request["PATH_INFO"], weak)
    assert response.status_code == 200
    assert "too short" in response.content.decode()
    assert "12345" not in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/password/MQ/x/", "/password/x/x-x/", "/password/%00/a-b/", "/password/OTk5OTk5/a-b/",
             f"/password/{'OTk5' * 300}/a-b/"],
)  # fmt: skip
def test_an_invalid_password_link_is_rejected(db: None, path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_the_page_behind_a_password_link_is_not_cached(browser: Client, ana: User) -> None:
    link = password_link(browser, ana)
    stranger = Client()
    first = stranger.get(link)
    assert first.status_code == 302
    assert link.rstrip("/").rpartition("/")[2] not in first["Location"]
    page = stranger.get(first["Location"])
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "no-referrer"


def test_an_operator_can_set_a_password_on_the_command_line(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = token_of(ana)
    monkeypatch.setattr("getpass.getpass", lambda *_args, **_options: NEW)
    call_command("changepassword", ana.email, verbosity=0)
    ana.refresh_from_db()
    assert ana.check_password(NEW)
    assert status(api) == 401
    with pytest.raises(CommandError):
        call_command("changepassword", "nobody@example.org", verbosity=0)


def test_the_generated_password_of_the_first_administrator_cannot_be_guessed(db: None) -> None:
    _, password = ensure_administrator(email="first@example.org", password=None)
    assert password is not None
    # Each character has 6 bits; 22 of them hold 128 random bits.
    assert len(password) >= 22


def test_the_first_administrator_signs_in_with_the_given_password(db: None) -> None:
    user, password = ensure_administrator(email="admin@example.org", password=NEW)
    assert password == NEW
    form = {"login": user.email, "password": NEW}
    assert Client().post(reverse("account_login"), form).status_code == 302


# --- Tokens and sessions end with the password and the account ------------------------------------


def set_password(user: User) -> None:
    user.set_password(NEW)
    user.save()


def set_password_alone(user: User) -> None:
    user.set_password(NEW)
    user.save(update_fields=["password"])


def make_unusable(user: User) -> None:
    user.set_unusable_password()
    user.save()


def update_password(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password(NEW))


def bulk_password(user: User) -> None:
    user.password = make_password(NEW)
    User.objects.bulk_update([user], ["password"])


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_address(user: User) -> None:
    user.email = "new@example.org"
    user.save(update_fields=["email"])


def deactivate_in_bulk(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def deactivate_in_sql(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_user SET is_active = FALSE WHERE id = %s", [user.pk])


ENDS = [change_address, set_password, set_password_alone, make_unusable, update_password,
        bulk_password, deactivate, deactivate_in_bulk, deactivate_in_sql]  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_tokens_and_sessions_end_with_the_password_and_with_the_account(
    ana: User, end: Callable[[User], None]
) -> None:
    ben = staff("ben@example.org")
    api, browser, other = token_of(ana), logged_in(ana), token_of(ben)
    assert (status(api), status(browser)) == (403, 403)

    end(User.objects.get(pk=ana.pk))

    assert (status(api), status(browser)) == (401, 401)
    assert ApiToken.objects.get(user=ana).revoked_at is not None
    # Reactivating the account does not revive its sessions.
    stale = ana
    stale.save()
    User.objects.update(is_active=True)
    assert (status(api), status(browser)) == (401, 401)
    assert ApiToken.objects.get(user=ben).revoked_at is None
    assert status(other) == 403


def test_changing_a_name_ends_no_session_or_token(ana: User) -> None:
    api, browser = token_of(ana), logged_in(ana)
    ana.first_name = "Ana"
    ana.save()
    assert (status(api), status(browser)) == (403, 403)


def test_changing_the_own_password_ends_all_other_sessions(ana: User) -> None:
    here, there, api = logged_in(ana), logged_in(ana), token_of(ana)
    form = {"password1": NEW, "password2": NEW, "oldpassword": "secret"}
    assert here.post(reverse("account_change_password"), form).status_code == 302
    assert (status(here), status(there), status(api)) == (403, 401, 401)


def test_upgrading_a_password_hash_ends_no_session_or_token(ana: User, settings: Any) -> None:
    api = token_of(ana)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    form = {"login": ana.email, "password": "secret"}
    assert Client().post(reverse("account_login"), form).status_code == 302
    ana.refresh_from_db()
    assert ana.password.startswith("pbkdf2_sha256$")
    assert ana.check_password("secret")
    assert status(api) == 403
    assert ApiToken.objects.get(user=ana).revoked_at is None


# --- Rights --------------------------------------------------------------------------------------


def rights_form(user: User) -> dict[str, Any]:
    """Return a form that requests all rights."""
    group, _ = Group.objects.get_or_create(name="reviewers")
    group.permissions.set(Permission.objects.filter(codename="approve_proposal"))
    return {
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [str(group.pk)],
        "user_permissions": [str(pk) for pk in Permission.objects.values_list("pk", flat=True)],
    }


@pytest.mark.parametrize("email", ["clerk@example.org", "ben@example.org"])
def test_editing_users_grants_no_rights(clerk: Client, email: str) -> None:
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, "secret")
    was_staff, before = user.is_staff, set(user.user_permissions.all())
    assert clerk.post(address("user", "change", user.pk), rights_form(user)).status_code == 302
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (was_staff, False)
    assert set(user.user_permissions.all()) == before
    assert not user.groups.exists()


def test_adding_users_grants_no_rights(clerk: Client) -> None:
    form = {**rights_form(User(email="new@example.org")), "_continue": "1"}
    assert clerk.post(address("user", "add"), form).status_code == 302
    user = User.objects.get(email="new@example.org")
    assert not any((user.is_staff, user.is_superuser, user.user_permissions.exists()))
    assert not user.groups.exists()


def test_editing_users_excludes_groups_and_superusers(clerk: Client, desk: User) -> None:
    group = Group.objects.create(name="desk")
    form = {"name": "desk", "permissions": [str(Permission.objects.first().pk)]}  # type: ignore[union-attr]
    assert clerk.post(reverse("admin:auth_group_change", args=[group.pk]), form).status_code == 403
    assert clerk.post(reverse("admin:auth_group_add"), form).status_code == 403
    form = {"email": "mine@example.org", "is_active": ""}
    assert clerk.post(address("user", "change", desk.pk), form).status_code == 403


def test_editing_users_cannot_change_the_email_address_of_an_account(
    clerk: Client, ana: User
) -> None:
    form = {"email": "clerk2@example.org", "is_active": "on", "first_name": "Ana"}
    assert clerk.post(address("user", "change", ana.pk), form).status_code == 302
    ana.refresh_from_db()
    assert (ana.email, ana.first_name) == ("ana@example.org", "Ana")


# What the account of an administrator is worth to somebody who may edit users.
ATTACKS = {
    "address": {"email": "clerk2@example.org", "is_active": "on"},
    "deactivation": {"email": "adam@example.org", "is_active": ""},
    "rights": {"email": "adam@example.org", "is_active": "on", "groups": []},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_who_may_edit_users_cannot_change_an_administrator(clerk: Client, attack: str) -> None:
    adam = with_roles("adam@example.org", Role.ADMINISTRATOR)
    url = address("user", "change", adam.pk)
    assert clerk.post(url, ATTACKS[attack]).status_code == 403
    assert clerk.post(address("user", "send_password_link", adam.pk)).status_code == 403
    adam = User.objects.get(pk=adam.pk)
    assert (adam.email, adam.is_administrator) == ("adam@example.org", True)
    assert not mail.outbox


def test_an_inactive_administrator_cannot_be_taken_over_either(clerk: Client) -> None:
    adam = with_roles("adam@example.org", Role.ADMINISTRATOR)
    User.objects.filter(pk=adam.pk).update(is_active=False)
    form = {"email": adam.email, "is_active": "on", "first_name": "x"}
    assert clerk.post(address("user", "change", adam.pk), form).status_code == 403


def test_administrators_grant_the_roles_that_they_hold_and_no_other_rights(db: None) -> None:
    adam = logged_in(with_roles("adam@example.org", Role.ADMINISTRATOR))
    ana = with_roles("ana@example.org", Role.VIEWER)
    foreign = Group.objects.create(name="root")
    foreign.permissions.set(Permission.objects.filter(codename="delete_permission"))
    url = address("user", "change", ana.pk)
    form = {"email": "other@example.org", "is_active": "on", "is_superuser": "on",
            "user_permissions": [str(Permission.objects.first().pk)]}  # type: ignore[union-attr] # fmt: skip
    granted = [str(Group.objects.get(name="reviewer").pk)]
    assert adam.post(url, {**form, "groups": [str(foreign.pk)]}).status_code == 200
    assert adam.post(url, {**form, "groups": granted}).status_code == 302
    ana = User.objects.get(pk=ana.pk)
    assert ana.roles == {Role.REVIEWER}
    assert (ana.email, ana.is_superuser) == ("ana@example.org", False)
    assert not ana.user_permissions.exists()


def test_administrators_cannot_change_a_superuser(desk: User) -> None:
    adam = logged_in(with_roles("adam@example.org", Role.ADMINISTRATOR))
    form = {"email": "adam2@example.org", "is_active": ""}
    assert adam.post(address("user", "change", desk.pk), form).status_code == 403
    assert adam.post(address("user", "send_password_link", desk.pk)).status_code == 403


@pytest.mark.parametrize(
    "model", ["mfa_authenticator", "socialaccount_socialaccount", "usersessions_usersession",
              "account_emailaddress"],
)  # fmt: skip
def test_nobody_adds_a_way_to_sign_in_to_the_account_of_another(model: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{model}_add")


def test_an_administrator_removes_lost_second_factors(db: None) -> None:
    ana = with_roles("ana@example.org", Role.REVIEWER)
    Authenticator.objects.create(user=ana, type="totp", data={})
    clerk = logged_in(staff("clerk@example.org", "view_user", "change_user"))
    url = address("user", "remove_second_factors", ana.pk)
    assert clerk.post(url).status_code == 403
    assert Authenticator.objects.exists()
    adam = logged_in(with_roles("adam@example.org", Role.ADMINISTRATOR))
    assert adam.post(url).status_code == 302
    assert not Authenticator.objects.exists()
    [message] = mail.outbox
    assert message.to == [ana.email]
    assert "adam@example.org removed your second factors." in message.body


def with_roles(email: str, *given: Role) -> User:
    user = User.objects.create_user(email, "secret")
    set_roles(user=user, roles=given, by=None)
    return User.objects.get(pk=user.pk)


def test_both_addresses_are_notified_when_a_superuser_changes_an_address(
    browser: Client, ana: User, django_capture_on_commit_callbacks: Committed
) -> None:
    form = {"email": "ana@example.com", "is_active": "on", "is_staff": "on"}
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(address("user", "change", ana.pk), form).status_code == 302
    ana.refresh_from_db()
    assert ana.email == "ana@example.com"
    assert [each.to for each in mail.outbox] == [["ana@example.org"], ["ana@example.com"]]
    for message in mail.outbox:
        for part in ("ana@example.com", "desk@example.org"):
            assert part in message.body
