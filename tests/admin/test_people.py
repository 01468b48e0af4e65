"""Users and API tokens in the admin."""

from __future__ import annotations

from django.core import mail
from django.test import Client
from django.urls import reverse

from compliance.models import (
    ApiToken,
    User,
)
from compliance.operations.people.tokens import create_token
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, errors
from tests.samples import utc


def test_a_token_is_shown_once_and_revoked(browser: Client) -> None:
    values = {"name": "dashboard", "user": "desk@example.org", "is_read_only": "on"}
    response = browser.post(address("apitoken", "add"), values)

    token = response.context["secret"].value
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    stored = ApiToken.objects.get()
    assert stored.is_read_only
    api = Client(headers={"Authorization": f"Bearer {token}"})
    assert api.get("/api/v1/parties/").status_code == 200
    for page in ("changelist", "change"):
        args = [stored.pk] if page == "change" else []
        assert token not in browser.get(address("apitoken", page, *args)).content.decode()

    again = browser.post(address("apitoken", "add"), values)
    assert "already" in " ".join(errors(again)["name"])

    assert browser.get(address("apitoken", "revoke", stored.pk)).status_code == 200
    assert ApiToken.objects.exists()
    browser.post(address("apitoken", "revoke", stored.pk))
    stored.refresh_from_db()
    assert stored.revoked_at is not None
    assert "revoked" in browser.get(address("apitoken", "changelist")).content.decode()
    assert api.get("/api/v1/parties/").status_code == 401


def test_a_token_cannot_be_created_for_a_user_with_more_rights(desk: User) -> None:
    clerk = logged_in(staff("clerk@example.org", "add_apitoken", "view_apitoken"))

    response = clerk.post(address("apitoken", "add"), {"name": "mine", "user": "desk@example.org"})

    assert "user" in errors(response)
    assert not ApiToken.objects.exists()
    clerk.post(address("apitoken", "add"), {"name": "mine", "user": "clerk@example.org"})
    assert ApiToken.objects.get().user.email == "clerk@example.org"


def test_changing_users_does_not_allow_raising_rights(desk: User) -> None:
    user = staff("clerk@example.org", "view_user", "change_user")
    clerk = logged_in(user)
    url = address("user", "change", user.pk)

    clerk.post(url, {"email": user.email, "is_active": "on", "is_superuser": "on"})
    user.refresh_from_db()
    assert not user.is_superuser
    assert user.is_staff

    assert clerk.post(address("user", "change", desk.pk), {"email": "x@y.z"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[desk.pk])
    assert clerk.post(password, {"password1": "aaa", "password2": "aaa"}).status_code == 403


def test_a_token_of_the_admin_has_the_limits_in_its_form(browser: Client) -> None:
    values = {"name": "office", "user": "desk@example.org", "networks": "192.0.2.0/24, 10.0.0.1",
              "expires_on": "2099-12-31"}  # fmt: skip
    wrong = {**values, "networks": "192.0.2.1/24", "expires_on": "2001-01-01"}
    assert "192.0.2.0/24" in " ".join(
        errors(browser.post(address("apitoken", "add"), wrong))["networks"]
    )
    past = {**values, "expires_on": "2001-01-01"}
    assert "past" in " ".join(errors(browser.post(address("apitoken", "add"), past))["expires_on"])
    browser.post(address("apitoken", "add"), values)
    stored = ApiToken.objects.get()
    assert stored.networks == ["192.0.2.0/24", "10.0.0.1/32"]
    assert stored.expires_at == utc("2100-01-01T00:00")
    page = browser.get(address("apitoken", "change", stored.pk)).content.decode()
    assert "192.0.2.0/24, 10.0.0.1/32" in page


def test_a_token_is_rotated_in_the_admin(browser: Client) -> None:
    first = create_token(name="x", user=User.objects.get(), is_read_only=True)
    stored = ApiToken.objects.get()
    url = address("apitoken", "rotate", stored.pk)
    assert browser.get(url).status_code == 200
    key = browser.post(url, {"overlap_hours": "1"}).context["secret"].value
    for each in (first, key):
        api = Client(headers={"Authorization": f"Bearer {each}"})
        assert api.get("/api/v1/parties/").status_code == 200
    assert "overlap" in " ".join(errors(browser.post(url, {"overlap_hours": "1"}))["overlap_hours"])


def test_administrators_see_the_tokens_of_others_but_cannot_rotate_them(browser: Client) -> None:
    ana = staff("ana@example.org", "view_apitoken", "change_apitoken", "delete_apitoken")
    create_token(name="of ana", user=ana, is_read_only=False)
    create_token(name="of desk", user=User.objects.get(email="desk@example.org"), is_read_only=True)
    mine, theirs = ApiToken.objects.order_by("name")
    pages = [each.get(address("apitoken", "changelist")).content.decode()
             for each in (browser, logged_in(ana))]  # fmt: skip
    assert ["of ana" in each for each in pages] == [True, True]
    assert ["of desk" in each for each in pages] == [True, False]
    assert browser.post(address("apitoken", "rotate", mine.pk)).status_code == 403
    for name in ("change", "revoke", "rotate"):
        assert logged_in(ana).get(address("apitoken", name, theirs.pk)).status_code in {302, 404}
    browser.post(address("apitoken", "revoke", mine.pk))
    mine.refresh_from_db()
    assert mine.revoked_at is not None


def test_the_admin_keeps_an_administrator(browser: Client, desk: User) -> None:
    form = {"email": desk.email, "is_superuser": "on", "is_staff": "on"}
    page = browser.post(address("user", "change", desk.pk), form, follow=True)
    assert "There would be no administrator left" in page.content.decode()
    desk.refresh_from_db()
    assert desk.is_active
    User.objects.create_superuser("second@example.org", "secret")
    browser.post(address("user", "change", desk.pk), form)
    desk.refresh_from_db()
    assert not desk.is_active


def test_a_service_account_is_made_in_the_admin_without_a_mail(browser: Client) -> None:
    form = {"email": "robot@example.org", "is_service_account": "on"}
    assert browser.post(address("user", "add"), form).status_code == 302
    robot = User.objects.get(email="robot@example.org")
    assert robot.is_service_account
    assert not mail.outbox
    change = {"email": robot.email, "is_active": "on", "is_staff": "on"}
    assert "is_staff" in errors(browser.post(address("user", "change", robot.pk), change))
    browser.post(address("user", "send_password_link", robot.pk))
    assert not mail.outbox
    values = {"name": "x", "user": robot.email}
    browser.post(address("apitoken", "add"), values)
    assert ApiToken.objects.get().user == robot
