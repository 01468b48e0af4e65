"""Users and API tokens in the admin."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from compliance.models import (
    ApiToken,
    User,
)
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, errors


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
    assert not ApiToken.objects.exists()
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
